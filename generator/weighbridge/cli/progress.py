"""How long work shows itself: a bar a step on a terminal, nothing in a pipe."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.packaging.hashing import Progress as BytesWatcher
    from weighbridge.registry.judgement import Progress as Watcher

_TITLES = {
    "catalogue": "Reading the catalogue",
    "evidence": "Verifying evidence",
    "gate": "Asking the gate",
    "bundles": "Writing bundles",
}


@contextmanager
def watched() -> Iterator[Watcher]:
    """What to hand on as `progress`, for as long as the block lasts."""
    from weighbridge.registry.judgement import silent  # noqa: PLC0415 -- who only hashes judges nothing

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(_TITLES[step], total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield advance


@contextmanager
def bytes_bar(title: str) -> Iterator[BytesWatcher | None]:
    """What to hand on as `progress` while bytes are hashed or sent, from several threads; None in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task, lock = bar.add_task(title, total=None), Lock()

        def advance(count: int, total: int) -> None:
            with lock:
                bar.update(task, advance=count, total=total)

        yield advance
