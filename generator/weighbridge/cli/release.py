"""`weighbridge release`: check what a release must document, and announce it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.names import Uri, format_time
from weighbridge.catalogue.validation import validate_value
from weighbridge.cli import options
from weighbridge.cli.judging import judge_version
from weighbridge.observe.sinks import DeliveryError, open_sink
from weighbridge.release.announce import judge_release, release_event
from weighbridge.release.signers import require_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from weighbridge.observe.events import EventDocument
    from weighbridge.observe.sinks import Sink

_STDOUT = frozenset({"-", "stdout"})


@click.command("release", context_settings=options.HELP)
@options.catalogue_argument
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--environment", required=True, metavar="E", help="For which environment it is announced.")
@click.option("--sbom-uri", metavar="URI", help="Where its bill of materials is; by default it is named by its hash.")
@click.option(
    "--event",
    "sinks",
    metavar="SINK",
    multiple=True,
    help="Where the event goes: - (the default), file:PATH, https://...; repeatable.",
)
@click.option("--asb", is_flag=True, help="Send the event as ASB v0.1 takes it.")
@options.root_option
@options.require_option
@options.at_option
@options.example_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    catalogue: Path,
    version: str,
    environment: str,
    sbom_uri: str | None,
    sinks: tuple[str, ...],
    asb: bool,
    root_key: Path | None,
    require_signed_trust: bool,
    at: str | None,
    allow_example_keys: bool,
    form: str,
) -> None:
    """Check all that a release of MODEL@VERSION for an environment demands and, if it is there, announce it.

    The event `model_release` is sent only if every requirement is met. A bearer token for an https:// sink is taken
    from WEIGHBRIDGE_EVENT_TOKEN. Where the event goes to standard output, the report goes to standard error.

    Exit status: 0 if it was announced everywhere; 1 if it may not be, and nothing was sent, or if a sink failed.
    """
    if sbom_uri is not None:
        validate_value(Uri, sbom_uri, "--sbom-uri")
    opened = {target: open_sink(target, asb=asb) for target in sinks or ("-",)}
    moment = options.at_ns(at)
    judged = judge_version(
        catalogue,
        version,
        moment,
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        allow_example_keys=allow_example_keys,
    )
    require_environment(judged.catalogue, environment, "--environment")
    verdict = judge_release(judged, version, environment, moment)
    event = release_event(judged, version, environment, moment, verdict, sbom_uri) if verdict.released else None
    options.say_trust(judged.trust)
    document = {
        "version": version,
        "environment": environment,
        "digest": judged.catalogue.versions[version].artifact_digest,
        "at": format_time(moment),
        "trust": judged.trust,
        "released": verdict.released,
        "requirements": [
            {"requirement": given.requirement, "code": given.code, "met": given.met, "reasons": list(given.reasons)}
            for given in sorted(verdict.findings, key=lambda given: given.code)
        ],
        "event": event,
    }
    _report(document, form, to_stderr=event is not None and not _STDOUT.isdisjoint(opened))
    if event is None:
        sys.exit(1)
    _send(event, opened)


def _send(event: EventDocument, opened: Mapping[str, Sink]) -> None:
    """Send to every sink; one that fails does not keep the others from getting it."""
    failed = []
    for target, sink in opened.items():
        try:
            sink.send(event)
        except DeliveryError as error:
            failed.append(str(error))
        else:
            if target not in _STDOUT:
                click.echo(f"announced to {target.partition('?')[0]}", err=True)
    if failed:
        raise DeliveryError("\n".join(failed))


def _report(document: dict[str, Any], form: str, *, to_stderr: bool) -> None:
    if form == "json":
        click.echo(json.dumps(document, indent=2), err=to_stderr)
        return
    lines = [f"{document['version']} {document['digest']} for {document['environment']} at {document['at']}"]
    for given in document["requirements"]:
        lines.append(f"  {'✓' if given['met'] else '✗'} {given['code']} {given['requirement']}")
        lines += [f"      {reason}" for reason in given["reasons"]]
    missing = sum(not given["met"] for given in document["requirements"])
    lines.append("every requirement is met" if document["released"] else f"not announced: {missing} not met")
    click.echo("\n".join(map(options.printable, lines)), err=to_stderr)
