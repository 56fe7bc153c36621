"""`weighbridge restore`: order that a revocation is taken back."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import order_options, undoes_option


@click.command("restore", context_settings=options.HELP)
@click.argument("target", metavar="MODEL@VERSION|DIGEST")
@order_options
@undoes_option
def command(target: str, undoes: str | None, **given: Any) -> None:
    """Sign and send the order that a revocation is taken back.

    It names the one revocation that is taken back: the one in force, or --undoes where there are several.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not, as when another
    signature is missing.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("restore", target, undoes=undoes), **given)
