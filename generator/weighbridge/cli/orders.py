"""`weighbridge orders`: what was ordered, and the log that proves it. Each subcommand is a module of its own."""

from __future__ import annotations

import click

from weighbridge.cli import options
from weighbridge.cli.late_group import LateGroup

SUBCOMMANDS: dict[str, str] = {
    "cosign": "Put a further signature under an order that waits for it.",
    "export": "Write accepted orders for a catalogue's orders/.",
    "list": "List the orders that are in force, or wait for signatures.",
    "rebuild": "Make a lost database anew from published logs.",
    "send": "Send an order that lies in a file.",
    "show": "Show one order, or write its envelope.",
    "verify": "Verify a published log, and the live data that follows from it.",
}
"""Subcommand to its one-line help. `weighbridge.cli.orders_<name>:command` is imported late: some need extras."""


@click.group(
    "orders", cls=LateGroup, lines=SUBCOMMANDS, prefix="weighbridge.cli.orders_", context_settings=options.HELP
)
def command() -> None:
    """Sign, list, prove and keep orders."""
