"""A bundle's archive: a tar.gz that is the same bytes wherever it is made.

What varies between machines is written as a constant: order (by the names' UTF-8 bytes), times, owners, modes, gzip's
header. What is left is deflate itself: zlib, zlib-ng and zlib-rs compress the same input into different bytes. So a
small archive is stored (RFC 1951, section 3.2.4), which leaves nothing to choose, and only a large one is compressed,
where size counts for more.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from typing import TYPE_CHECKING

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STORED_LIMIT_BYTES = 1024**2
"""Up to this size of the tar nothing is compressed."""
MAX_ARCHIVE_BYTES = 1024**3
"""Largest bundle that is read, unpacked: OPA's own default (`size_limit_bytes`)."""
MAX_ENTRIES = 10_000
"""Most files that a bundle which is read may hold."""
_GZIP_HEADER = bytes.fromhex("1f8b08 00 00000000 00 ff")
_BLOCK = 65_535
_CURE = "Compile the bundle again."


def bundle_archive(files: Mapping[str, bytes]) -> bytes:
    """The files as a tar.gz, equal bytes for equal files.

    Args:
        files: content by name; names are relative, with `/`, as in the bundle's signatures.

    Raises:
        ValueError: a name that would not be the same file everywhere (absolute, empty parts, `..`, a backslash).
    """
    for name in files:
        check_name(name)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files, key=str.encode):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return _gzip(buffer.getvalue())


def check_name(name: str) -> None:
    """Accept a file name inside a bundle.

    Raises:
        ValueError: absolute, with empty parts, `.` or `..`, a backslash or a control character.
    """
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts) or any(ch == "\\" or ord(ch) < 32 for ch in name):
        raise ValueError(f"{name!r} is no file name of a bundle")


def _gzip(data: bytes) -> bytes:
    # RFC 1952: no name, no time, "unknown" operating system; Python's gzip module writes other constants in other
    # versions.
    return _GZIP_HEADER + _deflate(data) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _deflate(data: bytes) -> bytes:
    if len(data) > STORED_LIMIT_BYTES:
        compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compressor.compress(data) + compressor.flush()
    starts = range(0, len(data), _BLOCK)
    return b"".join(_stored(data[start : start + _BLOCK], last=start == starts[-1]) for start in starts)


def _stored(block: bytes, *, last: bool) -> bytes:
    return struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block


def read_archive(data: bytes, file: str, *, limit: int = MAX_ARCHIVE_BYTES) -> dict[str, bytes]:
    """The files of a bundle's archive, by name.

    Only regular files with names that `bundle_archive` would write are accepted, each once, and never more than
    `limit` bytes are unpacked. One leading `/` or `./` is dropped: `opa build` writes the first.

    Args:
        data: the tar.gz.
        file: the archive's name, for the error.
        limit: largest unpacked size, in bytes.

    Raises:
        InputError: no such archive, cut off, something behind it, too large, or with entries that are no plain files.
    """
    try:
        tar_bytes = _gunzip(data, limit)
        return dict(_entries(tar_bytes))
    except (ValueError, tarfile.TarError, zlib.error, EOFError, OverflowError, RecursionError) as error:
        raise InputError.single(file, f"is no bundle: {error}", _CURE) from error


def _gunzip(data: bytes, limit: int) -> bytes:
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    plain = decompressor.decompress(data, limit + 1)
    if len(plain) > limit:
        raise ValueError(f"unpacks to more than {limit} bytes")
    if not decompressor.eof:
        raise ValueError("cut off")
    if decompressor.unused_data:
        raise ValueError("something follows the archive")
    return plain


def _entries(tar_bytes: bytes) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(tar_bytes), mode="r:") as tar:
        for entry in tar:
            name = entry.name.removeprefix("./").removeprefix("/")
            check_name(name)
            # A sparse file says itself how large it is: a few bytes would unpack to whatever it says.
            content = tar.extractfile(entry) if entry.isreg() and not entry.issparse() else None
            if content is None:
                raise ValueError(f"{name!r} is no plain file")
            if name in seen or len(seen) == MAX_ENTRIES:
                raise ValueError(f"{name!r} comes twice, or is one too many")
            seen.add(name)
            yield name, content.read()
