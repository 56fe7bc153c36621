"""`weighbridge revoke-key`: order that one key of a tenant is not accepted any more."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import expires_option, order_options


@click.command("revoke-key", context_settings=options.HELP)
@click.argument("key_id", metavar="KEYID")
@order_options
@expires_option
def command(key_id: str, expires: str | None, **given: Any) -> None:
    """Sign and send the order that one key of a tenant is not accepted any more.

    KEYID is the part of the key behind the environment: wb_<environment>_<KEYID>_... The tenant's other keys go on.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("revoke-key", key_id, expires=expires), **given)
