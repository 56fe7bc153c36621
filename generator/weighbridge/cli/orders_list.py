"""`weighbridge orders list`: what is restricted, routed and still waits for signatures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.cli.control_options import reader, reading_options, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.cli.control_options import Reader
    from weighbridge.control.answers import ShownOrder


@click.command("list", context_settings=options.HELP)
@click.option("--environment", metavar="E", help="Of which; by default of all.")
@click.option("--all", "everything", is_flag=True, help="Those too that were lifted or have expired.")
@click.option("--state", metavar="STATE", help="Only those in this state, such as pending or in-force.")
@click.option("--ids", is_flag=True, help="Print the ids alone, one a line.")
@reading_options
@options.format_option
def command(
    environment: str | None, everything: bool, state: str | None, ids: bool, form: str, **connection: Any
) -> None:
    """List the orders that are in force and those that wait for signatures, the newest first."""
    found = run(_orders(reader(**connection), environment, everything))
    orders = [order for order in found if state in {None, order.state}]
    if ids:
        for order_id in dict.fromkeys(order.id for order in orders):
            click.echo(options.printable(order_id))
    elif form == "json":
        click.echo(json.dumps({"orders": [document(order) for order in orders]}, indent=2))
    elif orders:
        _print(orders)
    else:
        click.echo("no orders")


async def _orders(who: Reader, environment: str | None, everything: bool) -> tuple[ShownOrder, ...]:
    async with who.connection.open(who.key, who.token) as client:
        return await client.orders(environment, everything=everything)


def document(order: ShownOrder) -> dict[str, Any]:
    """An order as JSON value."""
    shown: dict[str, Any] = order.model_dump(mode="json", exclude_none=True)
    return shown


def _print(orders: Sequence[ShownOrder]) -> None:
    from rich.table import Table  # noqa: PLC0415 -- it takes a while
    from rich.text import Text  # noqa: PLC0415 -- the same

    from weighbridge.control.fleet_view import instant  # noqa: PLC0415 -- the same

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("ENVIRONMENT", "STATE", "ORDER", "SINCE", "BY", "ID", "REASON"):
        table.add_column(column, no_wrap=column != "REASON", overflow="fold")
    for order in orders:
        what = f"{order.kind} {order.target}" + (f" -> {order.to}" if order.to else "")
        state = f"{order.state} ({order.missing_signatures} missing)" if order.missing_signatures else order.state
        since = f"{instant(order.accepted or order.issued_at)[:19]}Z"
        reason = order.reason + (f" ({order.reference})" if order.reference else "")
        cells = (order.environment, state, what, since, ", ".join(order.signers), order.id, reason)
        table.add_row(*(Text(options.printable(cell)) for cell in cells))
    options.console().print(table)
