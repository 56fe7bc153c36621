"""SHA-256 of many files on every core, in bounded memory.

One file is hashed by one core: SHA-256 has no parallel form. `hashlib` lets go of the interpreter while it hashes, so
threads do run side by side, and the largest file starts first.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from weighbridge.errors import Problem
from weighbridge.packaging.folder import Seen, changed, open_seen, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Progress = Callable[[int, int], None]
    """Called with the number of bytes just hashed and the number of bytes in all; from several threads."""

CHUNK = 1024 * 1024
"""Bytes that one thread holds at a time: it fits into a core's own cache together with what else is there."""


@dataclass(frozen=True)
class ScannedFile:
    """One file of an artifact."""

    path: str
    """Relative to the model folder, with `/`, in NFC."""
    size: int
    """Bytes."""
    sha256: str
    """Bare lower-case hexadecimal."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hash_all(
    folder: Path, files: Mapping[str, Seen], progress: Progress | None = None, threads: int | None = None
) -> tuple[list[ScannedFile], list[Problem]]:
    """Hash files that `walk` found; by default one thread a core.

    Returns:
        The files in no order, and what could not be read or is no longer what the walk saw.
    """
    total, ended = sum(seen.size for seen in files.values()), Event()

    def advance(count: int) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        if progress:
            progress(count, total)

    def one(item: tuple[str, Seen]) -> ScannedFile | Problem:
        path, seen = item
        try:
            sha256 = hash_file(folder, seen, advance)
        except OSError as error:
            fix = "Give read permission, or leave it out of the folder."
            return Problem(file=printable(path), message=f"cannot be read: {error.strerror}", fix=fix)
        return ScannedFile(path, seen.size, sha256) if sha256 else changed(path)

    with ThreadPoolExecutor(threads or cores()) as pool:
        try:
            results = list(pool.map(one, sorted(files.items(), key=lambda item: -item[1].size)))
        except BaseException:
            # Ctrl-C: the pool would wait for every file that was begun, which takes minutes for large ones.
            ended.set()
            raise
    return (
        [result for result in results if isinstance(result, ScannedFile)],
        [result for result in results if isinstance(result, Problem)],
    )


def hash_file(folder: Path, seen: Seen, advance: Callable[[int], None]) -> str:
    """The file's SHA-256; empty if another file lies there by now, or one of another length.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = open_seen(folder, seen)
    if descriptor is None:
        return ""
    sha256, count = hashlib.sha256(), 0
    # One byte more than the file had, so that a file that grew is noticed; a small file needs no large buffer.
    buffer = memoryview(bytearray(min(CHUNK, seen.size + 1)))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while read := file.readinto(buffer):
            sha256.update(buffer[:read])
            count += read
            if count > seen.size:
                return ""
            advance(read)
    return sha256.hexdigest() if count == seen.size else ""
