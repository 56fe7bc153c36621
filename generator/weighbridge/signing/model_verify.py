"""Verifying an OpenSSF model signature against a folder, without the holes of the format's own tools.

Order of steps: read the bundle; verify its signature by the given key, or by a certificate that chains to the given
authorities; read the statement from the very bytes that were signed; recompute the root from the listed digests; then
compare every file that lies in the folder with what is listed, names included, one to one.

What the signer says he ignored counts for nothing: whatever lies in the folder has to be signed, unless the *verifier*
names it. Links, another serialization, another hash, two subjects are refused. Source: see `model_signature`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge import keys
from weighbridge.errors import InputError
from weighbridge.evidence import dsse
from weighbridge.evidence.predicates import MODEL_SIGNATURE
from weighbridge.evidence.statement import model_signing_root, parse_statement
from weighbridge.packaging.digest import check_plain_path
from weighbridge.packaging.scan import scan
from weighbridge.signing.certificates import CertificateError, load_chain, names_of, verified_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography import x509

    from weighbridge.evidence.statement import Statement
    from weighbridge.keys import PublicKey
    from weighbridge.packaging.hashing import Progress

_SHOWN = 10
"""Files that a report names of each sort."""


@dataclass(frozen=True)
class Authorities:
    """Who may vouch for a signer's certificate."""

    roots: Sequence[x509.Certificate]
    at_ns: int
    """When the certificates have to be valid, in nanoseconds."""
    identity: str | None = None
    """What the certificate has to call its holder, exactly; None: anybody whom the authorities vouch for."""


@dataclass(frozen=True)
class Verification:
    """What was found."""

    reasons: tuple[str, ...]
    """Why the signature does not hold for this folder; empty if it does."""
    signer: str = ""
    """Fingerprint of the key that signed, "" if no trusted one did."""
    names: tuple[str, ...] = ()
    """What the signer's certificate calls him."""
    root: str = ""
    """The OpenSSF root, `sha256:<hex>`."""
    files: int = 0
    """How many files are signed."""

    @property
    def holds(self) -> bool:
        """Whether exactly this folder was signed by somebody trusted."""
        return not self.reasons


def verify_model(
    folder: Path,
    signature: Path,
    trusted: Sequence[PublicKey] | Authorities,
    *,
    ignored: Sequence[str] = (),
    progress: Progress | None = None,
) -> Verification:
    """Compare a folder with a signature.

    Args:
        folder: the model folder, with everything in it.
        signature: the signature's file; inside the folder it is left out by itself.
        trusted: public keys, or authorities for certificates; never both.
        ignored: paths in the folder that need no signature, exactly, with `/`; a folder stands for all below it.
        progress: told how many bytes have been hashed.

    Raises:
        InputError: the signature cannot be read, or the folder holds what has no single meaning, such as a link.
    """
    data, file = _read(signature), str(signature)
    try:
        signer, names, envelope = _signed_by(data, file, trusted)
        statement = parse_statement(envelope, file)
        root = _root(statement)
        listed = _listed(statement.predicate)
    except (CertificateError, _UntrustedError) as error:
        return Verification((str(error),))
    left_out = frozenset({*ignored, *_inside(folder, signature)})
    present = {given.path: given.sha256 for given in scan(folder, leave_out=left_out, progress=progress)}
    return Verification(_differences(listed, present), signer, names, root, len(listed))


class _UntrustedError(ValueError):
    """Why a signature counts for nothing."""


def _read(signature: Path) -> bytes:
    try:
        with signature.open("rb") as stream:
            return stream.read(dsse.LIMITS.file_bytes + 1)
    except OSError as error:
        raise InputError.single(str(signature), f"cannot be read: {error.strerror}", "Name the signature.") from error


def _signed_by(
    data: bytes, file: str, trusted: Sequence[PublicKey] | Authorities
) -> tuple[str, tuple[str, ...], dsse.Envelope]:
    envelope = dsse.parse_envelope(data, file, keyless=True)
    names: tuple[str, ...] = ()
    if isinstance(trusted, Authorities):
        chain = load_chain(_encoded(envelope))
        key, names = verified_key(chain, trusted.roots, trusted.at_ns), tuple(names_of(chain[0]))
        if trusted.identity is not None and trusted.identity not in names:
            raise _UntrustedError(f"was signed by {', '.join(names) or 'nobody by name'}, not by {trusted.identity}")
        ring = dsse.KeyRing({keys.fingerprint(key): key})
    elif envelope.keyless:
        raise _UntrustedError("was signed with a certificate, and a key was asked for: verify it with --ca")
    else:
        ring = dsse.KeyRing({keys.fingerprint(key): key for key in trusted})
    signers = dsse.verified_by(envelope, ring)
    if not signers:
        raise _UntrustedError("is not signed by a given key, or was changed after it was signed")
    return signers[0], names, envelope


def _encoded(envelope: dsse.Envelope) -> list[bytes]:
    """The certificates beside an envelope, in DER."""
    material = envelope.material
    if material is None or "publicKey" in material or not envelope.keyless:
        raise _UntrustedError("was signed with a bare key, and certificates were asked for: verify it with --key")
    listed = _at(material, "x509CertificateChain", "certificates") or [material.get("certificate")]
    try:
        return [dsse.decode_base64(one["rawBytes"]) for one in listed]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise CertificateError("has no certificates that can be read") from error


def _at(document: Mapping[str, Any], *names: str) -> list[Any]:
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def _root(statement: Statement) -> str:
    if statement.predicate_type != MODEL_SIGNATURE:
        raise _UntrustedError(f"signs a predicate {statement.predicate_type!r:.100}, not {MODEL_SIGNATURE}")
    try:
        root = model_signing_root(statement.predicate)
    except ValueError as error:
        raise _UntrustedError(str(error)) from error
    if len(statement.subject) != 1:
        raise _UntrustedError(f"has {len(statement.subject)} subjects, not one")
    if not statement.about(root):
        raise _UntrustedError(f"has a subject that is not the root of the resources that it lists, {root}")
    return root


def _listed(predicate: Mapping[str, Any]) -> dict[str, str]:
    """Digest by name, of resources that have only one meaning."""
    serialization = predicate.get("serialization")
    given = serialization if isinstance(serialization, dict) else {}
    if (given.get("method"), given.get("hash_type")) != ("files", "sha256"):
        raise _UntrustedError("has a serialization that is not `files` with sha256")
    if given.get("allow_symlinks") is not False:
        raise _UntrustedError("followed symbolic links, or does not say that it did not")
    listed: dict[str, str] = {}
    for resource in predicate["resources"]:
        name = resource.get("name")
        if resource.get("algorithm") != "sha256" or not isinstance(name, str) or name in listed:
            raise _UntrustedError("lists a resource without a name, twice, or hashed otherwise than with SHA-256")
        try:
            check_plain_path(name)
        except ValueError as error:
            raise _UntrustedError(f"lists a resource whose {error}") from error
        listed[name] = resource["digest"]
    return listed


def _inside(folder: Path, signature: Path) -> list[str]:
    real, base = Path(os.path.realpath(signature)), os.path.realpath(folder)
    return [real.relative_to(base).as_posix()] if real.is_relative_to(base) else []


def _differences(listed: Mapping[str, str], present: Mapping[str, str]) -> tuple[str, ...]:
    found = {
        "is signed, and not there": listed.keys() - present.keys(),
        "is there, and not signed": present.keys() - listed.keys(),
        "is not what was signed": {path for path in listed.keys() & present.keys() if listed[path] != present[path]},
    }
    reasons: list[str] = []
    for what, paths in found.items():
        reasons += [f"{path!r} {what}" for path in sorted(paths)[:_SHOWN]]
        if len(paths) > _SHOWN:
            reasons.append(f"{len(paths) - _SHOWN} more: each {what}")
    return tuple(reasons)
