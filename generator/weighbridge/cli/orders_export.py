"""`weighbridge orders export`: accepted orders, as files for a catalogue's `orders/`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.canonical import parse_json
from weighbridge.cli import options
from weighbridge.cli.control_options import reader, reading_options, run
from weighbridge.cli.log_options import keys_of, lines_of, read_lines
from weighbridge.cli.new_file import write_new
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.cli.control_options import Reader


@click.command("export", context_settings=options.HELP)
@click.argument("logs", metavar="[LOG…]", nargs=-1, type=click.Path(path_type=Path))
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
@reading_options
def command(logs: tuple[Path, ...], live_keys: tuple[Path, ...], output: Path, **connection: Any) -> None:
    """Write every accepted order of each LOG as <id>.json, and what proves its acceptance as <id>.acceptance.json.

    Without LOG the logs of all environments are asked of the server. A file that is there already stays if it says the
    same, and is never overwritten.
    """
    from weighbridge.control.entry import verify_log  # noqa: PLC0415 -- it takes a while
    from weighbridge.control.exported import exported_orders  # noqa: PLC0415 -- as above

    keys = keys_of(live_keys)
    given = {str(file): read_lines(file) for file in logs} or run(_asked(reader(**connection)))
    entries = [entry for file, lines in given.items() for entry in verify_log(lines, keys, file=file)]
    files = exported_orders(entries)
    new = _new(output, files)
    for name, data in new.items():
        write_new(output / name, data, "an order")
    click.echo(f"{len(new)} files written, {len(files) - len(new)} there already")


async def _asked(who: Reader) -> dict[str, list[str]]:
    async with who.connection.open(who.key, who.token) as client:
        logs = {name: await client.log(name) for name in await client.environments()}
    return {name: lines_of(data.decode("utf-8", "replace")) for name, data in logs.items()}


def _says(present: bytes, data: bytes) -> bool:
    """Whether a file says what would be written, in whatever layout."""
    try:
        return bool(parse_json(present, "") == parse_json(data, ""))
    except InputError:
        return False


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
        except OSError as error:
            problems.append(Problem(str(output / name), message=f"cannot be read: {error.strerror}"))
            continue
        if not _says(present, data):
            message = "is there already, and says something else"
            problems.append(Problem(str(output / name), message=message, fix="See which of the two is right."))
    if problems:
        raise InputError(problems)
    return new
