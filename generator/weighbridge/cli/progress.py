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
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@contextmanager
def told() -> Iterator[Callable[[str, str], None]]:
    """What to call with a name and how it stands: on a terminal each name has a line that is redrawn.

    In a pipe every line that differs from the one before it of that name is printed to standard error.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        said: dict[str, str] = {}

        def tell(name: str, line: str) -> None:
            if said.get(name) != line:
                said[name] = line
                console.print(f"{name}: {line}", markup=False, highlight=False, soft_wrap=True)

        yield tell
        return
    columns = (TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def redraw(name: str, line: str) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(f"{name}: {line}", total=None)
            bars.update(tasks[name], description=f"{name}: {line}")

        yield redraw
