"""`weighbridge orders export`: accepted orders, as files for a catalogue's `orders/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.cli.log_options import live_keys_of, logs_argument, read_lines
from weighbridge.errors import InputError, OutputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command("export", context_settings=options.HELP)
@logs_argument
@click.option(
    "--live-key",
    "live_keys",
    metavar="PUB",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Public live key that signed entries; repeatable.",
)
@click.option(
    "--output", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The catalogue's orders/."
)
def command(logs: tuple[Path, ...], live_keys: tuple[Path, ...], output: Path) -> None:
    """Write every accepted order of each LOG as <id>.json, and what proves its acceptance as <id>.acceptance.json.

    A file that is there already stays if it says the same, and is never overwritten.
    """
    from weighbridge.control.entry import verify_log  # noqa: PLC0415 -- it takes a while
    from weighbridge.control.exported import exported_orders  # noqa: PLC0415 -- as above

    keys = live_keys_of(live_keys)
    entries = [entry for file in logs for entry in verify_log(read_lines(file), keys, file=str(file))]
    files = exported_orders(entries)
    new = _new(output, files)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, data in new.items():
            with (output / name).open("xb") as stream:
                stream.write(data)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {error.strerror}. Run it again once there is room.") from error
    click.echo(f"{len(new)} files written, {len(files) - len(new)} there already")


def _new(output: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those that are not there.

    Raises:
        InputError: with each that is there and says something else.
    """
    problems, new = [], {}
    for name, data in sorted(files.items()):
        try:
            present = (output / name).read_bytes()
        except FileNotFoundError:
            new[name] = data
            continue
        if json.loads(present) != json.loads(data):
            message = "is there already, and says something else"
            problems.append(Problem(str(output / name), message=message, fix="See which of the two is right."))
    if problems:
        raise InputError(problems)
    return new
