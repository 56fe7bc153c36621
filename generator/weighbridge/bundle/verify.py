"""Signed bundles, verified outside OPA, no more leniently than OPA does.

Order of steps: unpack, refusing what is no plain file; verify the one signature with the keys that the reader was
given, each by the algorithm that the key itself has; compare key id and scope; compare the signed list of files with
the files, both ways; read the manifest and compare its roots. Whoever follows bundles (a cluster's agent, a mirror, the
control plane) believes nothing in one before all of that holds. No I/O.

OPA hashes `data.json` and `.manifest` in its own canonical form; `compile` writes them in that form, so here the bytes
themselves are hashed, and a file that only means the same is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import MAX_ARCHIVE_BYTES, read_archive
from weighbridge.bundle.signing import DATA, MANIFEST, SIGNATURES
from weighbridge.canonical import sha256_hex
from weighbridge.errors import InputError
from weighbridge.tokens import read_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.keys import PublicKey

_CURE = "Take the file as it was published, or name the key that signed it."
_MANIFEST_KEYS = frozenset({"revision", "roots", "rego_version", "metadata"})


@dataclass(frozen=True)
class VerifiedBundle:
    """A bundle whose signature covers all of it."""

    files: Mapping[str, bytes] = field(repr=False)
    """Content by name, without `.signatures.json`."""
    manifest: Mapping[str, Any]
    revision: str
    """What the manifest says; never empty."""
    scope: str
    """What it was signed for."""
    key_fingerprint: str
    """Of the key that signed it."""

    def data(self) -> dict[str, Any]:
        """The document in `data.json`.

        Raises:
            InputError: there is none, or it is no JSON object, though it is signed.
        """
        try:
            document = json.loads(self.files[DATA])
        except (KeyError, ValueError, RecursionError) as error:
            raise InputError.single(DATA, "is missing or no JSON", _CURE) from error
        if not isinstance(document, dict):
            raise InputError.single(DATA, "is no JSON object", _CURE)
        return document


def verify_bundle(
    data: bytes,
    keys: Iterable[PublicKey],
    *,
    keyid: str,
    scope: str | None,
    roots: Iterable[str],
    file: str = "bundle",
    limit: int = MAX_ARCHIVE_BYTES,
) -> VerifiedBundle:
    """A signed bundle, if everything about it is as it must be.

    Args:
        data: the tar.gz.
        keys: those that count, all of one role.
        keyid: the role's name: `release` or `live`.
        scope: see `bundle.signing`; None where the reader compares `VerifiedBundle.scope` itself.
        roots: exactly what it may define.
        file: its name, for the error.
        limit: largest unpacked size, in bytes.

    Raises:
        InputError: it is not; with what is wrong first.
    """
    files = read_archive(data, file, limit=limit)
    try:
        signed_by, claims = _claims(files.pop(SIGNATURES, None), keys, keyid)
        _check_scope(claims["scope"], scope)
        _compare(claims["files"], files)
        manifest = _manifest(files, sorted(roots))
    except ValueError as error:
        raise InputError.single(file, str(error), _CURE) from error
    return VerifiedBundle(files, manifest, manifest["revision"], claims["scope"], signed_by)


def _claims(signatures: bytes | None, keys: Iterable[PublicKey], keyid: str) -> tuple[str, dict[str, Any]]:
    """Whose signature it is, and what it covers."""
    if signatures is None:
        raise ValueError(f"has no {SIGNATURES}")
    document = _json(signatures, SIGNATURES)
    tokens = document.get("signatures")
    listed = tokens if isinstance(tokens, list) and set(document) == {"signatures"} else []
    if [type(token) for token in listed] != [str]:
        raise ValueError(f"has a {SIGNATURES} without exactly one signature")
    token = read_token(listed[0], keys)
    if set(token.header) != {"alg", "kid"} or token.header["kid"] != keyid:
        raise ValueError(f"is not signed as {keyid}")
    claims = _json(token.payload, "signature")
    if set(claims) != {"files", "scope"} or not isinstance(claims["scope"], str):
        raise ValueError("has a signature that covers something else than files and a scope")
    return token.key_fingerprint, claims


def _check_scope(signed: str, scope: str | None) -> None:
    if scope is not None and signed != scope:
        raise ValueError(f"is signed for {signed!a:.100}, not for {scope}")


def _compare(signed: Any, files: Mapping[str, bytes]) -> None:
    """Demand that these files, each once and each as it was, are those that were signed."""
    entries = signed if isinstance(signed, list) else [None]
    hashes: dict[str, str] = {}
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != {"name", "hash", "algorithm"}:
            raise ValueError("has a signature whose list of files cannot be read")
        if entry["algorithm"] != "SHA-256" or not isinstance(entry["name"], str) or entry["name"] in hashes:
            raise ValueError("has a signature that names a file twice, or by another hash than SHA-256")
        hashes[entry["name"]] = entry["hash"]
    for name in sorted({*hashes, *files}):
        if name not in hashes or name not in files:
            raise ValueError(f"has {name!a:.100} {'unsigned' if name in files else 'signed, but not in it'}")
        if hashes[name] != sha256_hex(files[name]):
            raise ValueError(f"has a {name!a:.100} that was changed since it was signed")


def _manifest(files: Mapping[str, bytes], roots: list[str]) -> dict[str, Any]:
    if MANIFEST not in files:
        raise ValueError(f"has no {MANIFEST}")
    manifest = _json(files[MANIFEST], MANIFEST)
    if not set(manifest) <= _MANIFEST_KEYS:
        raise ValueError(f"has a {MANIFEST} that says more than it may")
    revision = manifest.get("revision")
    if not isinstance(revision, str) or not revision:
        raise ValueError(f"has a {MANIFEST} without a revision")
    if manifest.get("roots") != roots:
        raise ValueError(f"claims {manifest.get('roots')!a:.200}, not {', '.join(roots)}")
    return manifest


def _json(data: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"has a {what} that is not JSON") from error
    if isinstance(document, dict):
        return document
    raise ValueError(f"has a {what} that is no JSON object")
