"""A layer's bytes, uncompressed as they are read: bounded, counted and hashed.

How a layer is compressed is told by its first bytes, as every container runtime does. What proves that it was read as
its author meant it is the `diff_id`, which is the hash of the uncompressed bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

import zstandard

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.image.limits import Limits

CHUNK = 1024 * 1024
"""Bytes that are uncompressed at a time."""
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4"}
_SKIPPABLE = b"\x2a\x4d\x18"


class _Decoder(Protocol):
    def read(self, size: int) -> bytes: ...


class LayerStream:
    """The uncompressed bytes of one layer."""

    def __init__(self, raw: BinaryIO, file: str, limits: Limits, budget: int) -> None:
        """Find out how the layer is compressed.

        Args:
            raw: the layer's blob, from its start.
            file: the layer's name for errors.
            limits: what is checked while it is read.
            budget: how many uncompressed bytes the image may still have.

        Raises:
            InputError: compressed in a way that no runtime reads.
        """
        self.size = 0
        """Uncompressed bytes so far."""
        self.compression = ""
        """`gzip`, `zstd` or "" for none."""
        self._file, self._limits, self._budget = file, limits, budget
        self._counted = _Counted(raw)
        self._sha256 = hashlib.sha256()
        self._buffer = b""
        self._position = 0
        self._decoder = self._open()

    def _open(self) -> _Decoder:
        head = self._counted.peek(8)
        for magic, name in _OTHERS.items():
            if head.startswith(magic):
                raise self._error(f"is compressed with {name}, which no container runtime reads")
        if head.startswith(_GZIP):
            self.compression = "gzip"
            return _Gzip(self._counted)
        if head.startswith(_ZSTD) or head[1:4] == _SKIPPABLE:
            self.compression = "zstd"
            decompressor = zstandard.ZstdDecompressor(max_window_size=self._limits.zstd_window)
            return decompressor.stream_reader(cast("IO[bytes]", self._counted), read_across_frames=True)
        return self._counted

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" only at the end of the layer.

        Raises:
            InputError: broken compression, or more than the limits allow.
        """
        if self._position == len(self._buffer):
            self._fill()
        data = self._buffer[self._position : self._position + size]
        self._position += len(data)
        return data

    def _fill(self) -> None:
        try:
            self._buffer, self._position = self._decoder.read(CHUNK), 0
        except (zlib.error, zstandard.ZstdError, EOFError, MemoryError) as error:
            raise self._error(f"cannot be uncompressed as {self.compression}: {error}") from error
        if not self.size and self.compression and self._buffer.startswith((_GZIP, _ZSTD, *_OTHERS)):
            raise self._error("is compressed twice")
        self.size += len(self._buffer)
        self._check()
        self._sha256.update(self._buffer)

    def drain(self) -> str:
        """Read to the end of the blob, so that its digest is verified, and give the `sha256:` diff_id of the layer.

        Raises:
            InputError: as `read`; or something other than zeros is left, which no runtime would see.
        """
        while data := self.read(CHUNK):
            if data.strip(b"\0"):
                raise self._error("goes on behind the end of its archive")
        while self._counted.read(CHUNK):
            pass
        return f"sha256:{self._sha256.hexdigest()}"

    def _check(self) -> None:
        if self.size > self._budget:
            raise self._error(
                f"makes the image larger than {self._limits.image_bytes:,} bytes uncompressed, which is the limit",
                "Raise it with --max-size if the image really is that large.",
            )
        large = self.size > self._limits.ratio_from
        if large and self.size > self._limits.ratio * max(self._counted.count, 1):
            raise self._error(
                f"grows to more than {self._limits.ratio} times its size when uncompressed, as only a bomb does",
                "Build the image without such a file.",
            )

    def _error(self, message: str, fix: str = "Build or fetch the image again.") -> InputError:
        return InputError.single(self._file, message, fix)


class _Counted:
    """The blob with a count of what was read, and a look ahead."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._ahead = b""
        self.count = 0

    def peek(self, size: int) -> bytes:
        while len(self._ahead) < size and (more := self._raw.read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead

    def read(self, size: int = -1) -> bytes:
        data = self._ahead[:size] if size >= 0 else self._ahead
        if data:
            self._ahead = self._ahead[len(data) :]
        else:
            data = self._raw.read(size)
        self.count += len(data)
        return data


_INPUT = 64 * 1024
"""Compressed bytes handed to zlib at a time; what it does not take at once it copies."""


class _Gzip:
    """gzip members one after the other (RFC 1952, 2.2), as eStargz writes them; never more than asked for at a time."""

    def __init__(self, raw: _Counted) -> None:
        self._raw = raw
        self._input = b""
        self._member = zlib.decompressobj(31)

    def read(self, size: int) -> bytes:
        while True:
            if self._member.eof and not self._next():
                return b""
            # With nothing left to read, zlib may still hold output that did not fit the last time.
            given = self._input or self._raw.read(_INPUT)
            data = self._member.decompress(given, size)
            self._input = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if data:
                return data
            if not given and not self._member.eof:
                raise EOFError("it is cut off")

    def _next(self) -> bool:
        self._input = self._input or self._raw.read(_INPUT)
        self._member = zlib.decompressobj(31) if self._input else self._member
        return bool(self._input)
