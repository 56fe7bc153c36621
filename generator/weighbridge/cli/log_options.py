"""What the commands take that read a log: its files, live keys, control data of releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.control_options import options_of, public_key
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.keys import PublicKey

MAX_LOG_BYTES = 1024**3
logs_argument = click.argument("logs", metavar="LOG…", nargs=-1, required=True, type=click.Path(path_type=Path))
log_options = options_of(
    click.option(
        "--live-key",
        "live_keys",
        metavar="PUB",
        multiple=True,
        required=True,
        type=click.Path(path_type=Path),
        help="Public live key that signed entries; repeatable.",
    ),
    click.option(
        "--bundles",
        metavar="DIR",
        multiple=True,
        type=click.Path(path_type=Path),
        help="What `compile` wrote for the releases that the log names; repeatable.",
    ),
)


def live_keys_of(files: Sequence[Path]) -> dict[str, PublicKey]:
    """Public keys by fingerprint.

    Raises:
        InputError: one cannot be read.
    """
    from weighbridge.keys import fingerprint  # noqa: PLC0415 -- it takes a while

    keys = [key for file in files if (key := public_key(file, "--live-key")) is not None]
    return {fingerprint(key): key for key in keys}


def read_lines(file: Path) -> list[str]:
    """The lines of a log file; a last one that a crash cut off is no line.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if file.stat().st_size > MAX_LOG_BYTES:
            raise InputError.single(str(file), f"has more than {MAX_LOG_BYTES} bytes", "Name a log.")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise InputError.single(
            str(file), f"cannot be read: {reason}", "Name a published `<environment>.jsonl`."
        ) from error
    return text.removesuffix("\n").split("\n") if text else []


def controls_of(folders: Sequence[Path]) -> Mapping[str, bytes]:
    """Control data in folders that `compile` wrote, by its digest.

    Raises:
        InputError: a folder is none, or a file in it cannot be read.
    """
    from weighbridge.control.checked_log import controls_in  # noqa: PLC0415 -- it takes a while

    files: list[bytes] = []
    for folder in folders:
        found = sorted(folder.glob("*/control.tar.gz"))
        if not found:
            fix = "Name a folder that `compile` wrote."
            raise InputError.single(str(folder), "holds no <environment>/control.tar.gz", fix, field="--bundles")
        for file in found:
            try:
                files.append(file.read_bytes())
            except OSError as error:
                raise InputError.single(str(file), f"cannot be read: {error.strerror}") from error
    return controls_in(files)
