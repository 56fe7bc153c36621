"""The form every benchmark reports in: a table, best and median of several, one JSON object as the last line."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Target:
    """An upper bound of one figure."""

    figure: str
    limit: float
    aim: float | None = None
    """What would be better still; missing it fails nothing."""


@dataclass
class Report:
    """Everything that one benchmark found."""

    bench: str
    targets: Sequence[Target]
    rows: list[tuple[str, str, list[float]]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, unit: str, values: Sequence[float]) -> None:
        """Note several measurements of one thing, in one unit."""
        self.rows.append((name, unit, list(values)))

    @property
    def met(self) -> bool:
        """Whether every target was measured and kept."""
        return all(self.figures.get(target.figure, float("inf")) <= target.limit for target in self.targets)

    def print(self) -> None:
        """The table, the targets, the JSON object."""
        console = Console(width=110, highlight=False)
        console.print(_measured(self.bench, self.rows))
        if self.targets:
            console.print(self._targets())
        # Bare print: the last line is for programs, and must never be wrapped.
        print(json.dumps(self.document(), sort_keys=True))

    def document(self) -> dict[str, Any]:
        """`{"bench", "figures", "targets", "met"}`, figures rounded to four digits."""
        targets = {t.figure: {"limit": t.limit} | ({} if t.aim is None else {"aim": t.aim}) for t in self.targets}
        figures = {name: round(value, 4) for name, value in self.figures.items()}
        return {"bench": self.bench, "figures": {**figures, **self.notes}, "targets": targets, "met": self.met}

    def _targets(self) -> Table:
        table = Table(box=None)
        for title in ("target", "measured", "at most", "aim", ""):
            table.add_column(title, justify="right" if title in {"measured", "at most", "aim"} else "left")
        for target in self.targets:
            value = self.figures.get(target.figure, float("inf"))
            aim = "" if target.aim is None else f"{target.aim:g}"
            verdict = "met" if value <= target.limit else "MISSED"
            table.add_row(target.figure, f"{value:.3g}", f"{target.limit:g}", aim, verdict)
        return table


def _measured(bench: str, rows: list[tuple[str, str, list[float]]]) -> Table:
    table = Table(title=bench, title_justify="left", box=None)
    for title in ("what", "best", "median", "worst", "runs", "unit"):
        table.add_column(title, justify="left" if title in {"what", "unit"} else "right")
    for name, unit, values in rows:
        shown = (min(values), statistics.median(values), max(values))
        table.add_row(name, *(f"{value:,.3f}" for value in shown), str(len(values)), unit)
    return table
