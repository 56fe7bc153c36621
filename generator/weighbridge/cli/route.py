"""`weighbridge route`: order where an alias points."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import order_options


@click.command("route", context_settings=options.HELP)
@click.argument("alias", metavar="ALIAS")
@click.argument("version", metavar="MODEL@VERSION")
@click.option(
    "--expects",
    metavar="MODEL@VERSION",
    help="Where it points now; by default what the control plane says. The order is refused if it is not so.",
)
@order_options
def command(alias: str, version: str, expects: str | None, **given: Any) -> None:
    """Sign and send the order that ALIAS points to MODEL@VERSION.

    It may point only to an approved version of the models that its route in the catalogue names.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("route", alias, to=version, expects=expects), **given)
