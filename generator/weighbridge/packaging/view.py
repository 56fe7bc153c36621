"""One file's bytes, read piecemeal: what every reader of a header stands on, so that none can read without bound."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from types import TracebackType

WINDOW = 64 * 1024
"""Bytes that are kept at hand, so that small reads in a row cost no call each."""
MAX_READ = 64 * 1024 * 1024
"""Most bytes that one read gives."""


class FormatError(WeighbridgeError):
    """A file is not what its name or its first bytes say, or larger than is looked at; becomes a finding."""


class LimitError(FormatError):
    """More than is looked at; another reader might come further."""


class FileView:
    """A regular file, opened for reading; a context manager that closes it.

    Attributes:
        size: in bytes; nothing behind it is read.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        """Take over an open descriptor."""
        self.size = size
        self._descriptor = descriptor
        self._start = 0
        self._window = b""

    def __enter__(self) -> FileView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`.

        Raises:
            FormatError: the file ends before that, more than `MAX_READ` are wanted, or it cannot be read.
        """
        if offset < 0 or count < 0 or offset + count > self.size:
            raise FormatError(f"is cut off: {count:,} bytes at {offset:,} lie behind its end at {self.size:,}")
        if count > MAX_READ:
            raise FormatError(f"has a part of {count:,} bytes where at most {MAX_READ:,} are read")
        start = offset - self._start
        if not 0 <= start <= start + count <= len(self._window):
            if count > WINDOW:
                return self._pread(offset, count)
            self._start, start = offset, 0
            self._window = self._pread(offset, min(WINDOW, self.size - offset))
        return self._window[start : start + count]

    def head(self, count: int) -> bytes:
        """The first bytes, fewer if there are fewer."""
        return self.at(0, min(count, self.size))

    def _pread(self, offset: int, count: int) -> bytes:
        parts = []
        try:
            while count and (part := os.pread(self._descriptor, count, offset)):
                parts.append(part)
                offset, count = offset + len(part), count - len(part)
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}") from error
        if count:
            raise FormatError("became shorter while it was read")
        return b"".join(parts)


class ViewStream:
    """A view as a seekable stream, for a library that wants one."""

    def __init__(self, view: FileView) -> None:
        """Begin at the first byte."""
        self._view = view
        self._position = 0

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset; returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._view.size}[whence]
        if base + offset < 0:
            raise FormatError("refers to a place before its beginning")
        self._position = base + offset
        return self._position

    def read(self, count: int | None = -1) -> bytes:
        """Up to `count` bytes; all that are left without one, which is refused if these are too many."""
        left = max(self._view.size - self._position, 0)
        data = self._view.at(self._position, left if count is None or count < 0 else min(count, left)) if left else b""
        self._position += len(data)
        return data
