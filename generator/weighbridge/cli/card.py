"""`weighbridge card`: write and check a model card's sections."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from weighbridge.cli import options
from weighbridge.errors import InputError, Problem
from weighbridge.release.card import CARD, card_problems, read_bytes
from weighbridge.release.card_template import init_card

_PATH = click.Path(path_type=Path)


@click.group("card", context_settings=options.HELP)
def command() -> None:
    """Write and check what a release needs of a model card."""


@command.command("init")
@click.argument("folder", metavar="DIR", type=_PATH)
@options.format_option
def init(folder: Path, form: str) -> None:
    """Start the model card of the folder DIR, or add to it what is missing.

    Adds keys to the front matter and sections at the end, all still to be filled in. Nothing that is there is changed.
    """
    file, added = init_card(folder)
    if form == "json":
        click.echo(json.dumps({"file": str(file), "added": list(added)}, indent=2))
        return
    click.echo(f"{file}: " + (f"added {', '.join(added)}; fill them in" if added else "has every part; not changed"))
    click.echo(f"`weighbridge card check {folder}` says what is still to be written")


@command.command("check")
@click.argument("cards", metavar="CARD...", nargs=-1, required=True, type=_PATH)
@options.format_option
def check(cards: tuple[Path, ...], form: str) -> None:
    """Check model cards: front matter, the weighbridge block, and the sections that a release needs.

    A CARD is a Markdown file, or a folder with a README.md. Exit status: 0 if all are complete, 1 if not.
    """
    read: dict[str, list[Problem]] = {}
    unreadable: list[Problem] = []
    for card in cards:
        try:
            file = str(card / CARD if card.is_dir() else card)
            read[file] = card_problems(read_bytes(card), file)
        except InputError as error:
            unreadable += error.problems
    if unreadable:
        raise InputError([*unreadable, *(problem for found in read.values() for problem in found)])
    if form == "json":
        results = [
            {"file": file, "problems": [_document(problem) for problem in found]} for file, found in read.items()
        ]
        click.echo(json.dumps({"results": results}, indent=2))
    else:
        _print(read)
    sys.exit(1 if any(read.values()) else 0)


def _document(problem: Problem) -> dict[str, str | int]:
    return {
        "line": problem.line,
        "column": problem.column,
        "field": problem.field,
        "message": problem.message,
        "fix": problem.fix,
    }


def _print(read: dict[str, list[Problem]]) -> None:
    for file, found in read.items():
        for problem in found:
            click.echo(str(problem))
        if not found:
            click.echo(f"{file}: complete")
    count = sum(map(len, read.values()))
    if count:
        click.echo(f"{count} problem{'' if count == 1 else 's'}.")
