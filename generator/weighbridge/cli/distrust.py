"""`weighbridge distrust`: order that nothing counts any more that rests on a signer."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import expires_option, order_options


@click.command("distrust", context_settings=options.HELP)
@click.argument("signer", metavar="SIGNER")
@order_options
@expires_option
def command(signer: str, expires: str | None, **given: Any) -> None:
    """Sign and send the order that nothing counts any more that rests on SIGNER.

    Every version whose approval rests on what the signer signed is revoked. Which ones is shown before anything is
    signed.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("distrust", signer, expires=expires), **given)
