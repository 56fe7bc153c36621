"""A reproducible archive of a packaged model: `tar` in the pax form, compressed with zstd.

It holds the artifact's files with manifest, artifact.json and card, so that whoever unpacks it can package it again and
gets the same digest. Sorted by path, one owner, one mode, one time; evidence is not in it, as that may be added later.
The same zstd gives the same bytes, on any number of cores.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from weighbridge.errors import InputError, OutputError
from weighbridge.packaging import folder as folders
from weighbridge.packaging.hashing import CHUNK, cores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.packaging.package import Package

TIME = 315_532_800
"""1980-01-01, seconds since the epoch: the oldest time that every kind of archive can hold."""
_LEVEL = 3


def check_archive(folder: Path, target: Path) -> None:
    """Refuse a file that is there already, or that would become part of the model.

    Raises:
        InputError: either of these.
    """
    if os.path.lexists(target):
        raise InputError.single(str(target), "is there already", "Name a new file.")
    if target.absolute().resolve().is_relative_to(folder.resolve()):
        raise InputError.single(str(target), "lies inside the model's folder", "Name a file outside of it.")


def write_archive(folder: Path, packaged: Package, target: Path) -> None:
    """Write the archive; it appears whole or not at all.

    Args:
        folder: the model's folder, from which `packaged` was made; every file is hashed again while it is copied.
        packaged: what was packaged.
        target: a file that is not there yet.

    Raises:
        InputError: a file is no longer what was packaged.
        OutputError: it cannot be written.
    """
    work: Path | None = None
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)
        work = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            _write(stream, folder, packaged)
            stream.flush()
            os.fsync(stream.fileno())
        work.chmod(0o644)
        work.rename(target)
        work = None
    except OSError as error:
        raise OutputError(
            f"{target}: nothing was written: {error.strerror}. Make room, or name another file."
        ) from error
    finally:
        if work is not None:
            work.unlink(missing_ok=True)


def _write(stream: IO[bytes], folder: Path, packaged: Package) -> None:
    import zstandard  # noqa: PLC0415 -- only who wants an archive pays for it

    beside = packaged.files()
    seen = folders.walk(folder).files
    hashes = {path: sha256 for path, _, sha256 in packaged.manifest.entries()}
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=cores(), write_checksum=True)
    with (
        compressor.stream_writer(stream, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive,
    ):
        for path in sorted(hashes.keys() | beside.keys(), key=lambda name: name.encode("utf-8")):
            if path in beside:
                archive.addfile(_entry(path, len(beside[path])), _Data(beside[path]))
            else:
                _add(archive, folder, path, seen, hashes[path])


def _add(archive: tarfile.TarFile, folder: Path, path: str, seen: Mapping[str, folders.Seen], expected: str) -> None:
    descriptor = folders.open_seen(folder, seen[path]) if path in seen else None
    if descriptor is None:
        raise InputError([folders.changed(path)])
    with os.fdopen(descriptor, "rb", buffering=CHUNK) as file:
        source = _Hashed(file, seen[path].size)
        archive.addfile(_entry(path, seen[path].size), source)
    if source.sha256.hexdigest() != expected:
        raise InputError([folders.changed(path)])


def _entry(path: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mtime, entry.mode = size, TIME, 0o644
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


class _Data:
    """Bytes as the reader that `tarfile` takes."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        part = self._data if size < 0 else self._data[:size]
        self._data = self._data[len(part) :]
        return bytes(part)


class _Hashed:
    """A file that is hashed while it is read; one that became shorter is zeros at its end, which its hash tells."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.sha256 = hashlib.sha256()
        self._file, self._left = file, size

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        wanted = self._left if size < 0 else min(size, self._left)
        part = self._file.read(wanted)
        part += bytes(wanted - len(part))
        self._left -= wanted
        self.sha256.update(part)
        return part
