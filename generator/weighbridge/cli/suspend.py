"""`weighbridge suspend`: order that a tenant's calls are denied."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import expires_option, order_options


@click.command("suspend", context_settings=options.HELP)
@click.argument("tenant", metavar="TENANT")
@order_options
@expires_option
def command(tenant: str, expires: str | None, **given: Any) -> None:
    """Sign and send the order that a tenant's calls are denied.

    All its calls are denied, whatever key it shows. Take it back with `weighbridge resume`.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("suspend", tenant, expires=expires), **given)
