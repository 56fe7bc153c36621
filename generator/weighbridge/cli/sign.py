"""`weighbridge sign`: an OpenSSF model signature over a model folder."""

from __future__ import annotations

import json
from pathlib import Path

import click

from weighbridge.cli import options
from weighbridge.cli.new_file import write_new
from weighbridge.cli.progress import bytes_bar
from weighbridge.errors import InputError
from weighbridge.evidence.statement import model_signing_root
from weighbridge.keys import fingerprint, load_private_key
from weighbridge.signing.certificates import read_certificates
from weighbridge.signing.model_signature import model_predicate, require_openssf_key, sign_model

_PATH = click.Path(path_type=Path)


@click.command("sign", context_settings=options.HELP)
@click.argument("folder", metavar="DIR", type=_PATH)
@click.option("--key", "source", required=True, metavar="K", help=f"An ECDSA key: {options.PRIVATE_KEY}.")
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="FILE",
    type=_PATH,
    help="PEM with the key's certificate, then what lies between it and a root; repeatable.",
)
@click.option(
    "-o", "--output", metavar="OUT", type=_PATH, default=Path("model.sig"), show_default=True, help="A new file."
)
@options.format_option
def command(folder: Path, source: str, certificates: tuple[Path, ...], output: Path, form: str) -> None:
    """Sign the model folder DIR in the OpenSSF model-signing format.

    Signed are the files that `package` would package, and README.md. `weighbridge verify-signature` and model-signing's
    own tools verify it; in a catalogue it counts for an attestation with the rule model_signature. Other statements are
    for `weighbridge attest`.
    """
    chain = [one for path in certificates for one in read_certificates(path)]
    if output.exists() or output.is_symlink():
        raise _is_there(output)
    key = load_private_key(source)
    require_openssf_key(key, source)
    with bytes_bar("Hashing") as progress:
        predicate = model_predicate(folder, output, progress)
    data = sign_model(predicate, folder.resolve().name or "model", key, chain)
    write_new(output, data, "a signature")
    root, count, signer = model_signing_root(predicate), len(predicate["resources"]), fingerprint(key.public_key())
    if form == "json":
        report = {"output": str(output), "root": root, "files": count, "signed_by": signer}
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"{output}: {count} files\nroot       {root}\nsigned by  {signer}")


def _is_there(output: Path) -> InputError:
    return InputError.single(str(output), "is there already", "Name a new file: a signature is never overwritten.")
