"""`fleet --watch`: tables that are redrawn on a terminal; in a pipe a line for each point whose status has changed."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live

from weighbridge.cli import options
from weighbridge.cli.fleet_table import headline, order_lines, tables
from weighbridge.cli.order_receipts import describe
from weighbridge.control.awaiting import watch_fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weighbridge.control.client import ControlClient
    from weighbridge.control.fleet_view import FleetView

_KEY = tuple[str, str, str]


async def watch_views(
    client: ControlClient, environments: Sequence[str], order_id: str | None, *, until: float, form: str
) -> None:
    """Show the fleets of several environments whenever they change.

    Args:
        client: of the control plane.
        environments: whose fleets.
        order_id: an order whose progress is shown too.
        until: `time.monotonic()` at which it ends.
        form: `text` or `json`, which is a document a line.
    """
    if form == "json":
        await _each(client, environments, order_id, until, _json_line)
    elif sys.stdout.isatty():
        views: dict[str, FleetView] = {}
        with Live(console=Console(), auto_refresh=False, screen=False) as live:

            def redraw(view: FleetView) -> None:
                views[view.environment] = view
                live.update(tables(views[name] for name in environments if name in views), refresh=True)

            await _each(client, environments, order_id, until, redraw)
    else:
        await _each(client, environments, order_id, until, _Lines().show)


async def _each(
    client: ControlClient,
    environments: Sequence[str],
    order_id: str | None,
    until: float,
    show: Callable[[FleetView], None],
) -> None:
    async def one(name: str) -> None:
        async for view in watch_fleet(client, name, order=order_id, until=until):
            show(view)

    async with asyncio.TaskGroup() as group:
        for name in environments:
            group.create_task(one(name))


def _json_line(view: FleetView) -> None:
    click.echo(json.dumps(view.model_dump(mode="json")))
    sys.stdout.flush()


class _Lines:
    """What has changed since the view before, a line a point."""

    def __init__(self) -> None:
        self._seen: dict[_KEY, str] = {}
        self._orders: dict[str, list[str]] = {}

    def show(self, view: FleetView) -> None:
        """Print what is new in a view; all of the first one that is not as it should be."""
        known = any(key[0] == view.environment for key in self._seen)
        lines = []
        for point in view.points:
            key = (view.environment, point.kind, point.name)
            before = self._seen.get(key)
            self._seen[key] = point.status
            if before != point.status and (known or point.status != "current"):
                lines.append(f"{view.environment}: {describe(point)}")
        for order in view.orders:
            said = order_lines(order)
            if self._orders.get(view.environment) != said:
                self._orders[view.environment] = said
                lines.append(f"{view.environment}: {said[0]}")
        if lines or not known:
            click.echo("\n".join([options.printable(headline(view)), *map(options.printable, lines)]))
            sys.stdout.flush()
