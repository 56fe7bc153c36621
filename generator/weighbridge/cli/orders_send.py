"""`weighbridge orders send`: send an order that lies in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from weighbridge.cli import options
from weighbridge.cli.order_options import sending_options


@click.command("send", context_settings=options.HELP)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--key", metavar="K", help=f"To read receipts and the log: {options.PRIVATE_KEY}; signs no order.")
@sending_options
def command(file: Path, key: str | None, **given: Any) -> None:
    """Send the signed order in FILE, as it is; it can be sent as often as one likes.

    Exit status: 0 if it is in force everywhere and, with --wait, everybody has confirmed; 1 if not.
    """
    from weighbridge.cli.order_files import send_file  # noqa: PLC0415 -- its help needs none of it

    sys.exit(send_file(file, key, **given))
