"""Docker archives, as `docker save` writes them: a tar with `manifest.json`, a configuration and layers.

Order: one pass over the archive finds where each member lies; then the configuration is read, and each layer is opened
where it lies. Such an archive has no registry manifest, so nothing in it is what a pod pins: with the registry's
manifest beside it, whose config must be this one, it stands for that.

Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import io
import posixpath
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from weighbridge.canonical import digest, parse_json
from weighbridge.errors import InputError
from weighbridge.image.limits import LIMITS
from weighbridge.image.names import printable
from weighbridge.image.source import Image, Layer, Subject, diff_ids, parse_config, refuse_twins
from weighbridge.image.tar import Archive, Member
from weighbridge.oci.documents import Index, described, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MEMBERS = 10_000
_COMPRESSED = frozenset({b"\x1f\x8b", b"BZ", b"\xfd7", b"\x28\xb5"})
"""How gzip, bzip2, xz and zstd begin."""
_SAVE = "Write it with `docker save IMAGE -o FILE`."


class DockerArchive:
    """An archive on disk."""

    def __init__(self, path: Path, name: str) -> None:
        """Find where everything lies.

        Raises:
            InputError: cannot be read, no tar, or too many members.
        """
        self.path, self.name = path, name
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            with path.open("rb") as file:
                head = file.read(4)
                file.seek(0)
                if head[:2] in _COMPRESSED:
                    raise self._error("is compressed as a whole", "Uncompress it first, for example with gunzip.")
                archive = Archive(file, name, LIMITS)
                for member in archive.members():
                    self._note(member, file.tell())
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror or error}", "Name a readable file.") from error
        if not self._places:
            raise self._error("holds no file", _SAVE)

    def _note(self, member: Member, offset: int) -> None:
        path = _clean(member.name)
        if path in self._places or path in self._links:
            raise self._error(f"holds {printable(path)} twice", _SAVE)
        if len(self._places) + len(self._links) >= _MEMBERS:
            raise self._error(f"has more than {_MEMBERS:,} members", _SAVE)
        if member.kind == "file":
            self._places[path] = (offset, member.size)
        elif member.kind == "symlink":
            # Older versions of Docker write a layer that two images share once.
            self._links[path] = _clean(path.encode("utf-8", "surrogateescape"), b"..", member.linkname)
        elif member.kind != "folder":
            raise self._error(f"holds {printable(path)}, which is no file", _SAVE)

    def place(self, path: str) -> tuple[int, int]:
        """Where a member's contents begin in the file, and their number of bytes.

        Raises:
            InputError: not in the archive.
        """
        clean = _clean(path.encode("utf-8", "surrogateescape"))
        found = self._places.get(self._links.get(clean, clean))
        if found is None:
            raise self._error(f"lacks {printable(path)}", _SAVE)
        return found

    def read(self, path: str) -> bytes:
        """A small member's bytes.

        Raises:
            InputError: missing, or larger than any document.
        """
        start, size = self.place(path)
        if size > LIMITS.documents:
            raise self._error(f"has {size:,} bytes in {printable(path)}, more than {LIMITS.documents:,}", _SAVE)
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """A member's bytes as a stream; being cut off shows in what is read from it."""
        start, size = self.place(path)
        with self.path.open("rb") as file:
            file.seek(start)
            yield io.BufferedReader(_Part(file, size), 1024 * 1024)

    def _error(self, message: str, fix: str) -> InputError:
        return InputError.single(self.name, message, fix)


def _clean(*parts: bytes) -> str:
    """A name in the archive in its one spelling, from the archive's root."""
    joined = posixpath.normpath(posixpath.join(b"/", *parts))
    return joined.decode("utf-8", "surrogateescape").lstrip("/")


class _Part(io.RawIOBase):
    """So many bytes of a file, from where it stands."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._left]
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)


def open_archive(path: Path, name: str, manifest: bytes | None = None) -> Subject:
    """The one image in a docker archive.

    Args:
        path: the archive.
        name: what to call it.
        manifest: the registry's manifest of the same image; its digest is then what the statement is about.

    Raises:
        InputError: no such archive, several images, or a manifest of another image.
    """
    archive = DockerArchive(path, name)
    listed = parse_json(archive.read("manifest.json"), f"{name}: manifest.json")
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        count = len(listed) if isinstance(listed, list) else 0
        raise InputError.single(name, f"holds {count} images, expected one", "Save the one image alone.")
    config_path, paths = listed[0].get("Config"), listed[0].get("Layers")
    # An image without layers has null there.
    paths = [] if paths is None else paths
    if not isinstance(config_path, str) or not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
        raise InputError.single(f"{name}: manifest.json", "names no config and no layers", _SAVE)
    data = archive.read(config_path)
    config = parse_config(data, f"{name}: {printable(config_path)}")
    ids = diff_ids(config, len(paths), name)
    layers = tuple(
        Layer(f"{name}: layer {number} ({printable(path)[:40]})", "", ids[number], _opener(archive, path))
        for number, path in enumerate(paths)
    )
    about = _about(manifest, digest(data), len(layers), name) if manifest is not None else None
    return Subject(about, None, (Image(name, about, digest(data), config, layers),))


def _opener(archive: DockerArchive, path: str) -> Any:
    return lambda: archive.open(path)


def _about(manifest: bytes, config: str, layers: int, name: str) -> str:
    """The digest of a registry's manifest that provably belongs to the archive: it names the same configuration.

    The configuration names the `diff_ids`, which the layers here are compared with and which every runtime compares
    with what it pulls.
    """
    document = parse_manifest(manifest, described(manifest, ""), "--manifest")
    refuse_twins(parse_json(manifest, "--manifest"), "--manifest")
    if isinstance(document, Index):
        raise InputError.single("--manifest", "is an index", "Give the manifest of the image's platform.")
    if document.config.digest != config or len(document.layers) != layers:
        message = (
            f"is the manifest of another image: its config is {document.config.digest}, that of {name} is {config}"
        )
        raise InputError.single("--manifest", message, "Fetch the manifest of the image that was saved.")
    return digest(manifest)
