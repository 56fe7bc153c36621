"""`weighbridge image`: profile a serving image, and fetch the evidence that others attached to it."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import TypeAdapter

from weighbridge.canonical import canonical
from weighbridge.catalogue.names import SizeBytes
from weighbridge.catalogue.validation import validate_value
from weighbridge.cli import options
from weighbridge.cli.image_report import reading_layers, report
from weighbridge.cli.new_file import write_new
from weighbridge.cli.registries import plain_http_option
from weighbridge.errors import InputError
from weighbridge.evidence.predicates import IMAGE_PROFILE
from weighbridge.evidence.write import read_predicate, write_attestation
from weighbridge.image.limits import LIMITS
from weighbridge.image.location import ARCHIVE, located
from weighbridge.image.profile import profile_subject
from weighbridge.keys import load_private_key

if TYPE_CHECKING:
    from weighbridge.image.source import Subject

_SUBCOMMANDS = {"evidence": "weighbridge.cli.image_evidence"}
"""Imported when asked for: what they need is not needed here. Each module has a `command`."""


class _Images(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_SUBCOMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _SUBCOMMANDS:
            command: click.Command = importlib.import_module(_SUBCOMMANDS[cmd_name]).command
            return command
        return super().get_command(ctx, cmd_name)


@click.group("image", cls=_Images, context_settings=options.HELP)
def command() -> None:
    """Profile a serving image without running it, and fetch its evidence."""


@command.command("profile", context_settings=options.HELP)
@click.argument("location", metavar="REF")
@click.option("--platform", metavar="P", help="os/architecture[/variant]: the one image of an index to profile.")
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The registry's manifest of an image in a docker archive or daemon: what a statement is about.",
)
@click.option("--key", metavar="K", help=f"Sign a statement about the digest: {options.PRIVATE_KEY}.")
@click.option("--at", metavar="TIME", help="The statement's time, RFC 3339; by default now.")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="A new file: the signed statement, or without --key the predicate.",
)
@click.option("--max-size", metavar="SIZE", default="64GiB", show_default=True, help="Most bytes, uncompressed.")
@plain_http_option
@options.format_option
def profile(  # noqa: PLR0913, PLR0917 -- one parameter an option
    location: str,
    platform: str | None,
    manifest: Path | None,
    key: str | None,
    at: str | None,
    output: Path | None,
    max_size: str,
    plain_http: bool,
    form: str,
) -> None:
    """Say what is in the image REF, layer by layer, without running or unpacking any of it.

    REF is a registry reference (also with oci:// before it), docker-archive:PATH, oci-layout:PATH[:tag|@digest] or
    docker://NAME for one in a Docker daemon. An index without --platform is profiled for every platform in it, and the
    statement is about the index; with --platform it is about that platform's manifest and names the index.
    """
    signing_key = load_private_key(key) if key is not None else None
    if signing_key is not None and output is None:
        raise InputError.single("", "a signed statement needs a file", "Name one with --output.", field="--key")
    validate_value(SizeBytes, max_size, "--max-size")
    limits = replace(LIMITS, image_bytes=TypeAdapter(SizeBytes).validate_python(max_size))
    at_ns = options.at_ns(at)
    shown = _shown(location)
    given = _read(manifest) if manifest is not None else None
    with located(location, limits, platform=platform, manifest=given, plain_http=plain_http) as subject:
        if signing_key is not None:
            _require_digest(subject, location)
        with reading_layers() as progress:
            predicate = profile_subject(subject, shown, at_ns, limits, progress)
    document = predicate.model_dump(mode="json", exclude_none=True)
    if signing_key is not None and output is not None:
        checked = read_predicate(canonical(document), location, IMAGE_PROFILE)
        write_new(
            output, write_attestation(IMAGE_PROFILE, checked, (shown, str(subject.digest)), [signing_key], location)
        )
    elif output is not None:
        write_new(output, canonical(document) + b"\n")
    click.echo(json.dumps(document, indent=2) if form == "json" else _text(document, output, signing_key is not None))


def _text(document: dict[str, Any], output: Path | None, signed: bool) -> str:
    lines = report(document)
    if output is not None:
        lines.append(f"written to       {output}")
    if not signed:
        lines.append("not signed: no gate believes it before it is a signed statement (--key)")
    return "\n".join(lines)


def _shown(location: str) -> str:
    """The image's name in the statement: of a file on this machine only the file's own name."""
    for scheme in (ARCHIVE, "oci-layout:"):
        if location.startswith(scheme):
            return scheme + Path(location.removeprefix(scheme)).name
    return location


def _require_digest(subject: Subject, location: str) -> None:
    if subject.digest is None:
        message = "has no manifest, and so no digest that a pod could pin"
        fix = "Profile the pushed image by its reference, or give its manifest with --manifest."
        raise InputError.single(location, message, fix)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMITS.documents + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", "Name a readable file.") from error
    if len(data) > LIMITS.documents:
        raise InputError.single(str(file), f"is larger than {LIMITS.documents:,} bytes", "Name an image's manifest.")
    return data
