"""`weighbridge orders cosign`: put a further signature under an order that waits for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import sending_options


@click.command("cosign", context_settings=options.HELP)
@click.argument("order", metavar="ID|FILE")
@click.option("--key", required=True, metavar="K", help=f"Yours: {options.PRIVATE_KEY}.")
@click.option("--yes", is_flag=True, help="Sign without asking; needed where there is no terminal.")
@click.option("--dry-run", is_flag=True, help="Show the order and what it would do; sign nothing.")
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write the order there instead of sending it."
)
@sending_options
def command(order: str, key: str, yes: bool, dry_run: bool, output: Path | None, **given: Any) -> None:
    """Sign the same order as somebody else, by the ID under which it waits or from FILE, and send it.

    Shown before are the order, what it would do, and who has signed it.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.order_files import Cosigning, cosign  # noqa: PLC0415 -- its help needs none of it
    from weighbridge.keys import load_private_key  # noqa: PLC0415 -- the same

    sys.exit(cosign(order, Cosigning(load_private_key(key), yes, dry_run, output), **given))
