"""A model folder, read so that its hash means one thing on every system.

Order: walk (names and kinds, nothing followed), hash on threads, let whoever asked look into the files, walk again.
Both walks must see the same files with the same inode, size and times, so that what was hashed, and what was looked
at, is what lay there. Everything that is wrong is told at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from weighbridge.errors import InputError
from weighbridge.packaging import folder as folders
from weighbridge.packaging.hashing import ScannedFile, hash_all
from weighbridge.packaging.view import FileView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from weighbridge.packaging.hashing import Progress

T = TypeVar("T")


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model while they are looked into."""

    folder: Path
    seen: Mapping[str, folders.Seen]
    """By path."""

    def open(self, path: str) -> FileView:
        """The file, to be read piecemeal, and closed.

        Raises:
            InputError: it cannot be read, or changed meanwhile.
        """
        seen = self.seen[path]
        try:
            descriptor = folders.open_seen(self.folder, seen)
        except OSError as error:
            raise InputError.single(folders.printable(path), f"cannot be read: {error.strerror}") from error
        if descriptor is None:
            raise InputError([folders.changed(path)])
        return FileView(descriptor, seen.size)


def scan(
    folder: Path,
    *,
    leave_out: frozenset[str] | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> tuple[ScannedFile, ...]:
    """Every file of the artifact in a model folder, hashed, sorted by the UTF-8 bytes of its path.

    Args:
        folder: the model folder; the names in `EXCLUDED` at its top are left out.
        leave_out: paths to leave out instead of these, and of what the ignore file says.
        progress: told how many bytes have been hashed.
        threads: how many files are hashed at the same time; by default one a core.

    Raises:
        InputError: links, devices, pipes or sockets, names that are not UTF-8 or that two systems could read
            differently, names that collide in NFC or by case, files that cannot be read or that changed meanwhile, or
            no file at all.
    """
    return scan_and_look(folder, lambda _files: None, leave_out=leave_out, progress=progress, threads=threads)[0]


def scan_and_look(
    folder: Path,
    look: Callable[[ModelFiles], T],
    *,
    leave_out: frozenset[str] | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> tuple[tuple[ScannedFile, ...], tuple[str, ...], T]:
    """As `scan`; `look` reads what it likes of the very files that were hashed.

    Returns:
        The files, what the ignore file left out (sorted), and what `look` returned.

    Raises:
        InputError: as `scan`, or what `look` raises.
    """
    before = folders.walk(folder, leave_out)
    if not before.files and not before.problems:
        before.complain(
            str(folder), "holds no file that could be packaged", "Name the folder with the model's weights."
        )
    if before.problems:
        raise InputError(before.problems)
    hashed, problems = hash_all(folder, before.files, progress, threads)
    looked: list[T] = []
    if not problems:
        try:
            looked.append(look(ModelFiles(folder, before.files)))
        except InputError as error:
            problems += error.problems
    after = folders.walk(folder, leave_out)
    paths = before.files.keys() | after.files.keys()
    differing = {path for path in paths if before.files.get(path) != after.files.get(path)}
    differing |= set(before.ignored) ^ set(after.ignored)
    problems += after.problems + [folders.changed(path) for path in sorted(differing)]
    if problems:
        raise InputError(problems)
    files = tuple(sorted(hashed, key=lambda file: file.path.encode("utf-8")))
    return files, tuple(sorted(before.ignored, key=lambda path: path.encode("utf-8"))), looked[0]
