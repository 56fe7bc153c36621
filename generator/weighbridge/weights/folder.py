"""A folder of weights in use, looked at without trusting it: whoever changed it may have made it hard to look at.

Every entry is either a regular file of an expected path and size, which is hashed, or a difference. Nothing else is
opened: a pipe would make us wait, a device could do anything, and hashing a huge file that nobody expects would keep us
busy until nobody looks any more. What cannot be read, or changes while it is read, is a difference, too.

Symbolic links are differences unless a folder is named in which their targets may lie, as in a Hugging Face cache,
where `snapshots/<revision>/model.safetensors` leads to `blobs/<hash>`. Then a link to a regular file in there stands
for that file; a link to a folder never does.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

from weighbridge.errors import InputError
from weighbridge.packaging.digest import EXCLUDED
from weighbridge.weights.documents import is_document
from weighbridge.weights.reading import FILE_FLAGS, hash_file, kind_of, printable, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from weighbridge.weights.pace import Pace
from weighbridge.weights.reading import State

Kind = Literal["added", "missing", "changed"]
MAX_DEPTH = 32
"""Deepest folder that is looked into."""
MAX_ENTRIES = 200_000
"""Entries of all folders together after which no more are looked at."""
MAX_ADDED = 1000
"""Unexpected entries after which no more are looked for: the verdict stands."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_CHANGED = "changed while it was read"


@dataclass(frozen=True, order=True)
class Difference:
    """One path that is not as it was packaged."""

    path: str
    """As packaged, or as found; bytes that are no text are escaped."""
    kind: Kind
    detail: str
    """What was expected and what was found."""


@dataclass(frozen=True)
class Looked:
    """What was found in a folder."""

    differences: tuple[Difference, ...]
    """Sorted."""
    hashed: Mapping[str, tuple[int, str]]
    """Size and bare hex SHA-256 of each regular file that was hashed, by path."""
    uncovered: tuple[str, ...]
    """What lies at the top and is no part of any artifact, such as the model card."""
    read: int
    """Bytes."""
    cut_short: bool
    """Whether there is more that nobody expects than was listed."""


class _EnoughError(Exception):
    """There are so many unexpected entries that more would tell nothing."""


def look(
    folder: Path,
    expected: Mapping[str, tuple[int, str]] | None,
    pace: Pace,
    *,
    links_within: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Looked:
    """Look at every entry of a folder.

    Args:
        folder: the weights in use.
        expected: size and bare hex SHA-256 by path; None where only the artifact digest is known: all is hashed then.
        pace: how fast is read.
        links_within: where targets of symbolic links may lie; None follows none.
        progress: told how many bytes were just hashed.

    Raises:
        InputError: the folder itself cannot be read.
    """
    looker = _Looker(expected, pace, os.path.realpath(folder), _root(links_within), progress)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _look(looker, descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        fix = "Name the folder from which the weights are served."
        raise InputError.single(str(folder), f"cannot be read as a folder: {error.strerror}", fix) from error


def _look(looker: _Looker, descriptor: int) -> Looked:
    before = looker.walk(descriptor)
    if looker.cut_short:
        return looker.result({})
    hashed = looker.hash_files(descriptor, before)
    # What appeared, vanished or was replaced meanwhile shows in a second look; nothing is hashed twice.
    looker.compare(before, looker.walk(descriptor))
    return looker.result({path: found for path, found in hashed.items() if path not in looker.differences})


def _root(links_within: Path | None) -> str | None:
    if links_within is None:
        return None
    try:
        return os.path.realpath(links_within, strict=True)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError.single(str(links_within), message, "Name a folder.", field="--links-within") from error


@dataclass
class _Looker:
    expected: Mapping[str, tuple[int, str]] | None
    pace: Pace
    root: str
    links_within: str | None
    progress: Callable[[int], None] | None
    differences: dict[str, Difference] = field(default_factory=dict)
    uncovered: set[str] = field(default_factory=set)
    read: int = 0
    added: int = 0
    entries: int = 0
    cut_short: bool = False

    def walk(self, descriptor: int) -> dict[str, tuple[str, State]]:
        """Regular files that may be right: path to where it lies, and its state."""
        found: dict[str, tuple[str, State]] = {}
        self.entries = 0
        try:
            self._walk_folder(descriptor, (), (), found)
        except _EnoughError:
            self.cut_short = True
        return found

    def _walk_folder(
        self, descriptor: int, names: tuple[str, ...], located: tuple[str, ...], found: dict[str, tuple[str, State]]
    ) -> None:
        for raw in self._names(descriptor):
            if not names and raw in EXCLUDED and is_document(descriptor, raw):
                self.uncovered.add(raw)
                continue
            name = unicodedata.normalize("NFC", raw)
            path = "/".join((*names, name))
            place = (*located, raw)
            try:
                status = os.stat(raw, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    status = self._followed(descriptor, place, status)
            except OSError as error:
                self._odd(path, f"cannot be read: {error.strerror}")
                continue
            if stat.S_ISDIR(status.st_mode):
                self._descend(descriptor, raw, (*names, name), place, found)
            elif not stat.S_ISREG(status.st_mode):
                self._odd(path, f"is {kind_of(status)}")
            elif path in found:
                self._odd(path, "is there twice, in two Unicode forms")
            elif self._may_be_right(path, status.st_size):
                found[path] = ("/".join(place), state_of(status))

    def _names(self, descriptor: int) -> list[str]:
        with os.scandir(descriptor) as listing:
            names = [entry.name for entry in islice(listing, MAX_ENTRIES - self.entries + 1)]
        self.entries += len(names)
        if self.entries > MAX_ENTRIES:
            raise _EnoughError
        return sorted(names, key=os.fsencode)

    def _descend(
        self,
        parent: int,
        raw: str,
        names: tuple[str, ...],
        located: tuple[str, ...],
        found: dict[str, tuple[str, State]],
    ) -> None:
        path = "/".join(names)
        if len(names) > MAX_DEPTH:
            self._odd(path, f"lies more than {MAX_DEPTH} folders deep")
            return
        try:
            descriptor = os.open(raw, _FOLDER_FLAGS, dir_fd=parent)
        except OSError as error:
            self._odd(path, f"cannot be read: {error.strerror}")
            return
        try:
            self._walk_folder(descriptor, names, located, found)
        except OSError as error:
            self._odd(path, f"cannot be read: {error.strerror}")
        finally:
            os.close(descriptor)

    def _followed(self, descriptor: int, place: tuple[str, ...], status: os.stat_result) -> os.stat_result:
        """The status of a link's target, where that is a regular file in the allowed folder; else the link's own."""
        if self.links_within is None or self._target("/".join(place)) is None:
            return status
        target = os.stat(place[-1], dir_fd=descriptor)
        return target if stat.S_ISREG(target.st_mode) else status

    def _target(self, place: str) -> str | None:
        target = os.path.realpath(f"{self.root}/{place}", strict=True)
        return target if target.startswith(f"{self.links_within}/") else None

    def _odd(self, path: str, detail: str) -> None:
        kind: Kind = "changed" if self.expected is not None and path in self.expected else "added"
        self._note(path, kind, detail)

    def _note(self, path: str, kind: Kind, detail: str) -> None:
        if path in self.differences:
            return
        self.differences[path] = Difference(printable(path), kind, detail)
        if kind == "added":
            self.added += 1
            if self.added >= MAX_ADDED:
                raise _EnoughError

    def _may_be_right(self, path: str, size: int) -> bool:
        if self.expected is None:
            return True
        if path not in self.expected:
            self._note(path, "added", f"has {size} bytes; no such file was packaged")
            return False
        wanted = self.expected[path][0]
        if size != wanted:
            self._note(path, "changed", f"has {size} bytes, {wanted} were packaged")
        return size == wanted

    def hash_files(self, descriptor: int, files: Mapping[str, tuple[str, State]]) -> dict[str, tuple[int, str]]:
        """Size and hash of each file, but of those that cannot be read or change meanwhile."""
        hashed = {}
        for path, (place, seen) in sorted(files.items()):
            try:
                sha256 = self._hash(descriptor, place, seen)
            except OSError as error:
                self._note(path, "changed", f"cannot be read: {error.strerror}")
                continue
            if sha256 is None:
                self._note(path, "changed", _CHANGED)
                continue
            hashed[path] = (seen[2], sha256)
            if self.expected is not None and sha256 != self.expected[path][1]:
                self._note(path, "changed", f"has SHA-256 {sha256}, {self.expected[path][1]} was packaged")
        return hashed

    def _hash(self, parent: int, place: str, seen: State) -> str | None:
        def note(count: int) -> None:
            self.read += count
            if self.progress is not None:
                self.progress(count)

        return hash_file(self._open(parent, place), seen, self.pace, note)

    def _open(self, parent: int, place: str) -> int:
        """Open what lies below the folder, following no link but, if any are allowed, the last part's."""
        *folders, name = place.split("/")
        current = os.dup(parent)
        try:
            for folder in folders:
                inner = os.open(folder, _FOLDER_FLAGS, dir_fd=current)
                os.close(current)
                current = inner
            if self.links_within is not None and stat.S_ISLNK(os.lstat(name, dir_fd=current).st_mode):
                target = self._target(place)
                if target is None:
                    raise OSError(0, "is a symbolic link that leads elsewhere")
                return os.open(target, FILE_FLAGS)
            return os.open(name, FILE_FLAGS, dir_fd=current)
        finally:
            os.close(current)

    def compare(self, before: Mapping[str, tuple[str, State]], after: Mapping[str, tuple[str, State]]) -> None:
        """Note what two looks at the folder do not agree on."""
        try:
            for path in sorted(before.keys() | after.keys()):
                if before.get(path) != after.get(path):
                    self._odd(path, _CHANGED)
        except _EnoughError:
            self.cut_short = True

    def result(self, hashed: Mapping[str, tuple[int, str]]) -> Looked:
        known = {} if self.expected is None or self.cut_short else self.expected
        missing = sorted(known.keys() - hashed.keys() - self.differences.keys())
        found = [*self.differences.values(), *(Difference(path, "missing", "is not there") for path in missing)]
        return Looked(tuple(sorted(found)), hashed, tuple(sorted(self.uncovered)), self.read, self.cut_short)
