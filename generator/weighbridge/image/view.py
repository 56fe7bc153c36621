"""Reading in the file system that an image's layers make: by path, links followed inside the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.image.layers import Contents, read_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.image.limits import Limits
    from weighbridge.image.source import Layer
    from weighbridge.image.tree import Node

FIXED = (
    "/etc/passwd",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/usr/lib/apk/db/installed",
)
"""Files that are read whatever name, in whichever layer, their contents came under."""
_MOST = 64 * 1024 * 1024


class View:
    """What a container would see, with the contents that matter."""

    def __init__(self, contents: Contents, layers: Sequence[Layer], limits: Limits) -> None:
        """Find the fixed files; those whose contents came under another name are read in a second pass.

        Raises:
            InputError: a layer changed since it was read.
        """
        self.tree = contents.tree
        self.contents = contents
        self.partial: list[str] = []
        """Paths of files that are too large to be read as a whole."""
        self._again: dict[int, bytes] = {}
        missing = [node for path in FIXED if (node := self.file(path)) and node.size and not _kept(node)]
        if missing:
            self._again = read_again(layers, missing, _MOST, limits)

    def file(self, path: str) -> Node | None:
        """The regular file at a path, links followed."""
        found = self.tree.lookup(path)
        return found[1] if found is not None and found[1].kind == "file" else None

    def text(self, path: str) -> str | None:
        """A file's text; None where there is no such file, or its contents were not kept. "" for an empty one."""
        node = self.file(path)
        if node is None:
            return None
        data = self._again.get(id(node))
        if data is None:
            if not _kept(node):
                return None if node.size else ""
            assert node.facts is not None  # noqa: S101 -- `_kept` says so; for the type checker
            data = node.facts.kept or b""
            if not node.facts.whole:
                self.partial.append(path)
        elif len(data) > _MOST:
            self.partial.append(path)
        return data.decode("utf-8", "replace")


def _kept(node: Node) -> bool:
    return node.facts is not None and node.facts.kept is not None
