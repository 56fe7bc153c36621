"""What the demo tells: tables on a terminal as in a pipe, and a tally of what was as it should be."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 150
"""Columns of text where nobody says how wide the page is."""


class Report:
    """Prints tables and counts checks."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        self._console = Console(width=width, soft_wrap=False)
        self._status = Console(stderr=True)
        self.checks = 0
        self.wrong: list[str] = []

    def say(self, text: str) -> None:
        """A line of text."""
        self._console.print(Text(text))

    def title(self, text: str) -> None:
        """A heading."""
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left", characters="-")

    def table(self, *columns: str) -> Table:
        """An empty table; fill it with `row`, show it with `show`."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        return table

    def check(self, ok: bool, what: str) -> None:
        """Count something that is as it should be, or remember that it is not."""
        self.checks += 1
        if not ok:
            self.wrong.append(what)

    def row(self, table: Table, *cells: str, ok: bool, what: str) -> None:
        """A row that ends with whether it is as it should be."""
        self.check(ok, what)
        verdict = Text("ok", style="green") if ok else Text("WRONG", style="bold red")
        table.add_row(*(Text(cell) for cell in cells), verdict)

    def show(self, table: Table) -> None:
        """Print a table."""
        self._console.print(table)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show that something takes a while: on a terminal only, and gone afterwards."""
        if not self._status.is_terminal:
            yield
            return
        with self._status.status(Text(text)):
            yield


def brief(text: str, length: int = 0) -> str:
    """The text on one line, cut to `length` characters, or to what a terminal shows of a long message."""
    room = length or max(60, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns - 70)
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 3]}..."
