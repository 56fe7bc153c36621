"""A model folder as it lies there: names and kinds, nothing followed, everything that is wrong told at once.

Answers that are fixed here, because two systems must give the same: links, devices, pipes and sockets are refused;
each name of a hard link is a file of its own; empty folders, modes, owners and times do not count; a hole in a sparse
file is the zeros that it reads as; names are UTF-8 and become NFC; names that differ only by case or by their Unicode
form, or that do not decode, are refused.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.errors import InputError, Problem
from weighbridge.packaging.digest import EXCLUDED, check_path, check_plain_path
from weighbridge.packaging.ignore import IGNORE_FILE, MAX_BYTES, MAX_IGNORED, parse_ignore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_FILES = 100_000
"""Most files that one model may consist of."""
MAX_DEPTH = 32
"""Deepest folder, counted from the model folder."""
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
class Seen:
    """One file, as the walk found it."""

    location: str
    """The path as the file system spells it, which need not be NFC."""
    device: int
    inode: int
    size: int
    """Bytes."""
    changed: tuple[int, int]
    """`mtime_ns` and `ctime_ns`."""


@dataclass
class Walk:
    """What lies in a folder."""

    files: dict[str, Seen] = field(default_factory=dict)
    """By path: relative, with `/`, in NFC."""
    ignored: list[str] = field(default_factory=list)
    """What the ignore file leaves out; a folder stands for everything below it."""
    problems: list[Problem] = field(default_factory=list)
    leaves_out: Callable[[str, bool], bool] = lambda _path, _folder: False
    excluded: frozenset[str] = EXCLUDED
    """Names at the top that are passed over."""

    def complain(self, path: str, message: str, fix: str) -> None:
        """Note a problem, so that the rest can be looked at."""
        self.problems.append(Problem(file=printable(path), message=message, fix=fix))


def walk(folder: Path, leave_out: frozenset[str] | None = None) -> Walk:
    """Look at everything in a folder; problems are in the result.

    Args:
        folder: the folder.
        leave_out: files and folders to pass over, and nothing but these: no name is excluded, no ignore file is read.
            None: the names in `EXCLUDED` at the top, and what the ignore file says.

    Raises:
        InputError: more files than any model has.
    """
    found = Walk()
    if leave_out is not None:
        found = Walk(leaves_out=lambda path, _folder: path in leave_out, excluded=frozenset())
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        found.complain(str(folder), f"cannot be read as a folder: {error.strerror}", "Name the model's folder.")
        return found
    try:
        if leave_out is None:
            _read_ignore(found, descriptor)
        _walk_folder(found, descriptor, (), ())
    finally:
        os.close(descriptor)
    return found


def open_seen(folder: Path, seen: Seen) -> int | None:
    """A descriptor of exactly the file that was seen; None if another one lies there by now.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(folder / seen.location, _FILE_FLAGS)
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) == (seen.device, seen.inode) and stat.S_ISREG(status.st_mode):
        return descriptor
    os.close(descriptor)
    return None


def changed(path: str) -> Problem:
    """A file was exchanged or written to while it was read."""
    return Problem(
        file=printable(path), message="changed while it was read", fix="Package a folder that nothing writes to."
    )


def _read_ignore(found: Walk, descriptor: int) -> None:
    try:
        file = os.open(IGNORE_FILE, _FILE_FLAGS, dir_fd=descriptor)
    except FileNotFoundError:
        return
    except OSError:
        return  # a link or something unreadable: the walk meets it, and says so
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            found.complain(IGNORE_FILE, "is no regular file", "Write .gitignore patterns into it, or remove it.")
            return
        data = os.pread(file, MAX_BYTES + 1, 0)
    finally:
        os.close(file)
    try:
        found.leaves_out = parse_ignore(data, IGNORE_FILE)
    except InputError as error:
        found.problems += error.problems


def _walk_folder(found: Walk, descriptor: int, names: tuple[str, ...], located: tuple[str, ...]) -> None:
    seen: dict[str, str] = {} if names else {name.casefold(): name for name in found.excluded}
    for raw in sorted(os.listdir(descriptor), key=os.fsencode):
        if not names and raw in found.excluded:
            continue
        try:
            name = unicodedata.normalize("NFC", os.fsencode(raw).decode("utf-8"))
        except UnicodeDecodeError:
            found.complain("/".join((*names, raw)), "has a name that is not UTF-8", "Rename it.")
            continue
        status = _status(found, descriptor, raw, (*names, name))
        if status is None or _leave_out(found, "/".join((*names, name)), status):
            continue
        twin = seen.setdefault(unicodedata.normalize("NFC", name.casefold()), raw)
        if twin != raw:
            message = f"has a name that differs from {printable(twin)!r} only by case or Unicode form"
            found.complain("/".join((*names, name)), message, "Rename one of them: not every system can hold both.")
        _walk_entry(found, descriptor, status, (*names, name), (*located, raw))


def _status(found: Walk, parent: int, raw: str, names: tuple[str, ...]) -> os.stat_result | None:
    try:
        return os.stat(raw, dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        _unreadable(found, names, error)
        return None


def _unreadable(found: Walk, names: tuple[str, ...], error: OSError) -> None:
    fix = "Give read permission, or leave it out of the folder."
    found.complain("/".join(names), f"cannot be read: {error.strerror}", fix)


def _leave_out(found: Walk, path: str, status: os.stat_result) -> bool:
    if not found.leaves_out(path, stat.S_ISDIR(status.st_mode)):
        return False
    try:
        _check(found, path)
    except ValueError as error:
        found.complain(path, str(error), "Rename it: what is left out is named in the manifest.")
        return True
    if len(found.ignored) == MAX_IGNORED:
        fix = "Leave out whole folders."
        raise InputError.single(printable(path), f"is one more than {MAX_IGNORED:,} entries left out", fix)
    found.ignored.append(path)
    return True


def _check(found: Walk, path: str) -> None:
    if found.excluded:
        check_path(path)
    else:
        check_plain_path(path)


def _walk_entry(
    found: Walk, parent: int, status: os.stat_result, names: tuple[str, ...], located: tuple[str, ...]
) -> None:
    path = "/".join(names)
    if stat.S_ISDIR(status.st_mode):
        _descend(found, parent, names, located)
        return
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        found.complain(path, f"is {kind}", "Put the file itself there: only regular files have one meaning everywhere.")
        return
    try:
        _check(found, path)
    except ValueError as error:
        found.complain(path, str(error), "Rename it.")
        return
    if len(found.files) == MAX_FILES:
        raise InputError.single(printable(path), f"is one file more than {MAX_FILES:,}", "Pack small files together.")
    times = (status.st_mtime_ns, status.st_ctime_ns)
    found.files[path] = Seen("/".join(located), status.st_dev, status.st_ino, status.st_size, times)


def _descend(found: Walk, parent: int, names: tuple[str, ...], located: tuple[str, ...]) -> None:
    if len(names) > MAX_DEPTH:
        found.complain("/".join(names), f"lies more than {MAX_DEPTH} folders deep", "Flatten the folder.")
        return
    try:
        descriptor = os.open(located[-1], _FOLDER_FLAGS, dir_fd=parent)
    except OSError as error:
        _unreadable(found, names, error)
        return
    try:
        _walk_folder(found, descriptor, names, located)
    finally:
        os.close(descriptor)


def printable(path: str) -> str:
    """The path for a message: whatever a terminal could take for a command, and bytes that are no text, are escaped."""
    if path.isprintable():
        return path
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode() for ch in path)
