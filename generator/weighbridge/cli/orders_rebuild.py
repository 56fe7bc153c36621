"""`weighbridge orders rebuild`: a lost database, made anew from its published logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.cli.control_options import run
from weighbridge.cli.log_options import controls_of, keys_of, log_options, logs_argument, read_lines
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path


@click.command("rebuild", context_settings=options.HELP)
@logs_argument
@log_options
@click.option("--database", metavar="URL", required=True, help="An empty one, as `serve --database` takes it.")
def command(
    logs: tuple[Path, ...],
    live_keys: tuple[Path, ...],
    release_keys: tuple[Path, ...],
    bundles: tuple[Path, ...],
    database: str,
) -> None:
    """Fill an empty database with every LOG, one an environment, after all of them were verified."""
    from weighbridge.control.checked_log import check_log, controls_in, signed_releases  # noqa: PLC0415 -- it takes a while
    from weighbridge.control.rebuilding import rebuild_database  # noqa: PLC0415 -- as above

    keys, files = keys_of(live_keys), controls_of(bundles)
    signed = signed_releases(files, keys_of(release_keys, "--release-key").values()) if release_keys else None
    controls = controls_in(files)
    checked = [check_log(read_lines(file), keys, controls, signed=signed, file=str(file)) for file in logs]
    problems = [
        Problem(str(file), message=difference, fix="Take another copy of the log.")
        for file, each in zip(logs, checked, strict=True)
        for difference in each.differences
    ]
    names = [each.environment for each in checked]
    if len(set(names)) != len(names) or "" in names:
        problems.append(Problem("", message="two logs are of one environment, or one is empty", fix="Name each once."))
    if problems:
        raise InputError(problems)
    run(rebuild_database(database, checked, controls))
    for each in checked:
        click.echo(f"{each.environment}: {each.head.number} entries, {each.orders} orders")
    click.echo("Start `weighbridge serve` on it. What was accepted after these logs were published is not in them.")
