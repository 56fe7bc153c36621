"""`weighbridge image evidence`: what others attached to an image, written where a catalogue keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options, registries
from weighbridge.errors import InputError, OutputError

if TYPE_CHECKING:
    from weighbridge.oci.evidence import FoundEvidence


@click.command("evidence", context_settings=options.HELP)
@click.argument("location", metavar="REF")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Usually a catalogue's folder.",
)
@registries.plain_http_option
@registries.username_option
@registries.password_option
@options.format_option
def command(
    location: str, output: Path, plain_http: bool, username: str | None, password_stdin: bool, form: str
) -> None:
    """Fetch the evidence about the image REF, and write it to DIR/images/<hex>/evidence/.

    REF is oci://host/repository:tag or @sha256:..., or oci-layout:PATH[:tag|@digest]. Sigstore bundles and DSSE
    envelopes are read from OCI referrers, from the tag sha256-<hex> where a registry has no referrers API, and from
    cosign's older tag sha256-<hex>.att. What is there already stays; nothing is judged before `weighbridge verify`.
    Exit status 1 if there is none.
    """
    from weighbridge.oci.evidence import fetch_evidence  # noqa: PLC0415 -- httpx takes its time
    from weighbridge.oci.store import open_store  # noqa: PLC0415 -- as above

    given = registries.credentials_from(username, password_stdin=password_stdin)
    store, reference = open_store(location, plain_http=plain_http, credentials=given)
    digest = store.resolve(reference).digest
    found = fetch_evidence(store, digest)
    folder = output / "images" / digest.removeprefix("sha256:") / "evidence"
    new = _write(folder, found)
    _report(digest, folder, found, new, form)
    if not found:
        raise SystemExit(1)


def _write(folder: Path, found: tuple[FoundEvidence, ...]) -> int:
    """Write what is not there yet; how many files that were."""
    new = []
    for file in found:
        path = folder / file.name
        if not path.exists():
            new.append(file)
        elif path.read_bytes() != file.data:
            fix = "Evidence is never overwritten: remove it yourself, if it is not what it was."
            raise InputError.single(str(path), "is there already, and differs", fix)
    try:
        folder.mkdir(parents=True, exist_ok=True) if new else None
        for file in new:
            with (folder / file.name).open("xb") as stream:
                stream.write(file.data)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Name a writable folder.") from error
    return len(new)


def _report(digest: str, folder: Path, found: tuple[FoundEvidence, ...], new: int, form: str) -> None:
    if form == "json":
        files = [{"name": file.name, "source": file.source} for file in found]
        click.echo(json.dumps({"digest": digest, "output": str(folder), "new": new, "files": files}, indent=2))
        return
    click.echo(f"image             {digest}")
    click.echo(f"evidence          {len(found)} files, {new} of them new, not yet judged")
    click.echo(f"written to        {folder}" if found else "nobody attached evidence to it")
