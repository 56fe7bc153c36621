"""`weighbridge verify`: check a catalogue and all its evidence."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from weighbridge.cli import options
from weighbridge.cli.progress import watched
from weighbridge.registry.judgement import JudgingOptions, judge_catalogue
from weighbridge.registry.verification import verification

if TYPE_CHECKING:
    from pathlib import Path


@click.command("verify", context_settings=options.HELP)
@options.catalogue_argument
@options.root_option
@options.require_option
@options.at_option
@options.jobs_option
@options.example_option
@options.format_option
def command(
    catalogue: Path,
    root_key: Path | None,
    require_signed_trust: bool,
    at: str | None,
    jobs: int | None,
    allow_example_keys: bool,
    form: str,
) -> None:
    """Check everything in CATALOGUE: form, trust, orders, and every piece of evidence. Writes nothing.

    Exit status: 0 if all evidence counts and passes; 1 if some does not, whatever the gates make of that; 2 if the
    catalogue cannot be read, or an order does not verify.
    """
    judging = JudgingOptions(
        at_ns=options.at_ns(at),
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        allow_example_keys=allow_example_keys,
        jobs=options.jobs(jobs),
    )
    with watched() as progress:
        judged = judge_catalogue(catalogue, judging, progress)
    document = verification(judged)
    options.say_trust(judged.trust)
    for warning in judged.warnings:
        click.echo(f"warning: {warning}", err=True)
    if form == "json":
        click.echo(json.dumps(document, indent=2))
    else:
        _print(document)
    sys.exit(1 if document["findings"] else 0)


def _print(document: dict[str, Any]) -> None:
    console = options.console()
    for finding in document["findings"]:
        console.print(f"{finding['file']}: {finding['reason']}", markup=False, highlight=False)
    table = Table("environment", "approved", "refused")
    for name, counts in document["environments"].items():
        table.add_row(name, str(counts["approved"]), str(counts["refused"]))
    console.print(table)
    files = len({finding["file"] for finding in document["findings"]})
    console.print(
        f"{_counted(document['versions'], 'version')}, {_counted(document['evidence_files'], 'evidence file')}; "
        + (f"something is wrong with {_counted(files, 'file')}." if files else "all of it counts and passes.")
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
