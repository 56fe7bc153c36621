"""What the commands take that read a log: its files, live keys, control data of releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.control_options import options_of, public_key
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        "--release-key",
        "release_keys",
        metavar="PUB",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Public release key that signed these releases; without it the live key is believed about who may order.",
    ),
    click.option(
        "--bundles",
        metavar="DIR",
        multiple=True,
        type=click.Path(path_type=Path),
        help="What `compile` wrote for the releases that the log names; repeatable.",
    ),
)


def keys_of(files: Sequence[Path], option: str = "--live-key") -> dict[str, PublicKey]:
    """Public keys by fingerprint.

    Raises:
        InputError: one cannot be read.
    """
    from weighbridge.keys import fingerprint  # noqa: PLC0415 -- it takes a while

    keys = [key for file in files if (key := public_key(file, option)) is not None]
    return {fingerprint(key): key for key in keys}


def lines_of(text: str) -> list[str]:
    """The lines of a log."""
    return text.removesuffix("\n").split("\n") if text else []


def read_lines(file: Path) -> list[str]:
    """The lines of a log file.

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
    return lines_of(text)


def controls_of(folders: Sequence[Path]) -> list[bytes]:
    """Control data in folders that `compile` wrote.

    Raises:
        InputError: a folder is none, or a file in it cannot be read.
    """
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
    return files
