"""`weighbridge weights`: are weights in use the ones that were packaged?"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from weighbridge.catalogue.names import Name, Text
from weighbridge.catalogue.validation import validate_value
from weighbridge.cli import options
from weighbridge.errors import InputError
from weighbridge.weights.expected import Source, expect
from weighbridge.weights.pace import Pace, lower_priority, parse_rate
from weighbridge.weights.verify import Verdict, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.weights.expected import Expected


@click.group("weights", context_settings=options.HELP)
def command() -> None:
    """Compare running weights with what was packaged."""


@command.command("verify", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--manifest", metavar="FILE", type=click.Path(path_type=Path), help="The manifest.json to compare with.")
@click.option("--digest", metavar="D", help="The artifact digest, sha256:...; a manifest must have it to be believed.")
@click.option("--catalogue", metavar="DIR", type=click.Path(path_type=Path), help="Or the catalogue to compare with.")
@click.option("--model", metavar="MODEL@V", help="The version, such as kb-qa-001@2025.03.15.")
@options.root_option
@options.require_option
@options.example_option
@options.at_option
@click.option(
    "--links-within",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Follow symbolic links to files in DIR, as in a Hugging Face cache; else a link is a difference.",
)
@click.option("--rate-limit", metavar="RATE", help="Read no faster than this, such as 50MiB/s.")
@click.option(
    "--priority", type=click.Choice(["low", "normal"]), default="low", show_default=True, help="CPU and disk."
)
@click.option("--event", "target", metavar="SINK", help="Send a model_health event: -, file:PATH or https://...")
@click.option("--node", metavar="NAME", envvar="WEIGHBRIDGE_NODE", help="For the event: where the weights are.")
@click.option("--environment", metavar="E", help="For the event: in which environment they are used.")
@options.format_option
def verify_command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    folder: Path,
    manifest: Path | None,
    digest: str | None,
    catalogue: Path | None,
    model: str | None,
    root_key: Path | None,
    require_signed_trust: bool,
    allow_example_keys: bool,
    at: str | None,
    links_within: Path | None,
    rate_limit: str | None,
    priority: str,
    target: str | None,
    node: str | None,
    environment: str | None,
    form: str,
) -> None:
    """Hash the weights in DIR and compare them with what was packaged: added, missing and changed files.

    README.md, manifest.json, artifact.json and evidence/ at the top of DIR are no part of an artifact and are not
    compared. Exit status: 0 if everything is as packaged, 1 if anything differs or nobody can be believed, 2 if the
    comparison could not be made.
    """
    at_ns = None if at is None else options.at_ns(at)
    pace = Pace(None if rate_limit is None else parse_rate(rate_limit))
    tell = _teller(target, node, environment, at_ns)
    expected = expect(
        Source(manifest, catalogue, model, digest, root_key, require_signed_trust, allow_example_keys, at_ns)
    )
    for reason in lower_priority() if priority == "low" else ():
        click.echo(f"warning: the priority could not be lowered: {reason}", err=True)
    try:
        verdict = _watched(folder, expected, pace, links_within)
    except InputError as error:
        tell(Verdict(expected, None, tuple(map(str, error.problems)), None))
        raise
    _report(verdict, form, to_stderr=target in {"-", "stdout"})
    tell(verdict)
    sys.exit(0 if verdict.healthy else 1)


def _teller(
    target: str | None, node: str | None, environment: str | None, at_ns: int | None
) -> Callable[[Verdict], None]:
    """What sends the event; made before anything is hashed: who cannot be told should not have to wait for it."""
    if node is not None:
        validate_value(Text, node, "--node")
    if environment is not None:
        validate_value(Name, environment, "--environment")
    if target is None:
        return lambda _verdict: None
    from weighbridge.observe.sinks import open_sink  # noqa: PLC0415 -- only where an event is wanted

    sink = open_sink(target)

    def tell(verdict: Verdict) -> None:
        moment = time.time_ns() if at_ns is None else at_ns
        sink.send(verdict.event(moment, node=node, environment=environment))

    return tell


def _watched(folder: Path, expected: Expected, pace: Pace, links_within: Path | None) -> Verdict:
    console = Console(stderr=True)
    if not console.is_terminal:
        return verify(folder, expected, pace, links_within=links_within)
    total = None if expected.files is None else sum(size for size, _ in expected.files.values())
    columns = (TextColumn("Hashing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("hash", total=total)
        return verify(
            folder, expected, pace, links_within=links_within, progress=lambda count: bar.update(task, advance=count)
        )


def _report(verdict: Verdict, form: str, *, to_stderr: bool) -> None:
    document = verdict.document()
    if form == "json":
        click.echo(json.dumps(document, indent=2), err=to_stderr)
        return
    for one in document["differences"]:
        click.echo(f"{one['kind']:<8} {one['path']}: {one['detail']}", err=to_stderr)
    if document["cut_short"]:
        click.echo("there is more that was not packaged", err=to_stderr)
    for problem in document["problems"]:
        click.echo(f"error: {problem}", err=to_stderr)
    if document["uncovered"]:
        click.echo(f"not covered by the digest: {', '.join(document['uncovered'])}", err=to_stderr)
    if document["vouched_by"] == "nobody" and not document["problems"]:
        click.echo("warning: nobody vouches for the manifest; give --digest, or --catalogue with --root", err=True)
    click.echo(f"{document['version']} {document['digest']}: {document['status']}", err=to_stderr)
