"""A folder, for a static web server to serve: every file is replaced whole, and nothing that is not ours is touched.

Below the folder no link is followed: every step is taken from the folder that was opened before. What is ours stands in
`<environment>/.mirror.json`, which is written before the files that it names; a file that it does not name is somebody
else's. A lock lets several replicas on one machine, or on a file system that knows locks, take turns.

nginx makes a file's ETag of its length and its modification time in whole seconds. Two live bundles of one second and
one length would be the same to it, and OPA would keep the first; so each file is dated at least a second after the one
before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

from weighbridge.bundle.output import FILE_MODE, FOLDER_MODE
from weighbridge.canonical import sha256_hex
from weighbridge.control.mirror.place import MirrorError, check_log
from weighbridge.control.mirror.publication import Kind
from weighbridge.control.mirror.record import MAX_RECORD_BYTES, RECORD, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from weighbridge.control.mirror.publication import MirroredFile, Publication

_LOCK = ".mirror.lock"
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Folder:
    """An existing folder.

    Args:
        name: as the user wrote it.
        path: of the folder.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def write(self, publication: Publication) -> int:
        """See `Place`.

        Raises:
            OSError: the disk is full, there is no permission, or a link lies in the way.
        """
        with _opened(os.open(self._path, _OPEN_FOLDER)) as root, _locked(root, publication.environment) as own:
            record = _read_record(own, publication.environment)
            if record.sequence > publication.sequence:
                return record.sequence
            changed = [file for file in publication.in_order() if not _is_there(root, file, record.files)]
            wanted = record.after(publication)
            if wanted != record:
                _replace(own, RECORD, wanted.data())
            for file in changed:
                with _parent(root, file.path) as (folder, name):
                    _replace(folder, name, file.data)
        return publication.sequence


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(root: int, environment: str) -> Iterator[int]:
    """The environment's own folder, which nobody else writes meanwhile."""
    with _opened(_enter(root, environment)) as own:
        lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600, dir_fd=own)
        with _opened(lock):
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield own


def _enter(folder: int, name: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, FOLDER_MODE, dir_fd=folder)
    return os.open(name, _OPEN_FOLDER, dir_fd=folder)


@contextlib.contextmanager
def _parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """The folder of a path, made where there is none, and the path's last part."""
    *folders, name = path.split("/")
    with contextlib.ExitStack() as stack:
        current = root
        for folder in folders:
            current = stack.enter_context(_opened(_enter(current, folder)))
        yield current, name


def _read_record(own: int, environment: str) -> Record:
    data = _read(own, RECORD, MAX_RECORD_BYTES)
    return Record.none(environment) if data is None else Record.read(data, environment)


def _is_there(root: int, file: MirroredFile, ours: Mapping[str, str]) -> bool:
    """Whether a file is as it should be.

    Raises:
        MirrorError: something that is not ours is there, or a log that ours does not continue.
    """
    with _parent(root, file.path) as (folder, name):
        data = _read(folder, name, None)
    if data is None:
        return False
    if file.path not in ours:
        raise MirrorError(f"{file.path} is there and not ours; move it away, or name another folder")
    if file.kind is Kind.LOG:
        check_log(file.path, file.data, len(data), sha256_hex(data))
    return data == file.data


def _read(folder: int, name: str, limit: int | None) -> bytes | None:
    """A regular file's bytes; None where there is nothing.

    Raises:
        MirrorError: anything else is there, such as a link or a second name of another file.
    """
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise MirrorError(f"{name} is a link or no file; remove it")
    with _opened(os.open(name, _OPEN_FILE, dir_fd=folder)) as descriptor, open(descriptor, "rb", closefd=False) as file:
        return file.read(limit)


def _replace(folder: int, name: str, data: bytes) -> None:
    """Put a file in place whole; a reader sees the one before or this one."""
    draft = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, FILE_MODE, dir_fd=folder), "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), FILE_MODE)
            _date(folder, name, file.fileno())
            os.fsync(file.fileno())
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise
    os.fsync(folder)


def _date(folder: int, name: str, draft: int) -> None:
    try:
        before = int(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime)
    except FileNotFoundError:
        before = 0
    seconds = max(int(time.time()), before + 1)
    os.utime(draft, (seconds, seconds))
