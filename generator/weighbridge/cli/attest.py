"""`weighbridge attest`: sign an in-toto statement about an artifact or an image."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from weighbridge.catalogue.names import Digest, Uri
from weighbridge.catalogue.validation import validate_value
from weighbridge.cli import options
from weighbridge.cli.conversion import Given, conversion_options, convert_report, refuse_without_scanner
from weighbridge.cli.new_file import write_new
from weighbridge.cli.signers import Signers, signer_options
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import LIMITS
from weighbridge.evidence.write import (
    OWN_SUBJECT,
    artifact_subject,
    own_subject,
    read_predicate,
)


@click.command("attest", context_settings=options.HELP)
@signer_options
@click.option("--predicate-type", metavar="T", help="The predicate's type, a URI; --scanner knows it by itself.")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The predicate or, with --scanner, the report, as JSON; - for standard input.",
)
@conversion_options
@click.option("--artifact", metavar="FILE", type=click.Path(path_type=Path), help="The artifact.json it speaks about.")
@click.option("--digest", metavar="D", help="Or the digest, sha256:..., of an artifact or image.")
@click.option("--name", metavar="N", help="What to call the subject; the digest is what counts.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="A new file; folders on its way are made.",
)
@options.format_option
def command(
    predicate_type: str | None,
    source: Path,
    artifact: Path | None,
    digest: str | None,
    name: str | None,
    output: Path,
    form: str,
    **more: Any,
) -> None:
    """Sign an in-toto statement with the predicate in FILE, and write it as a Sigstore bundle.

    Predicates of Weighbridge's own types are checked before they are signed. Orders, waivers and model signatures need
    no --artifact and no --digest: their subject follows from the predicate. Several --key sign one envelope; --keyless
    signs by the identity of a CI run instead.

    With --scanner FILE is the report of that program (auto: of the one whose marks it bears) and is converted. What of
    it the predicate does not carry is said.
    """
    if predicate_type is not None:
        validate_value(Uri, predicate_type, "--predicate-type")
    signers = Signers(**{field.name: more.pop(field.name) for field in fields(Signers)})
    keys = signers.load()
    given = Given(**more)
    notes: tuple[str, ...] = ()
    if given.scanner is None:
        predicate_type, predicate, subject = _plain(predicate_type, source, artifact, digest, given)
    else:
        subject = _subject(artifact, digest)
        converted = convert_report(given, source, subject[1], predicate_type, _read)
        predicate_type, predicate, notes = converted.predicate_type, converted.predicate, converted.notes
    subject = (name or subject[0], subject[1])
    data, signed_by = signers.write(keys, predicate_type, predicate, subject, str(source))
    write_new(output, data)
    report = {
        "output": str(output),
        "predicate_type": predicate_type,
        "subject": subject[1],
        "signed_by": signed_by,
        "notes": list(notes),
    }
    if form == "json":
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"{output}: {predicate_type}\nabout      {subject[0]} {subject[1]}")
    for signer in signed_by:
        click.echo(f"signed by  {signer}")
    for note in notes:
        click.echo(f"note       {note}")


def _plain(
    predicate_type: str | None, source: Path, artifact: Path | None, digest: str | None, given: Given
) -> tuple[str, dict[str, Any], tuple[str, str]]:
    """Type, predicate and subject of a predicate that is given as it is."""
    refuse_without_scanner(given)
    if predicate_type is None:
        fix = "Name the predicate's type, or what wrote the report by --scanner."
        raise InputError.single("", "is missing", fix, field="--predicate-type")
    predicate = read_predicate(_read(source, LIMITS.payload_bytes), str(source), predicate_type)
    if predicate_type in OWN_SUBJECT:
        _refuse_subject(artifact, digest)
        return predicate_type, predicate, own_subject(predicate_type, predicate, str(source))
    return predicate_type, predicate, _subject(artifact, digest)


def _read(file: Path, limit: int) -> bytes:
    try:
        with click.open_file(str(file), "rb") as stream:
            data: bytes = stream.read(limit + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", "Name a readable file.") from error
    if len(data) > limit:
        raise InputError.single(str(file), f"is larger than {limit} bytes", "Leave out what nobody judges.")
    return data


def _refuse_subject(artifact: Path | None, digest: str | None) -> None:
    if artifact is not None or digest is not None:
        message = "the subject of this predicate type follows from the predicate"
        raise InputError.single("", message, "Leave --artifact and --digest out.", field="--predicate-type")


def _subject(artifact: Path | None, digest: str | None) -> tuple[str, str]:
    if (artifact is None) == (digest is None):
        fix = "Give exactly one of --artifact and --digest."
        raise InputError.single("", "the statement needs one subject", fix, field="--artifact")
    if artifact is not None:
        return artifact.name, artifact_subject(_read(artifact, LIMITS.payload_bytes), str(artifact))
    validate_value(Digest, digest, "--digest")
    return "artifact", str(digest)
