"""Appending whole lines to a file that several processes write."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def append_line(path: Path, data: bytes) -> None:
    """Append one line and wait until it is on the disk; on an error the file is as it was before.

    A line that somebody else left unfinished is ended first, so that it spoils itself and not this one.

    Args:
        path: a regular file, made where there is none.
        data: the line, with its line break.

    Raises:
        OSError: it could not be written whole.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no regular file")
        before = status.st_size
        try:
            torn = before > 0 and os.pread(descriptor, 1, before - 1) != b"\n"
            _write_all(descriptor, b"\n" + data if torn else data)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
