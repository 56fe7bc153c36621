"""A small catalogue to start from, which loads as it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.catalogue import schemas
from weighbridge.catalogue.load import load_catalogue
from weighbridge.errors import InputError, OutputError
from weighbridge.keys import LocalKey, public_pem

if TYPE_CHECKING:
    from pathlib import Path

_KEYLESS = """\
    # A keyless signer: put in the issuer and the identity of whatever signs in your pipeline. Or put its public key
    # into keys/ci.pub, and write:  ci: {key: keys/ci.pub}
    ci: {sigstore: {issuer: https://accounts.example.com, identity: ci@example.com}}
"""
_KEYED = """\
    ci: {key: keys/ci.pub}
"""
_CONFIGURATION = """\
# yaml-language-server: $schema=schemas/configuration.json
apiVersion: weighbridge.dev/v1
kind: Catalogue

trust:
  signers:
@SIGNERS@
# A named claim: which predicate, signed by whom, judged by which rule.
attestations:
  packaged:
    predicate: https://weighbridge.dev/package/v1
    about: model
    signers: [ci]
    rule: package
  slsa-level2:
    predicate: https://slsa.dev/provenance/v1
    about: model
    signers: [ci]
    rule: slsa_provenance
    with: {builders: [https://github.com/actions/runner]}

environments:
  dev:
    requires: []
  prod:
    requires: [slsa-level2]
    promotes_from: dev
    promotions: {signers: [ci], min_time: 24h}
    orders:  # a kind that is not listed may be ordered by nobody
      revoke: {signers: [ci]}
"""
_TENANTS = """\
# yaml-language-server: $schema=schemas/tenants.json
apiVersion: weighbridge.dev/v1
kind: Tenants
# weighbridge tenant key TENANT --environment prod
tenants: {}
"""
_README = """\
# A Weighbridge catalogue

- `weighbridge.yaml`: who is trusted, and what each environment requires
- `tenants.yaml`: who may call which models
- `models/<id>/<version>/`: a model card, and what `weighbridge package` and your pipeline write beside it
- `orders/`: signed orders, such as revocations
- `policies/`: rules of your own

`weighbridge verify .` checks all of it.
"""
_ATTRIBUTES = """\
# What is signed is bytes: no checkout may change a line end.
* -text
"""


@dataclass(frozen=True)
class Started:
    """What was written."""

    catalogue: tuple[Path, ...]
    private_keys: tuple[Path, ...]
    """Outside the catalogue, readable for their owner only."""


def start_catalogue(folder: Path, keys: Path | None = None) -> Started:
    """Write a catalogue into a new or empty folder.

    Args:
        folder: where.
        keys: a folder outside it for the private keys of `ci` and of the root, which are then made; nothing in it is
            overwritten.

    Raises:
        InputError: the folder is not empty, or the keys would lie inside the catalogue or over others.
        OutputError: nothing can be written there.
    """
    _check(folder, keys)
    files = {
        "weighbridge.yaml": _CONFIGURATION.replace("@SIGNERS@\n", (_KEYED if keys else _KEYLESS) + "\n"),
        "tenants.yaml": _TENANTS,
        "README.md": _README,
        ".gitattributes": _ATTRIBUTES,
    }
    for name in ("configuration.json", "tenants.json"):
        files[f"schemas/{name}"] = schemas.text(schemas.schemas()[name])
    private: list[Path] = []
    try:
        if keys is not None:
            private, public = _make_keys(keys)
            files["keys/ci.pub"] = public
        written = [_write(folder / name, text) for name, text in files.items()]
    except OSError as error:
        fix = "Make room, or name another folder."
        raise OutputError(f"{error.filename or folder}: cannot be written: {error.strerror}. {fix}") from error
    load_catalogue(folder)
    return Started(tuple(written), tuple(private))


def _check(folder: Path, keys: Path | None) -> None:
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError.single(str(folder), "is not an empty folder", "Name a new folder.")
    except OSError as error:
        raise InputError.single(str(folder), f"cannot be read: {error.strerror}", "Name a new folder.") from error
    if keys is None:
        return
    if keys.resolve().is_relative_to(folder.resolve()):
        fix = "Name a folder outside it: private keys do not belong into Git."
        raise InputError.single(str(keys), "lies inside the catalogue", fix)
    for name in ("ci", "root"):
        for path in (keys / f"{name}.pem", keys / f"{name}.pub"):
            if path.exists() or path.is_symlink():
                raise InputError.single(str(path), "exists already", "Name another folder for the keys.")


def _make_keys(folder: Path) -> tuple[list[Path], str]:
    """Private keys and public halves of `ci` and root; returns the private files, and the public half of `ci`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = []
    publics = {}
    for name in ("ci", "root"):
        key = ec.generate_private_key(ec.SECP256R1())
        private.append(_write_private(folder / f"{name}.pem", key))
        publics[name] = public_pem(key.public_key())
        _write(folder / f"{name}.pub", publics[name])
    return private, publics["ci"]


def _write_private(path: Path, key: LocalKey) -> Path:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # O_EXCL and the mode at creation: at no time can anybody else read it, and no link is followed.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return path


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return path
