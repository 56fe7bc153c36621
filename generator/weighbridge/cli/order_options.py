"""The options of the commands that order, shown alike by all of them."""

from __future__ import annotations

from pathlib import Path

import click

from weighbridge.catalogue.names import duration_ns
from weighbridge.cli import options
from weighbridge.cli.control_options import options_of, server_options
from weighbridge.errors import InputError

_FILE = click.Path(path_type=Path)
sending_options = options_of(
    server_options,
    click.option(
        "--release-key",
        "release_key",
        metavar="PUB",
        type=_FILE,
        envvar="WEIGHBRIDGE_RELEASE_KEY_FILE",
        show_envvar=True,
        help="Public release key, by which the preview is verified.",
    ),
    click.option(
        "--live-key",
        "live_key",
        metavar="PUB",
        type=_FILE,
        envvar="WEIGHBRIDGE_LIVE_KEY_FILE",
        show_envvar=True,
        help="Public live key, by which the log entry of the accepted order is verified.",
    ),
    click.option(
        "--wait",
        metavar="TIME",
        is_flag=False,
        flag_value="30s",
        help="Until everybody has confirmed it, at most this long; 30s without a time.",
    ),
    options.format_option,
)
order_options = options_of(
    click.option("--environment", "environments", metavar="E", multiple=True, help="Where it holds; repeatable."),
    click.option("--all-environments", is_flag=True, help="In each that the control plane shows to this key."),
    click.option("--reason", required=True, metavar="TEXT", help="Why, for everybody who will ask."),
    click.option("--reference", metavar="REF", help="A CVE or an incident."),
    click.option("--key", required=True, metavar="K", help=f"Yours: {options.PRIVATE_KEY}."),
    click.option("--yes", is_flag=True, help="Sign without asking; needed where there is no terminal."),
    click.option("--dry-run", is_flag=True, help="Show what it would do; sign nothing."),
    click.option("--output", metavar="FILE", type=_FILE, help="Write the signed order there instead of sending it."),
    sending_options,
)
expires_option = click.option(
    "--expires", metavar="TIME", help="When it ends by itself: a duration such as 7d, or RFC 3339; by default never."
)
undoes_option = click.option(
    "--undoes", metavar="ID", help="The order that is taken back; by default the one that is in force."
)


def wait_seconds(wait: str | None) -> float | None:
    """`--wait` in seconds; None without it.

    Raises:
        InputError: no duration.
    """
    try:
        return None if wait is None else duration_ns(wait) / 1e9
    except ValueError as error:
        fix = "Write --wait=30s, or put --wait behind everything else."
        raise InputError.single("", f"{wait!a:.100} {error}", fix, field="--wait") from error
