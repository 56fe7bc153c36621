"""What several commands take and say alike."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

HELP = {"help_option_names": ["-h", "--help"]}
"""Every command's own setting, so that its help is the same whoever calls it."""
PRIVATE_KEY = "a key file, env:NAME, or a key in an HSM or KMS, such as hsm:2"
"""What help texts say a private key may be."""
catalogue_argument = click.argument("catalogue", metavar="CATALOGUE", type=click.Path(path_type=Path))
root_option = click.option(
    "--root", "root_key", metavar="KEY", type=click.Path(path_type=Path), help="Public root key that signed the trust."
)
require_option = click.option("--require-signed-trust", is_flag=True, help="Refuse a catalogue without --root.")
at_option = click.option("--at", metavar="TIME", help="The only clock, RFC 3339; by default now.")
jobs_option = click.option(
    "--jobs", metavar="N", type=click.IntRange(1, 256), help="Processes that read and verify; by default one a core."
)
example_option = click.option(
    "--allow-example-keys", is_flag=True, help="Accept the keys of the example, whose private halves everybody has."
)
REPORT_FORMATS = ("text", "json", "sarif", "junit", "github")
"""Forms of a report that finds violations in files."""
report_format_option = click.option(
    "--format", "form", type=click.Choice(REPORT_FORMATS), default="text", show_default=True
)
format_option = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


def at_ns(at: str | None) -> int:
    """`--at` in nanoseconds; now without it.

    Raises:
        InputError: no RFC 3339 time.
    """
    from weighbridge.catalogue.names import parse_time_ns  # noqa: PLC0415 -- `check` should start without pydantic

    try:
        return time.time_ns() if at is None else parse_time_ns(at)
    except ValueError as error:
        raise InputError.single("", f"{at!r} {error}", field="--at") from error


def jobs(given: int | None) -> int:
    """`--jobs`; without it, the cores that this process may use."""
    if given is not None:
        return given
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say_trust(trust: str) -> None:
    """Say it aloud where nobody from outside vouches for the catalogue's trust."""
    if trust == "unsigned":
        click.echo(
            "warning: trust: unsigned. Who may sign is what the catalogue itself says; give --root KEY to verify it.",
            err=True,
        )


def printable(line: str) -> str:
    """A line as it may be shown: what a stranger put into it must not draw over the rest, nor begin another."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def console() -> Console:
    """Standard output; in a pipe no line is broken or cut, whatever its length."""
    from rich.console import Console  # noqa: PLC0415 -- it takes a while, and `check` does without

    return Console(width=None if sys.stdout.isatty() else 10_000)
