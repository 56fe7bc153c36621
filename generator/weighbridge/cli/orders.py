"""`weighbridge orders`: what was ordered, and the log that proves it. Each subcommand is a module of its own."""

from __future__ import annotations

import importlib

import click

from weighbridge.cli import options

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


class _Orders(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        if cmd_name not in SUBCOMMANDS:
            return None
        command: click.Command = importlib.import_module(f"weighbridge.cli.orders_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        with formatter.section("Commands"):
            formatter.write_dl(sorted(SUBCOMMANDS.items()))


@click.group("orders", cls=_Orders, context_settings=options.HELP)
def command() -> None:
    """Sign, list, prove and keep orders."""
