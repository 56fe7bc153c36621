"""A model folder, read so that its hash means one thing on every system.

Order: walk (names and kinds, nothing followed), hash on threads, walk again. Both walks must see the same files with
the same inode, size and times, so that what was hashed is what lay there. Everything that is wrong is told at once.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.errors import InputError, Problem
from weighbridge.packaging.digest import EXCLUDED, check_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Progress = Callable[[int, int], None]
    """Called with the number of bytes just hashed and the number of bytes in all; from several threads."""

MAX_FILES = 100_000
"""Most files that one model may consist of."""
MAX_DEPTH = 32
"""Deepest folder, counted from the model folder."""
_CHUNK = 1024 * 1024
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}


@dataclass(frozen=True)
class ScannedFile:
    """One file of an artifact."""

    path: str
    """Relative to the model folder, with `/`, in NFC."""
    size: int
    """Bytes."""
    sha256: str
    """Bare lower-case hexadecimal."""


@dataclass(frozen=True)
class _Seen:
    location: str
    """The path as the file system spells it, which need not be NFC."""
    device: int
    inode: int
    size: int
    changed: tuple[int, int]
    """`mtime_ns` and `ctime_ns`."""


@dataclass
class _Walk:
    files: dict[str, _Seen] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: str, message: str, fix: str) -> None:
        self.problems.append(Problem(file=_printable(path), message=message, fix=fix))


def scan(folder: Path, *, progress: Progress | None = None, threads: int | None = None) -> tuple[ScannedFile, ...]:
    """Every file of the artifact in a model folder, hashed, sorted by the UTF-8 bytes of its path.

    Args:
        folder: the model folder; the names in `EXCLUDED` at its top are left out.
        progress: told how many bytes have been hashed.
        threads: how many files are hashed at the same time; by default one a core, at most eight.

    Raises:
        InputError: links, devices, pipes or sockets, names that are not UTF-8 or that two systems could read
            differently, names that collide in NFC or by case, files that cannot be read or that changed meanwhile, or
            no file at all.
    """
    before = _walk(folder)
    if not before.files and not before.problems:
        before.complain(
            str(folder), "holds no file that could be packaged", "Name the folder with the model's weights."
        )
    if before.problems:
        raise InputError(before.problems)
    hashed, problems = _hash_all(folder, before.files, progress, threads)
    after = _walk(folder)
    changed = {
        path for path in before.files.keys() | after.files.keys() if before.files.get(path) != after.files.get(path)
    }
    problems += after.problems + [_changed(path) for path in sorted(changed)]
    if problems:
        raise InputError(problems)
    return tuple(sorted(hashed, key=lambda file: file.path.encode("utf-8")))


def _changed(path: str) -> Problem:
    return Problem(
        file=_printable(path), message="changed while it was read", fix="Package a folder that nothing writes to."
    )


def _walk(folder: Path) -> _Walk:
    walk = _Walk()
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        walk.complain(str(folder), f"cannot be read as a folder: {error.strerror}", "Name the model's folder.")
        return walk
    try:
        _walk_folder(walk, descriptor, (), ())
    finally:
        os.close(descriptor)
    return walk


def _walk_folder(walk: _Walk, descriptor: int, names: tuple[str, ...], located: tuple[str, ...]) -> None:
    seen: dict[str, str] = {} if names else {name.casefold(): name for name in EXCLUDED}
    for raw in sorted(os.listdir(descriptor), key=os.fsencode):
        if not names and raw in EXCLUDED:
            continue
        try:
            name = unicodedata.normalize("NFC", os.fsencode(raw).decode("utf-8"))
        except UnicodeDecodeError:
            walk.complain("/".join((*names, raw)), "has a name that is not UTF-8", "Rename it.")
            continue
        twin = seen.setdefault(unicodedata.normalize("NFC", name.casefold()), raw)
        if twin != raw:
            message = f"has a name that differs from {_printable(twin)!r} only by case or Unicode form"
            walk.complain("/".join((*names, name)), message, "Rename one of them: not every system can hold both.")
        _walk_entry(walk, descriptor, raw, (*names, name), (*located, raw))


def _walk_entry(walk: _Walk, parent: int, raw: str, names: tuple[str, ...], located: tuple[str, ...]) -> None:
    path = "/".join(names)
    try:
        status = os.stat(raw, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            _descend(walk, parent, raw, names, located)
            return
    except OSError as error:
        walk.complain(path, f"cannot be read: {error.strerror}", "Give read permission, or leave it out of the folder.")
        return
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        walk.complain(path, f"is {kind}", "Put the file itself there: only regular files have one meaning everywhere.")
        return
    try:
        check_path(path)
    except ValueError as error:
        walk.complain(path, str(error), "Rename it.")
        return
    if len(walk.files) == MAX_FILES:
        raise InputError.single(_printable(path), f"is one file more than {MAX_FILES:,}", "Pack small files together.")
    times = (status.st_mtime_ns, status.st_ctime_ns)
    walk.files[path] = _Seen("/".join(located), status.st_dev, status.st_ino, status.st_size, times)


def _descend(walk: _Walk, parent: int, raw: str, names: tuple[str, ...], located: tuple[str, ...]) -> None:
    if len(names) > MAX_DEPTH:
        walk.complain("/".join(names), f"lies more than {MAX_DEPTH} folders deep", "Flatten the folder.")
        return
    descriptor = os.open(raw, _FOLDER_FLAGS, dir_fd=parent)
    try:
        _walk_folder(walk, descriptor, names, located)
    finally:
        os.close(descriptor)


def _hash_all(
    folder: Path, files: dict[str, _Seen], progress: Progress | None, threads: int | None
) -> tuple[list[ScannedFile], list[Problem]]:
    total = sum(seen.size for seen in files.values())

    def one(item: tuple[str, _Seen]) -> ScannedFile | Problem:
        path, seen = item
        try:
            sha256 = _hash(folder, seen, lambda count: progress(count, total) if progress else None)
        except OSError as error:
            fix = "Give read permission, or leave it out of the folder."
            return Problem(file=_printable(path), message=f"cannot be read: {error.strerror}", fix=fix)
        return ScannedFile(path, seen.size, sha256) if sha256 else _changed(path)

    # hashlib lets go of the interpreter while it hashes, so threads do run side by side; the largest file starts first.
    with ThreadPoolExecutor(threads or min(os.cpu_count() or 1, 8)) as pool:
        results = list(pool.map(one, sorted(files.items(), key=lambda item: -item[1].size)))
    return (
        [result for result in results if isinstance(result, ScannedFile)],
        [result for result in results if isinstance(result, Problem)],
    )


def _hash(folder: Path, seen: _Seen, advance: Callable[[int], None]) -> str:
    """The file's SHA-256; empty if another file lies there by now, or one of another length."""
    sha256, count = hashlib.sha256(), 0
    with os.fdopen(os.open(folder / seen.location, _FILE_FLAGS), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino) != (seen.device, seen.inode):
            return ""
        while chunk := file.read(min(_CHUNK, seen.size - count + 1)):
            sha256.update(chunk)
            count += len(chunk)
            if count > seen.size:
                return ""
            advance(len(chunk))
    return sha256.hexdigest() if count == seen.size else ""


def _printable(path: str) -> str:
    """The path for a message: whatever a terminal could take for a command, and bytes that are no text, are escaped."""
    if path.isprintable():
        return path
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode() for ch in path)
