"""`weighbridge trust`: sign what decides who is trusted, and show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.names import format_time
from weighbridge.catalogue.trust import UNSIGNED, load_root_key, load_trusted, sign_trust, verify_files
from weighbridge.cli import options
from weighbridge.keys import fingerprint, load_private_key

if TYPE_CHECKING:
    from weighbridge.catalogue.trusted import Trusted

_FOLDER = click.Path(path_type=Path)


@click.group("trust", context_settings=options.HELP)
def command() -> None:
    """Sign and show the trust of a catalogue."""


@command.command("sign")
@click.argument("catalogue", type=_FOLDER)
@click.option("--key", required=True, metavar="K", help=f"The root's private key: {options.PRIVATE_KEY}.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def sign(catalogue: Path, key: str, form: str) -> None:
    """Sign who is trusted in CATALOGUE: writes weighbridge.yaml.dsse.

    Signed are weighbridge.yaml, tenants.yaml, each signer's key file and every file below policies/. Review them first:
    the signature says that you did.
    """
    private = load_private_key(key)
    target, files = sign_trust(catalogue, private)
    root = fingerprint(private.public_key())
    if form == "json":
        click.echo(json.dumps({"file": str(target), "root": root, "files": dict(files)}, indent=2))
        return
    for path, value in files.items():
        click.echo(f"{value}  {path}")
    click.echo(f"signed by {root}\nwritten to {target}")


@command.command("show")
@click.argument("catalogue", type=_FOLDER)
@click.option("--root", metavar="KEY", type=_FOLDER, help="The root's public key, from outside the catalogue.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(catalogue: Path, root: Path | None, form: str) -> None:
    """Show who is trusted in CATALOGUE and, with --root, verify that the root key signed exactly that."""
    trusted = load_trusted(catalogue)
    state = UNSIGNED
    if root is not None:
        key = load_root_key(root, catalogue)
        verify_files(trusted.sorted_files(), trusted.envelope, key)
        state = fingerprint(key)
    if form == "json":
        document = {
            "trust": state,
            "trust_sha256": trusted.digest(),
            "signers": _signers(trusted),
            "files": trusted.sorted_files(),
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"trust: {state}" + ("" if root else " (not verified: give the root's public key with --root)"))
    click.echo(f"trust_sha256: {trusted.digest()}\n")
    for name, signer in _signers(trusted).items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in signer.items()))
    click.echo()
    for path, value in trusted.sorted_files().items():
        click.echo(f"{value}  {path}")


def _signers(trusted: Trusted) -> dict[str, dict[str, Any]]:
    described = {}
    for name, signer in sorted(trusted.signers.items()):
        document = signer.document
        entry: dict[str, Any] = {"key": document.key, "fingerprint": signer.fingerprint}
        if document.sigstore is not None:
            entry = document.sigstore.model_dump(exclude_none=True, exclude_defaults=True)
            entry |= {"root": document.sigstore.root, "fingerprint": signer.fingerprint}
        for field in ("not_before", "not_after", "compromised_from"):
            time_ns = getattr(document, field)
            if time_ns is not None:
                entry[field] = format_time(time_ns)
        described[name] = entry
    return described
