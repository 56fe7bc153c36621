"""`weighbridge verify-signature`: a model folder against an OpenSSF model signature."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.cli.progress import bytes_bar
from weighbridge.errors import InputError
from weighbridge.keys import MAX_KEY_BYTES, load_public_key
from weighbridge.signing.certificates import read_certificates
from weighbridge.signing.model_verify import Authorities, Verification, verify_model

if TYPE_CHECKING:
    from weighbridge.keys import PublicKey

_PATH = click.Path(path_type=Path)


@click.command("verify-signature", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=_PATH)
@click.option("--signature", required=True, metavar="FILE", type=_PATH, help="The signature, such as model.sig.")
@click.option(
    "--key", "sources", multiple=True, metavar="PUB", type=_PATH, help="A public key; repeatable: any of them."
)
@click.option("--ca", "roots", multiple=True, metavar="FILE", type=_PATH, help="Or root certificates; repeatable.")
@click.option("--identity", metavar="NAME", help="With --ca: what the certificate must call its holder, exactly.")
@click.option("--ignore", "ignored", multiple=True, metavar="PATH", help="A path in DIR that need not be signed.")
@click.option("--at", metavar="TIME", help="With --ca: when certificates have to be valid, RFC 3339; by default now.")
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    folder: Path,
    signature: Path,
    sources: tuple[Path, ...],
    roots: tuple[Path, ...],
    identity: str | None,
    ignored: tuple[str, ...],
    at: str | None,
    form: str,
) -> None:
    """Compare the model folder DIR with the OpenSSF model signature FILE.

    Every file in DIR has to be signed, with its name, unless --ignore names it or the folder it lies in: what the
    signer left out counts for nothing. With --ca every certificate has to be valid at --at. Exit status 1 if the
    signature does not hold.
    """
    if bool(sources) == bool(roots):
        raise InputError.single("", "the signer is not given", "Give --key, or --ca.", field="--key")
    if not roots and (identity is not None or at is not None):
        raise InputError.single("", "has a meaning only with --ca", "Leave it out.", field="--identity, --at")
    trusted: list[PublicKey] | Authorities = [_public_key(source) for source in sources]
    if roots:
        authorities = [one for path in roots for one in read_certificates(path)]
        trusted = Authorities(authorities, options.at_ns(at), identity)
    with bytes_bar("Hashing") as progress:
        found = verify_model(folder, signature, trusted, ignored=[_path(given) for given in ignored], progress=progress)
    _report(found, folder, form)
    if not found.holds:
        sys.exit(1)


def _public_key(source: Path) -> PublicKey:
    try:
        with source.open("rb") as file:
            return load_public_key(file.read(MAX_KEY_BYTES), str(source))
    except OSError as error:
        raise InputError.single(str(source), f"cannot be read: {error.strerror}", "Name a PEM file.") from error


def _path(given: str) -> str:
    return given.removeprefix("./").rstrip("/")


def _report(found: Verification, folder: Path, form: str) -> None:
    if form == "json":
        report = {
            "folder": str(folder),
            "holds": found.holds,
            "reasons": list(found.reasons),
            "root": found.root or None,
            "files": found.files,
            "signed_by": found.signer or None,
            "names": list(found.names),
        }
        click.echo(json.dumps(report, indent=2))
        return
    for reason in found.reasons:
        click.echo(f"✗ {reason}")
    if found.holds:
        click.echo(f"✓ {folder}: {found.files} files, exactly as signed\nroot       {found.root}")
    if found.signer:
        click.echo(f"signed by  {', '.join((*found.names, found.signer))}")
