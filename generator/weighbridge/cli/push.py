"""`weighbridge push`: a packaged model and its evidence into a registry, or an OCI layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.catalogue.catalogue import EvidenceFile
from weighbridge.cli import options, registries
from weighbridge.cli.progress import bytes_bar
from weighbridge.release.evidence_file import write_evidence

if TYPE_CHECKING:
    from weighbridge.oci.credentials import Credentials
    from weighbridge.oci.push import Packaged, Pushed
    from weighbridge.packaging.hashing import Progress as BytesWatcher


@click.command("push", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("target", metavar="TARGET")
@click.option(
    "--package",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="What `package` wrote about DIR, with its evidence/.",
)
@click.option(
    "--key", "key_source", metavar="K", help=f"Also sign where it is pushed to, as evidence: {options.PRIVATE_KEY}."
)
@click.option("--at", metavar="TIME", help="That statement's time, RFC 3339; by default now.")
@registries.plain_http_option
@registries.username_option
@registries.password_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    folder: Path,
    target: str,
    package: Path,
    key_source: str | None,
    at: str | None,
    plain_http: bool,
    username: str | None,
    password_stdin: bool,
    form: str,
) -> None:
    """Push the model in DIR, its package and its evidence to TARGET, in the CNCF ModelPack format.

    TARGET is oci://host/repository:tag, or oci-layout:PATH[:tag] for a new folder. Every file is hashed and compared
    with manifest.json before anything is sent. The same package has the same digest everywhere. Evidence is attached
    as referrers, by the tag sha256-<hex> where the registry has no referrers API; the tag itself is set last.

    With --key the address by digest is signed as evidence, which is attached as well and written into OUT/evidence:
    where an environment requires an attestation with the rule `publication`, pods may load the version's weights from
    there.
    """
    from weighbridge.keys import load_private_key  # noqa: PLC0415 -- the help should not wait for it
    from weighbridge.oci.publication import with_publication  # noqa: PLC0415 -- the same
    from weighbridge.oci.push import read_package  # noqa: PLC0415 -- the same

    given = registries.credentials_from(username, password_stdin=password_stdin)
    key = load_private_key(key_source) if key_source is not None else None
    at_ns = options.at_ns(at)
    with bytes_bar("Hashing") as hashing:
        packaged = read_package(folder, package, progress=hashing)
    published = ""
    if key is not None:
        packaged, published = with_publication(packaged, target, key, at_ns)
    with bytes_bar("Pushing") as pushing:
        pushed = _push(packaged, target, given, plain_http=plain_http, progress=pushing)
    if published:
        write_evidence(package, [EvidenceFile(f"evidence/{published}", packaged.evidence[published])])
    _report(packaged, pushed, target, form)


def _push(
    packaged: Packaged, target: str, given: Credentials | None, *, plain_http: bool, progress: BytesWatcher | None
) -> Pushed:
    from weighbridge.oci.push import push  # noqa: PLC0415 -- as above
    from weighbridge.oci.targets import open_target  # noqa: PLC0415 -- as above

    with open_target(target, plain_http=plain_http, credentials=given) as (sink, tag):
        return push(packaged, sink, tag, progress=progress)


def _report(packaged: Packaged, pushed: Pushed, target: str, form: str) -> None:
    name = f"{packaged.manifest.model}@{packaged.manifest.version}"
    digest = pushed.descriptor.digest
    if form == "json":
        document = {
            "name": name,
            "target": target,
            "digest": digest,
            "artifact_digest": packaged.manifest.artifact_digest,
            "sent": pushed.sent,
            "there": pushed.there,
            "evidence": pushed.evidence,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{name} is at {target}")
    click.echo(f"digest            {digest}")
    click.echo(f"artifact digest   {packaged.manifest.artifact_digest}")
    click.echo(f"sent              {pushed.sent:,} bytes; {pushed.there} blobs were there already")
    click.echo(f"evidence          {pushed.evidence} attached")
