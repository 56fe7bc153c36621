"""A group whose commands are imported only when they are used, so that none waits for the libraries of the others."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LateGroup(click.Group):
    """A group.

    Args:
        lines: subcommand to its one-line help.
        prefix: what stands before a subcommand's name in that of its module, which holds `command`; `-` is `_` there.
        given: for `click.Group`.
    """

    def __init__(self, *, lines: Mapping[str, str], prefix: str, **given: Any) -> None:
        super().__init__(**given)
        self._lines = lines
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Their names, sorted."""
        return sorted(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """The subcommand, imported now; None if there is none of that name."""
        if cmd_name not in self._lines:
            return None
        command: click.Command = importlib.import_module(f"{self._prefix}{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """The list of them, with nothing imported."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._lines.items()))
