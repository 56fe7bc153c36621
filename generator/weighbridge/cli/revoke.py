"""`weighbridge revoke`: order that nothing answers with a version any more."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import expires_option, order_options


@click.command("revoke", context_settings=options.HELP)
@click.argument("target", metavar="MODEL@VERSION|DIGEST")
@order_options
@expires_option
def command(target: str, expires: str | None, **given: Any) -> None:
    """Sign and send the order that TARGET answers nothing any more.

    TARGET is a version, the digest of an artifact or of an image, or a base model or dataset, by digest or address:
    everything that is it, is served by it or was made from it is revoked with it. Calls are denied, aliases go to the
    last approved version, new pods are refused, and running ones are treated as the catalogue says. What would happen
    is shown before anything is signed.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.ordering import Wish, order  # noqa: PLC0415 -- its help needs none of it

    order(Wish("revoke", target, expires=expires), **given)
