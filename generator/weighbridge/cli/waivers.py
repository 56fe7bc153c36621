"""`weighbridge waivers`: what is waived, for what, by whom, and how much longer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.load import load_catalogue
from weighbridge.cli import options
from weighbridge.registry.waiver_list import scope_text, waiver_documents
from weighbridge.registry.waivers import read_waivers

if TYPE_CHECKING:
    from pathlib import Path


@click.command("waivers", context_settings=options.HELP)
@options.catalogue_argument
@click.option("--environment", "environments", metavar="E", multiple=True, help="List only this one's; repeatable.")
@options.at_option
@options.format_option
def command(catalogue: Path, environments: tuple[str, ...], at: str | None, form: str) -> None:
    """List the waivers of CATALOGUE, the one that ends first in front, with the time that is left.

    Each is verified: one that would fail the compile fails this, too. Those that have ended are listed and have no
    effect any more.
    """
    moment = options.at_ns(at)
    read = load_catalogue(catalogue)
    waivers = read_waivers(read, moment)
    chosen = [each for each in waivers if not environments or each.predicate.environment in environments]
    documents = waiver_documents(chosen, read.versions, moment)
    if form == "json":
        click.echo(json.dumps({"waivers": documents}, indent=2))
    elif documents:
        _print(documents)
    else:
        click.echo("no waivers")


def _print(documents: list[dict[str, Any]]) -> None:
    from rich.table import Table  # noqa: PLC0415 -- it takes a while, and JSON does without

    table = Table("left", "codes", "environment", "for", "by", "reason", "file")
    for each in documents:
        left = each["left"] if each["state"] == "current" else each["state"]
        cells = [", ".join(each["codes"]), each["environment"], scope_text(each), each["signer"], each["reason"]]
        table.add_row(left, *map(options.printable, cells), each["file"])
    options.console().print(table, markup=False)
