"""The options that the commands which speak to registries have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.oci.credentials import Credentials

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
