"""`weighbridge public-key`: the public half of a key, for a catalogue's `keys/`."""

from __future__ import annotations

import json

import click

from weighbridge.cli import options
from weighbridge.keys import fingerprint, load_private_key, public_pem


@click.command("public-key", context_settings=options.HELP)
@click.argument("source", metavar="K")
@options.format_option
def command(source: str, form: str) -> None:
    """Print the public half of the private key K as PEM, and its fingerprint to standard error.

    K is a key file (PEM or cosign's own, encrypted or not), env:NAME, or a key in an HSM or KMS, such as hsm:2.
    Who holds which key is what a catalogue's trust says, so compare the fingerprint with what the key's holder reads
    to you.
    """
    key = load_private_key(source).public_key()
    if form == "json":
        click.echo(json.dumps({"pem": public_pem(key), "fingerprint": fingerprint(key)}, indent=2))
        return
    click.echo(public_pem(key), nl=False)
    click.echo(fingerprint(key), err=True)
