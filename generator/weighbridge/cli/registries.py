"""What the commands that speak to registries have in common: their options, and a bar on a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from weighbridge.oci.credentials import Credentials

    Watcher = Callable[[int, int], None] | None

plain_http_option = click.option(
    "--plain-http", is_flag=True, help="Speak HTTP without TLS; to a registry on this machine it is always spoken."
)
username_option = click.option("--username", metavar="U", help="Instead of Docker's or Podman's stored credentials.")
password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
_MAX_PASSWORD = 64 * 1024


def credentials_from(username: str | None, *, password_stdin: bool) -> Credentials | None:
    """What was given on the command line; None leaves it to Docker's configuration.

    Raises:
        InputError: one without the other, or no password.
    """
    from weighbridge.oci.credentials import Credentials  # noqa: PLC0415 -- only who gives them needs it

    if username is None and not password_stdin:
        return None
    password = sys.stdin.read(_MAX_PASSWORD).rstrip("\r\n") if password_stdin else ""
    if not username or not password:
        fix = "Give --username U --password-stdin, and the password on standard input."
        raise InputError.single("", "a user name and a password belong together", fix, field="--username")
    return Credentials(username, password)


@contextmanager
def bytes_bar(title: str) -> Iterator[Watcher]:
    """What to hand on as `progress`: a bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task, lock = bar.add_task(title, total=None), Lock()

        def advance(count: int, total: int) -> None:
            with lock:
                bar.update(task, advance=count, total=total)

        yield advance
