"""The layers of an image applied one on the other: names into a tree, contents looked at as they stream by.

Order, for each layer: open its blob (whose digest is verified by its reader), uncompress, read the archive's members,
apply each; at the end compare the hash of what was uncompressed with the `diff_id` in the image's configuration.
Nothing is written, nothing is run, and memory holds names, not contents.

Source: OCI image specification, layer.md.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from weighbridge.errors import InputError
from weighbridge.image.compression import LayerStream
from weighbridge.image.content import look
from weighbridge.image.limits import LIMITS, Limits
from weighbridge.image.names import printable
from weighbridge.image.tar import Archive, Member
from weighbridge.image.tree import LayerError, Node, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from weighbridge.image.content import Facts
    from weighbridge.image.source import Layer

    Progress = Callable[[int, int], None]
    """Called with the number of the layer and of the uncompressed bytes that it had so far."""

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CAPABILITY = "security.capability"
_BUILD = "Build the image again with a current tool."


@dataclass(frozen=True)
class Found:
    """A file with something to tell, in whichever layer, also if a later one hides it."""

    path: str
    """Beginning with `/`."""
    layer: int
    facts: Facts


@dataclass
class Contents:
    """What an image's layers hold together."""

    tree: Tree = field(default_factory=Tree)
    found: list[Found] = field(default_factory=list)
    """Files with secrets or weights in them."""
    sizes: list[int] = field(default_factory=list)
    """Uncompressed bytes of each layer."""
    counts: list[int] = field(default_factory=list)
    """Members of each layer."""
    kept: int = 0
    """Bytes of contents in memory."""


def apply_layers(layers: Sequence[Layer], limits: Limits = LIMITS, progress: Progress | None = None) -> Contents:
    """Read every layer and give what a container would see.

    Raises:
        InputError: a layer that is broken, that is not what its digest or diff_id says, that is too large, or that
            means different things to different runtimes.
    """
    if len(layers) > limits.layers:
        message = f"has {len(layers)} layers, more than {limits.layers}"
        raise InputError.single(layers[0].file, message, _BUILD)
    contents = Contents()
    for index, layer in enumerate(layers):
        with _opened(layer, limits, limits.image_bytes - sum(contents.sizes)) as (stream, archive):
            tick = partial(_tell, progress, index, stream)
            _Applying(contents, index, layer.file, limits).members(archive, tick)
        contents.sizes.append(stream.size)
    return contents


def _tell(progress: Progress | None, index: int, stream: LayerStream) -> None:
    if progress is not None:
        progress(index, stream.size)


def read_again(
    layers: Sequence[Layer], wanted: Sequence[Node], limit: int, limits: Limits = LIMITS
) -> dict[int, bytes]:
    """The contents of a few files that nothing was kept of, by the `id` of their node; layers are read a second time.

    Raises:
        InputError: as `apply_layers`.
    """
    places: dict[int, dict[int, Node]] = {}
    for node in wanted:
        places.setdefault(node.origin, {})[node.ordinal] = node
    found: dict[int, bytes] = {}
    for index, nodes in places.items():
        with _opened(layers[index], limits, limits.image_bytes) as (_, archive):
            for ordinal, _ in enumerate(archive.members()):
                if (wanted_node := nodes.get(ordinal)) is not None:
                    pieces: list[bytes] = []
                    while sum(map(len, pieces)) <= limit and (piece := archive.read(limit + 1)):
                        pieces.append(piece)
                    found[id(wanted_node)] = b"".join(pieces)
    return found


@contextmanager
def _opened(layer: Layer, limits: Limits, budget: int) -> Iterator[tuple[LayerStream, Archive]]:
    with layer.open() as raw:
        stream = LayerStream(raw, layer.file, limits, budget)
        yield stream, Archive(stream, layer.file, limits)
        actual = stream.drain()
    if actual != layer.diff_id:
        message = f"has the diff_id {actual}, where the configuration says {layer.diff_id}"
        raise InputError.single(layer.file, message, "Fetch it again; if that does not help, somebody changed it.")


class _Applying:
    """One layer on its way into the tree."""

    def __init__(self, contents: Contents, index: int, file: str, limits: Limits) -> None:
        self._contents, self._index, self._file, self._limits = contents, index, file, limits
        self._tree = contents.tree
        self._removed: set[tuple[str, ...]] = set()
        self._before = sum(contents.counts)
        self._count = 0

    def members(self, archive: Archive, tick: Callable[[], None]) -> None:
        for member in archive.members():
            try:
                self._member(member, archive)
            except LayerError as error:
                name = printable(member.name[:300])
                raise InputError.single(self._file, f"entry {name!r}: {error}", _BUILD) from error
            self._count += 1
            if self._count % 64 == 0:
                tick()
            if max(self._before + self._count, self._tree.made) > self._limits.entries:
                message = f"brings the image to more than {self._limits.entries:,} entries, which is the limit"
                raise InputError.single(self._file, message, "Pack small files together.")
        self._contents.counts.append(self._count)

    def _member(self, member: Member, archive: Archive) -> None:
        parts = path_parts(member.name, self._limits)
        if any(part.startswith(_WHITEOUT) for part in parts[:-1]):
            raise LayerError("lies below a whiteout")
        if parts and parts[-1].startswith(_WHITEOUT):
            self._whiteout(parts)
            return
        _refuse_overlay(member)
        if self._removed and any(parts[:length] in self._removed for length in range(1, len(parts) + 1)):
            raise LayerError("is removed and added by the same layer")
        if member.kind == "link":
            node = self._tree.link(parts, path_parts(member.linkname, self._limits), self._index)
            # Some runtimes give the file the link's own mode and attributes, others do not: the worse is told.
            node.mode |= member.mode
            node.capability = member.xattrs.get(_CAPABILITY, node.capability)[:64]
            return
        self._tree.add(parts, self._node(member, "/".join(parts), archive))

    def _whiteout(self, parts: tuple[str, ...]) -> None:
        name = parts[-1]
        if name == _OPAQUE:
            self._tree.opaque(parts[:-1], self._index)
            return
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in {"", ".", ".."} or hidden.startswith(_WHITEOUT):
            raise LayerError("is a whiteout of nothing that a file could be called")
        target = (*parts[:-1], hidden)
        self._tree.whiteout(target, self._index)
        self._removed.add(target)

    def _node(self, member: Member, path: str, archive: Archive) -> Node:
        node = Node(member.kind, self._index, member.mode)
        node.uid, node.gid, node.size = member.uid, member.gid, member.size
        node.ordinal = self._count
        if member.kind == "symlink":
            node.target = _link_target(member.linkname, self._limits)
        if member.kind == "file":
            node.capability = member.xattrs.get(_CAPABILITY, b"")[:64]
            if member.size:
                node.facts = look(path, node, archive.read)
        if node.facts is not None:
            self._keep(node.facts, path)
        return node

    def _keep(self, facts: Facts, path: str) -> None:
        self._contents.kept += len(facts.kept or b"") + 200
        if self._contents.kept > self._limits.kept_bytes:
            message = (
                f"brings what is kept of the image to more than {self._limits.kept_bytes:,} bytes, which is the limit"
            )
            raise InputError.single(self._file, message, "No image has so many packages.")
        if facts.secrets or facts.weights:
            self._contents.found.append(Found(f"/{path}", self._index, facts))


def path_parts(name: bytes, limits: Limits = LIMITS) -> tuple[str, ...]:
    """The parts of a path in a layer, from the image's root; () for the root itself. Bytes that are no text survive.

    Raises:
        LayerError: empty, leads upwards, has a NUL in it, or is longer than Linux allows.
    """
    if not name or len(name) > limits.path_bytes:
        raise LayerError("has no name, or one that is too long")
    if b"\0" in name:
        raise LayerError("has a NUL in its name")
    parts = tuple(part for part in name.decode("utf-8", "surrogateescape").split("/") if part not in {"", "."})
    if ".." in parts:
        raise LayerError("has a path that leads upwards")
    if len(parts) > limits.depth or any(len(part) > limits.name_bytes for part in parts):
        raise LayerError("has a path that is too deep, or a part of it that is too long")
    return parts


def _link_target(target: bytes, limits: Limits) -> bytes:
    if not target or b"\0" in target or len(target) > limits.path_bytes:
        raise LayerError("is a symbolic link to nothing, or to a path that is too long")
    return target


def _refuse_overlay(member: Member) -> None:
    """Refuse what overlayfs itself would take for a whiteout: some runtimes write it where overlayfs reads."""
    if member.kind == "device" and member.device == (0, 0):
        raise LayerError("is the device 0:0, which some runtimes take for a whiteout")
    overlay = next((name for name in member.xattrs if name.startswith(("trusted.overlay.", "user.overlay."))), None)
    if overlay is not None:
        raise LayerError(f"sets {printable(overlay.encode()[:60])}, which only overlayfs may")
