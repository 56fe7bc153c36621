"""`weighbridge pull`: a model from a registry or an OCI layout, verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options, registries
from weighbridge.cli.progress import bytes_bar

if TYPE_CHECKING:
    from weighbridge.oci.pull import Pulled


@click.command("pull", context_settings=options.HELP)
@click.argument("source", metavar="SOURCE")
@click.option(
    "-o", "--output", required=True, metavar="DIR", type=click.Path(path_type=Path), help="A new folder to write."
)
@registries.plain_http_option
@registries.username_option
@registries.password_option
@options.format_option
def command(source: str, output: Path, plain_http: bool, username: str | None, password_stdin: bool, form: str) -> None:
    """Pull the model at SOURCE into DIR, which is then both the model's folder and its package.

    SOURCE is oci://host/repository:tag or @sha256:..., or oci-layout:PATH[:tag|@digest]. Every byte is verified: the
    manifest and each file by digest and size, the files one to one with manifest.json, the artifact digest recomputed.
    DIR appears whole or not at all. Who signed the evidence is for `weighbridge verify` to say.
    """
    from weighbridge.oci.pull import pull  # noqa: PLC0415 -- httpx takes its time
    from weighbridge.oci.store import open_store  # noqa: PLC0415 -- as above

    given = registries.credentials_from(username, password_stdin=password_stdin)
    store, reference = open_store(source, plain_http=plain_http, credentials=given)
    with bytes_bar("Pulling") as progress:
        pulled = pull(store, reference, output, progress=progress)
    _report(pulled, output, form)


def _report(pulled: Pulled, output: Path, form: str) -> None:
    manifest = pulled.manifest
    name = f"{manifest.model}@{manifest.version}"
    if form == "json":
        document = {
            "name": name,
            "digest": pulled.descriptor.digest,
            "artifact_digest": manifest.artifact_digest,
            "files": len(manifest.files),
            "bytes": pulled.size,
            "evidence": [file.name for file in pulled.evidence],
            "output": str(output),
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{name}: {len(manifest.files)} files, {pulled.size:,} bytes")
    click.echo(f"digest            {pulled.descriptor.digest}")
    click.echo(f"artifact digest   {manifest.artifact_digest}")
    click.echo(f"written to        {output}")
    click.echo(f"evidence          {len(pulled.evidence)} files, not yet judged: `weighbridge verify` does that")
