"""`weighbridge freeze`: order that a version takes no new calls."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import expires_option, order_options


@click.command("freeze", context_settings=options.HELP)
@click.argument("version", metavar="MODEL@VERSION")
@order_options
@expires_option
def command(version: str, expires: str | None, **given: Any) -> None:
    """Sign and send the order that VERSION takes no new calls, while its pods stay.

    No new calls, no new pods; running pods stay. Take it back with `weighbridge thaw`.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("freeze", version, expires=expires), **given)
