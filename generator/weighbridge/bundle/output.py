"""Output that appears whole or not at all.

A folder is built beside its target, flushed to the disk, and put in place by one rename: an exchange where the system
has one (Linux `renameat2`, macOS `renamex_np`), else two renames, of which a run killed in between is mended by the
next. A folder under construction is locked by whoever builds it, so that the leftovers of killed runs are told from
the work of others.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from weighbridge.bundle.archive import check_name
from weighbridge.errors import OutputError

if TYPE_CHECKING:
    from types import TracebackType

MARKER = "index.json"
"""The file that every output has; a folder without it is somebody else's and is never replaced."""
FILE_MODE = 0o644
FOLDER_MODE = 0o755
MAX_MARKER_BYTES = 64 * 1024**2
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2


class WholeOutput:
    """A folder that is written as a whole: `with WholeOutput(target) as output: output.write("index.json", ...)`.

    Leaving the block normally puts the folder in place of the target; leaving it by any exception leaves the target
    as it was. Modes are fixed, whatever the umask.
    """

    def __init__(self, target: Path) -> None:
        """Name the target; nothing is touched before the block is entered."""
        self._target = target.absolute()
        self._prefix = f".{self._target.name}.weighbridge-"
        self._aside = self._target.parent / f"{self._prefix}old"
        self._work: Path | None = None
        self._lock = -1

    def __enter__(self) -> Self:
        """Make the folder beside the target.

        Raises:
            OutputError: the target is not ours to replace, or nothing can be written there.
        """
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._mend()
            self._check_target()
            self._begin()
        except OSError as error:
            raise self._failure(error) from error
        return self

    def write(self, path: str, data: bytes) -> None:
        """Write one file of the output.

        Args:
            path: relative to the target, with `/`.
            data: the whole content.

        Raises:
            OutputError: it cannot be written, for example as the disk is full.
            ValueError: a path that leaves the folder, or one that was written before.
        """
        check_name(path)
        if self._work is None:
            raise ValueError("write inside the `with` block")
        file = self._work / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _write_through(file, data)
        except FileExistsError as error:
            raise ValueError(f"{path!r} is written twice") from error
        except OSError as error:
            raise self._failure(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the folder in place, or remove it if the block failed."""
        try:
            if kind is None:
                self._commit()
        except OSError as failure:
            raise self._failure(failure) from failure
        finally:
            self._clean()

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._target}: nothing was written: {error.strerror or error}. "
            "Make room or give write permission, then run it again."
        )

    def _check_target(self) -> None:
        if self._target.is_symlink():
            raise OutputError(f"{self._target} is a symbolic link. Name the folder itself.")
        if not self._target.exists():
            return
        if not self._target.is_dir():
            raise OutputError(f"{self._target} is a file. Name a folder.")
        foreign = _foreign(self._target)
        if foreign:
            raise OutputError(
                f"{self._target} was not written by Weighbridge: {foreign}. Name a new or an empty folder."
            )

    def _mend(self) -> None:
        """Undo what killed runs left: the target set aside, folders under construction that nobody holds."""
        if self._aside.is_dir() and not self._aside.is_symlink():
            if os.path.lexists(self._target):
                shutil.rmtree(self._aside)
            else:
                self._aside.rename(self._target)
        for leftover in self._target.parent.glob(f"{_escaped(self._prefix)}*.new"):
            if not leftover.is_symlink() and leftover.is_dir():
                _remove_abandoned(leftover)

    def _begin(self) -> None:
        while True:
            work = Path(tempfile.mkdtemp(prefix=self._prefix, suffix=".new", dir=self._target.parent))
            lock = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another run may have taken the folder for a leftover in the moment before it was locked.
            if os.fstat(lock).st_nlink and work.exists():
                self._work, self._lock = work, lock
                return
            os.close(lock)

    def _commit(self) -> None:
        if self._work is None or not (self._work / MARKER).is_file():
            raise ValueError(f"an output needs its {MARKER}")
        for folder, _, _ in os.walk(self._work, topdown=False):
            Path(folder).chmod(FOLDER_MODE)
            _flush_folder(Path(folder))
        self._check_target()
        if not self._target.exists():
            self._work.rename(self._target)
        elif not _exchange(self._work, self._target):
            self._target.rename(self._aside)
            self._work.rename(self._target)
            shutil.rmtree(self._aside)
        _flush_folder(self._target.parent)

    def _clean(self) -> None:
        if self._work is not None:
            # After a commit nothing is left there, or, after an exchange, the output of the run before.
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None
            os.close(self._lock)


def _write_through(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fchmod(descriptor, FILE_MODE)
        os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return  # somebody is building there
    finally:
        os.close(descriptor)


def _escaped(prefix: str) -> str:
    return "".join(f"[{ch}]" if ch in "*?[" else ch for ch in prefix)


def _foreign(folder: Path) -> str:
    """What in this folder we did not write; empty if nothing."""
    names = {entry.name for entry in folder.iterdir()}
    if not names:
        return ""
    marker = folder / MARKER
    if not stat.S_ISREG(marker.lstat().st_mode if MARKER in names else 0):
        return f"it holds no {MARKER}"
    try:
        with marker.open("rb") as stream:
            listed = json.loads(stream.read(MAX_MARKER_BYTES))["files"]
        ours = {str(path).split("/", 1)[0] for path in listed} | {MARKER}
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"its {MARKER} is not one of ours"
    strange = sorted(names - ours)
    return f"it holds {strange[0]}, which its {MARKER} does not list" if strange else ""


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or its file system cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        return bool(library.renamex_np(first, second, _RENAME_SWAP) == 0)
    if not hasattr(library, "renameat2"):
        return False
    return bool(library.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE) == 0)
