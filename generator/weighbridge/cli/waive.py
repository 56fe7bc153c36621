"""`weighbridge waive`: sign that requirements need not hold for one thing, for a while."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.names import duration_ns, parse_time_ns
from weighbridge.cli import options
from weighbridge.cli.new_file import write_new
from weighbridge.cli.signers import Signers, signer_options
from weighbridge.errors import InputError
from weighbridge.evidence.predicates import WAIVER
from weighbridge.evidence.write import own_subject
from weighbridge.example_keys import refuse_example_keys
from weighbridge.registry.waive import Request, check_signed, waiver_predicate
from weighbridge.registry.waiver_list import scope_text, waiver_document

if TYPE_CHECKING:
    from pathlib import Path


@click.command("waive", context_settings=options.HELP)
@options.catalogue_argument
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@click.option("--environment", required=True, metavar="E", help="Where it holds.")
@click.option("--model", "version", metavar="M@V", help="For this version's artifact, whatever deploys it.")
@click.option("--workload", metavar="NS/KIND/NAME", help="For this one workload, with exactly the images below.")
@click.option("--image", "images", metavar="DIGEST", multiple=True, help="One that the workload runs; repeatable.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for those who will ask.")
@click.option("--for", "duration", metavar="30d", help="How long it holds, at most 90d.")
@click.option("--until", metavar="TIME", help="Or when it ends, RFC 3339.")
@click.option("--from", "begins", metavar="TIME", help="When it begins, RFC 3339; by default now.")
@signer_options
@options.at_option
@options.example_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option, all given by click by name
    catalogue: Path,
    codes: tuple[str, ...],
    environment: str,
    version: str | None,
    workload: str | None,
    images: tuple[str, ...],
    reason: str,
    duration: str | None,
    until: str | None,
    begins: str | None,
    at: str | None,
    allow_example_keys: bool,
    form: str,
    **signing: Any,
) -> None:
    """Waive requirements CODE... of CATALOGUE in the environment E, for one artifact or one workload.

    Writes a signed file into waivers/. Whoever signs must be allowed to waive every code (`waives`, of a signer in
    weighbridge.yaml). It has an effect once the catalogue is compiled, and none any more from its end on. What would
    not count is refused, and nothing is written.
    """
    signers = Signers(**signing)
    moment = options.at_ns(at)
    begins_ns = moment if begins is None else _time(begins, "--from")
    keys = signers.load()
    if not allow_example_keys:
        refuse_example_keys({f"--key[{number}]": key.public_key() for number, key in enumerate(keys)})
    read = load_catalogue(catalogue)
    request = Request(
        codes=tuple(dict.fromkeys(codes)),
        environment=environment,
        reason=reason,
        not_before=begins_ns,
        not_after=_end(begins_ns, duration, until),
        version=version,
        workload=workload,
        images=images,
    )
    predicate = waiver_predicate(read, request)
    data, _ = signers.write(keys, WAIVER, predicate, own_subject(WAIVER, predicate, ""), "")
    file, waiver = check_signed(read, predicate, data, moment)
    write_new(catalogue / file.path, file.data, "a waiver")
    _say(waiver_document(waiver, read.versions, moment), form)


def _end(begins_ns: int, duration: str | None, until: str | None) -> int:
    if (duration is None) == (until is None):
        raise InputError.single("", "needs --for or --until, and not both", "Say when it ends.", field="--for")
    if until is not None:
        return _time(until, "--until")
    try:
        return begins_ns + duration_ns(duration)
    except ValueError as error:
        raise InputError.single("", f"{duration!r} {error}", field="--for") from error


def _time(given: str, field: str) -> int:
    try:
        return parse_time_ns(given)
    except ValueError as error:
        raise InputError.single("", f"{given!r} {error}", field=field) from error


def _say(document: dict[str, Any], form: str) -> None:
    if form == "json":
        click.echo(json.dumps(document, indent=2))
        return
    what = f"{', '.join(document['codes'])} in {document['environment']} for {scope_text(document)}"
    click.echo(options.printable(f"waived {what} until {document['not_after']}, by {document['signer']}"))
    click.echo(f"wrote {document['file']}; compile and deliver, and it holds")
