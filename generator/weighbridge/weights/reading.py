"""One file, read at a bounded pace in bounded memory, and known to be the same file before and after."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.weights.pace import Pace

FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Never through a link, and without waiting for whoever writes to a pipe."""
State = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of the last change of content and of anything, in nanoseconds."""

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
    stat.S_IFDIR: "a folder",
}


def kind_of(status: os.stat_result) -> str:
    """What it is, where it is no regular file."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")


def state_of(status: os.stat_result) -> State:
    """What tells a file from another one, and from itself after a change."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def hash_file(descriptor: int, seen: State, pace: Pace, note: Callable[[int], None]) -> str | None:
    """The bare hex SHA-256 of an open file; None if it is not the one that was seen, or changed while it was read.

    Args:
        descriptor: open for reading; it is closed.
        seen: the file's state when it was found.
        pace: how fast is read.
        note: told how many bytes were just read.

    Raises:
        OSError: it cannot be read.
    """
    sha256, left = hashlib.sha256(), seen[2]
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if state_of(os.fstat(descriptor)) != seen:
            return None
        buffer = memoryview(bytearray(pace.chunk))
        # One byte more than there should be: a file that grew shows at once.
        while count := file.readinto(buffer[: min(len(buffer), left + 1)]):
            left -= count
            if left < 0:
                return None
            sha256.update(buffer[:count])
            note(count)
            pace.account(count)
        unchanged = left == 0 and state_of(os.fstat(descriptor)) == seen
    return sha256.hexdigest() if unchanged else None


def printable(path: str) -> str:
    """The path as text: whatever a terminal could take for a command, and bytes that are no text, are escaped."""
    if path.isprintable():
        return path
    escaped = (ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode("ascii") for ch in path)
    return "".join(escaped)
