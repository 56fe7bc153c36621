"""The fleet as people read it: a table a line a point, the worst first, and how far an order has come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from weighbridge.cli import options
from weighbridge.cli.order_receipts import describe, summary
from weighbridge.control.fleet_view import STATUSES, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighbridge.control.fleet_view import FleetView, OrderProgress, Point

STYLES = {"unknown": "bold red", "failing": "red", "silent": "yellow", "behind": "yellow", "expired": "dim"}
_SHOWN_ALWAYS = 500
"""Rows of points without a problem that a table shows; `--format json` has all."""


def as_json(views: Sequence[FleetView]) -> str:
    """All views as one document."""
    return json.dumps({"environments": [view.model_dump(mode="json") for view in views]}, indent=2)


def print_views(views: Sequence[FleetView]) -> None:
    """Print the tables to standard output."""
    options.console().print(tables(views))


def tables(views: Iterable[FleetView]) -> Group:
    """Everything there is to show of several environments."""
    parts: list[Table | Text] = []
    for view in views:
        parts.append(Text(headline(view)))
        if view.points:
            parts.append(_table(view.points))
        parts += [Text(line) for order in view.orders for line in order_lines(order)]
    return Group(*parts)


def headline(view: FleetView) -> str:
    """An environment in a line."""
    counts = ", ".join(f"{view.counts[status]} {status}" for status in reversed(STATUSES) if view.counts.get(status))
    return options.printable(
        f"{view.environment}: {counts or 'nobody has reported'}; live {view.revision or 'nothing'}"
    )


def order_lines(order: OrderProgress) -> list[str]:
    """How far an order has come, and who is missing."""
    if not order.revision:
        return [options.printable(f"order {order.id} ({order.kind} {order.target}): not published yet")]
    head = f"order {order.id} ({order.kind} {order.target}): {summary(order)}"
    return [options.printable(line) for line in (head, *(f"  {describe(point)}" for point in order.waiting))]


def _table(points: Sequence[Point]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("NAME", "KIND", "STATUS", "SINCE", "BEHIND", "LIVE", "RELEASE", "MESSAGE"):
        table.add_column(column, overflow="fold" if column == "MESSAGE" else "ellipsis", no_wrap=column != "MESSAGE")
    well = 0
    for point in points:
        well += point.status in {"current", "expired"}
        if point.status in {"current", "expired"} and well > _SHOWN_ALWAYS:
            continue
        table.add_row(*map(Text, _cells(point)), style=STYLES.get(point.status, ""))
    if well > _SHOWN_ALWAYS:
        table.add_row(Text(f"and {well - _SHOWN_ALWAYS} more"))
    return table


def _cells(point: Point) -> tuple[str, ...]:
    since = "-" if point.since is None else f"{instant(point.since)[:19]}Z"
    why = " ".join(part for part in (point.code, point.message) if part)
    cells = (
        point.name,
        point.point or point.kind,
        point.status,
        since,
        str(point.behind) if point.behind else "-",
        point.live_revision or "-",
        point.release_revision[:19] or "-",
        why,
    )
    return tuple(options.printable(cell) for cell in cells)
