"""`weighbridge orders show`: one order, with its envelope."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.cli.control_options import reader, reading_options, run
from weighbridge.cli.new_file import write_new
from weighbridge.cli.orders_list import document

if TYPE_CHECKING:
    from weighbridge.cli.control_options import Reader
    from weighbridge.control.answers import ShownOrder


@click.command("show", context_settings=options.HELP)
@click.argument("order_id", metavar="ID")
@click.option(
    "--envelope", metavar="FILE", type=click.Path(path_type=Path), help="Write the signed order there, as it is kept."
)
@reading_options
@options.format_option
def command(order_id: str, envelope: Path | None, form: str, **connection: Any) -> None:
    """Show the order ID, in each environment that knows it.

    Exit status: 0; 1 if nobody knows it.
    """
    orders = run(_order(reader(**connection), order_id))
    if envelope is not None and orders:
        write_new(envelope, envelope_of(orders), "an order")
    if form == "json":
        click.echo(json.dumps({"orders": [document(order) for order in orders]}, indent=2))
    else:
        click.echo("\n".join(_lines(orders)) if orders else options.printable(f"nobody knows an order {order_id}"))
    sys.exit(0 if orders else 1)


async def _order(who: Reader, order_id: str) -> tuple[ShownOrder, ...]:
    async with who.connection.open(who.key, who.token) as client:
        return await client.order(order_id)


def envelope_of(orders: tuple[ShownOrder, ...]) -> bytes:
    """The envelope of one order with the signatures of all environments: each keeps only those that count there.

    Raises:
        InputError: there is none.
    """
    from weighbridge.control.order import merged_envelope  # noqa: PLC0415 -- it takes a while

    return merged_envelope([order.envelope for order in orders if order.envelope is not None])


def _lines(orders: tuple[ShownOrder, ...]) -> list[str]:
    lines = []
    for order in orders:
        shown = document(order)
        for name in ("environment", "envelope"):
            shown.pop(name, None)
        lines.append(f"{order.environment}: {order.state}")
        lines += [
            f"  {name:18} {', '.join(value) if isinstance(value, list) else value}" for name, value in shown.items()
        ]
    return [options.printable(line) for line in lines]
