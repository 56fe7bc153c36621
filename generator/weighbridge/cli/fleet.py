"""`weighbridge fleet`: which sidecars and clusters have activated what."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.cli.control_options import reader, reading_options, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.cli.control_options import Reader
    from weighbridge.control.client import ControlClient
    from weighbridge.control.fleet_view import FleetView

FOREVER_S = 10 * 365 * 86400.0


@click.command("fleet", context_settings=options.HELP)
@click.option("--environment", "environments", metavar="E", multiple=True, help="Of which; by default of all.")
@click.option("--order", "order_id", metavar="ID", help="And who has confirmed this order.")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C: redraw on a terminal, a line a change in a pipe.")
@click.option("--exit-code", is_flag=True, help="End with 1 if anybody is behind, failing, silent or unknown.")
@reading_options
@options.format_option
def command(
    environments: tuple[str, ...], order_id: str | None, watch: bool, exit_code: bool, form: str, **connection: Any
) -> None:
    """Show who has activated what: every sidecar and cluster, those with a problem first.

    current: has the newest live bundle. behind: has an older one. silent: was not heard of for a while. expired:
    silent, and what it had has ended, so that it refuses everything. failing: says that it cannot activate what it
    fetched, or refuses everything for another reason. unknown: reports what was never published, which is an alarm.
    """
    sys.exit(run(_fleet(reader(**connection), environments, order_id, _Shape(watch, exit_code, form))))


class _Shape:
    """How it is shown."""

    def __init__(self, watch: bool, exit_code: bool, form: str) -> None:
        self.watch = watch
        self.exit_code = exit_code
        self.form = form


async def _fleet(who: Reader, environments: Sequence[str], order_id: str | None, shape: _Shape) -> int:
    from weighbridge.cli.fleet_table import as_json, print_views  # noqa: PLC0415 -- rich takes a while
    from weighbridge.cli.fleet_watch import watch_views  # noqa: PLC0415 -- the same

    async with who.connection.open(who.key, who.token) as client:
        names = tuple(environments) or await client.environments()
        if shape.watch:
            await watch_views(client, names, order_id, until=time.monotonic() + FOREVER_S, form=shape.form)
            return 0
        views = [await _view(client, name, order_id) for name in names]
    if shape.form == "json":
        click.echo(as_json(views))
    else:
        print_views(views)
    return 1 if shape.exit_code and not all(_well(view) for view in views) else 0


async def _view(client: ControlClient, name: str, order_id: str | None) -> FleetView:
    view, _ = await client.fleet(name, order=order_id)
    if view is None:
        raise AssertionError("a view was asked for without a tag")
    return view


def _well(view: FleetView) -> bool:
    return not any(view.counts.get(status, 0) for status in ("unknown", "failing", "silent", "behind"))
