"""Reading files below one folder, safely: the only place of the catalogue that touches the disk.

Every path is relative to the catalogue's root. A path that climbs out, a link that leads out, a link that leads in
circles, whatever is no regular file, and a file above its limit are problems, not contents. A catalogue that somebody
changes *while* it is read is not defended against: whoever can do that can change it before as well; what was read is
what is hashed.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Limits:
    """Largest sizes that are read, in bytes unless it says otherwise; what is above is an error, never cut off."""

    configuration: int = 4 * MIB
    """weighbridge.yaml."""
    tenants: int = 32 * MIB
    """tenants.yaml: some 150,000 keys."""
    envelope: int = 4 * MIB
    """weighbridge.yaml.dsse."""
    key: int = 64 * KIB
    """One public key."""
    trusted_root: int = MIB
    """One trusted root of a Sigstore instance; the public one has some 7 KiB."""
    card: int = 4 * MIB
    """One README.md."""
    front_matter: int = MIB
    """The front matter of one card; the longest on the hub (evaluation tables) have some 200 KiB."""
    manifest: int = 16 * MIB
    """One manifest.json or artifact.json: some 100,000 files."""
    evidence: int = 16 * MIB
    """One evidence file; an SBOM of a large image has some 3 MiB."""
    order: int = MIB
    """One order, one acceptance record, or one waiver."""
    policy: int = MIB
    """One file below policies/."""
    folder: int = 1000
    """Files in one evidence folder, or below policies/."""
    orders: int = 100_000
    """Files in orders/."""
    waivers: int = 10_000
    """Files in waivers/."""


LIMITS = Limits()


class Entry(NamedTuple):
    """What lies in a folder: links that stay inside the catalogue count as what they lead to."""

    name: str
    kind: Literal["file", "folder"]


class Source:
    """Files below a root.

    Attributes:
        root: the root without links in its own path.
    """

    def __init__(self, root: Path) -> None:
        """Open a root.

        Raises:
            InputError: it is no folder.
        """
        try:
            self.root = os.path.realpath(root, strict=True)
        except (OSError, ValueError) as error:
            raise _missing_root(root, error) from error
        if not os.path.isdir(self.root):  # noqa: PTH112 -- strings throughout: Path costs 10 µs a file, and there are many
            raise InputError.single(display(str(root)), "is no folder", "Name the folder that holds weighbridge.yaml.")
        self._folders: dict[str, str] = {"": self.root}

    def exists(self, path: str) -> bool:
        """Whether there is anything at the path, even a link that leads nowhere."""
        folder, name = _split(path)
        try:
            return os.path.lexists(self._join(folder, name))
        except InputError:
            return False

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a regular file of at most `limit` bytes.

        Raises:
            InputError: with the reason why it is not read.
        """
        complaint = unsafe_path(path)
        if complaint:
            raise InputError.single(display(path), complaint, "Name a file inside the catalogue by its relative path.")
        folder, name = _split(path)
        descriptor = self._open(self._join(folder, name), path)
        try:
            return _read_all(descriptor, path, limit)
        except OSError as error:
            raise _unreadable(path, error) from error
        finally:
            os.close(descriptor)

    def entries(self, folder: str) -> tuple[list[Entry], list[Problem]]:
        """What lies in a folder, sorted by name, and what in it cannot be used.

        Raises:
            InputError: the folder cannot be read, or leads out of the catalogue.
        """
        found: list[Entry] = []
        problems: list[Problem] = []
        try:
            with os.scandir(self._resolve(folder)) as listing:
                for entry in listing:
                    try:
                        found.append(Entry(entry.name, self._kind(entry, folder)))
                    except InputError as error:
                        problems += error.problems
        except OSError as error:
            raise _unreadable(folder, error) from error
        return sorted(found), problems

    def walk(self, folder: str, limit: int) -> tuple[list[str], list[Problem]]:
        """Paths of all files below a folder, sorted, and what cannot be used; links to folders are refused here.

        Raises:
            InputError: the folder itself cannot be read, or holds more than `limit` files.
        """
        files: list[str] = []
        problems: list[Problem] = []
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            entries, wrong = self.entries(current)
            problems += wrong
            for entry in entries:
                path = f"{current}/{entry.name}"
                if entry.kind == "file":
                    files.append(path)
                elif os.path.islink(os.path.join(self.root, path)):  # noqa: PTH114, PTH118 -- as above
                    problems.append(_linked_folder(path))
                else:
                    waiting.append(path)
            if len(files) > limit:
                raise InputError.single(folder, f"holds more than {limit} files", "Remove what does not belong there.")
        return sorted(files), problems

    def _kind(self, entry: os.DirEntry[str], folder: str) -> Literal["file", "folder"]:
        # The kind comes with the listing; only a link, or what is neither file nor folder, needs a look of its own.
        if entry.is_file(follow_symlinks=False):
            return "file"
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        path = f"{folder}/{entry.name}" if folder else entry.name
        try:
            mode = os.stat(self._inside(entry.path, path)).st_mode  # noqa: PTH116 -- as above
        except OSError as error:
            raise _unreadable(path, error) from error
        if stat.S_ISREG(mode):
            return "file"
        if stat.S_ISDIR(mode):
            return "folder"
        raise _irregular(path, mode)

    def _join(self, folder: str, name: str) -> str:
        return f"{self._resolve(folder)}/{name}"

    def _resolve(self, folder: str) -> str:
        """The folder's real path, known to lie inside the root; each folder is looked at once."""
        known = self._folders.get(folder)
        if known is None:
            parent, name = _split(folder)
            known = f"{self._resolve(parent)}/{name}"
            try:
                if stat.S_ISLNK(os.lstat(known).st_mode):
                    known = self._inside(known, folder)
            except OSError as error:
                raise _unreadable(folder, error) from error
            self._folders[folder] = known
        return known

    def _inside(self, full: str, path: str) -> str:
        target = os.path.realpath(full, strict=True)
        if target != self.root and not target.startswith(self.root.rstrip("/") + "/"):
            raise InputError.single(
                display(path), "is a link that leaves the catalogue", "Put the file itself into the catalogue."
            )
        return target

    def _open(self, full: str, path: str) -> int:
        # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            try:
                return os.open(full, flags)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                return os.open(self._inside(full, path), flags)
        except OSError as error:
            raise _unreadable(path, error) from error


def unsafe_path(path: str) -> str:
    """Why a relative path is not acceptable; "" if it is."""
    if not path.isprintable() or "\\" in path:
        return "holds a backslash or a character that cannot be seen"
    if path.startswith("/"):
        return "is an absolute path"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "has an empty, `.` or `..` part"
    return ""


def display(path: str) -> str:
    """The path as it can be printed: control characters and what is not UTF-8 are escaped."""
    return path if path.isprintable() else path.encode("unicode_escape", "backslashreplace").decode("ascii")


def _read_all(descriptor: int, path: str, limit: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _irregular(path, status.st_mode)
    data = b""
    if status.st_size <= limit:
        data = os.read(descriptor, limit + 1 if status.st_size == 0 else status.st_size + 1)
        # The usual file is read whole by one call; one that grows, or says it is empty (procfs), needs more.
        while len(data) != status.st_size and len(data) <= limit and (more := os.read(descriptor, limit + 1)):
            data += more
    if status.st_size > limit or len(data) > limit:
        raise InputError.single(
            display(path), f"is larger than {limit} bytes, the limit for it", "Shorten it, or split it into several."
        )
    return data


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _missing_root(root: Path, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else "no path"
    return InputError.single(
        display(str(root)), f"cannot be read: {reason}", "Name the folder that holds weighbridge.yaml."
    )


def _unreadable(path: str, error: OSError) -> InputError:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if path == "weighbridge.yaml":
            fix = "Name the folder that holds it, or start one with `weighbridge init`."
            return InputError.single(path, "is missing", fix)
        return InputError.single(display(path), "is missing", "Create it, or remove what refers to it.")
    if error.errno == errno.ELOOP:
        return InputError.single(display(path), "is a link that leads in circles", "Put the file itself there.")
    return InputError.single(
        display(path), f"cannot be read: {error.strerror}", "Make it readable for the user who runs this."
    )


def _irregular(path: str, mode: int) -> InputError:
    what = "a folder" if stat.S_ISDIR(mode) else "neither a file nor a folder"
    return InputError.single(display(path), f"is {what}, where a file is expected", "Put a regular file there.")


def _linked_folder(path: str) -> Problem:
    return Problem(display(path), message="is a link to a folder", fix="Put the folder itself there.")
