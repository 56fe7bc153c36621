"""Trust does not lie beside what it judges: `weighbridge.yaml.dsse` signs it, with a root key from outside.

The file is a DSSE envelope around an in-toto Statement v1 of predicate type `https://weighbridge.dev/trust/v1`, whose
subjects are exactly the files that decide who is trusted: weighbridge.yaml, tenants.yaml, each signer's key file, and
everything below policies/. Order of steps: read the envelope, verify its signature, read the statement, compare its
subjects with the hashes of what was read, both ways. Verifying does no I/O but for the root key.

It says nothing about which of several signed states is the newest: whoever can write the catalogue can put back an old
one together with its envelope. Git's history, or a pinned `trust_sha256`, tells.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, parse_json
from weighbridge.catalogue.source import LIMITS, Source, display
from weighbridge.catalogue.trusted import ENVELOPE, Trusted, read_trusted
from weighbridge.errors import InputError, OutputError, Problem
from weighbridge.evidence.dsse import PAYLOAD_TYPE, KeyRing, envelope_json, parse_envelope, sign_envelope, verified_by
from weighbridge.keys import fingerprint, load_public_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.keys import PrivateKey, PublicKey

TRUST = "https://weighbridge.dev/trust/v1"
STATEMENT = "https://in-toto.io/Statement/v1"
UNSIGNED = "unsigned"
TrustState = str
"""`unsigned`, or `sha256:<fingerprint>` of the root key that signed."""
_HEX = re.compile(r"[0-9a-f]{64}")
_SIGN = "Sign it with `weighbridge trust sign`."


def sign_trust(root: Path, key: PrivateKey) -> tuple[Path, Mapping[str, str]]:
    """Write `weighbridge.yaml.dsse` for what lies in the catalogue now.

    Returns:
        The file, and what it signs: path to bare hex SHA-256.

    Raises:
        InputError: what is to be signed has problems; nobody should sign what does not load.
        OutputError: the file could not be written; the old one is then untouched.
    """
    files = load_trusted(root).sorted_files()
    envelope = sign_envelope(PAYLOAD_TYPE, canonical(_statement(files)), [key])
    target = root.resolve() / ENVELOPE
    _replace(target, envelope_json(envelope))
    return target, files


def load_trusted(root: Path) -> Trusted:
    """What trust speaks of, read and found without a problem of its own.

    Raises:
        InputError: with every problem in it.
    """
    trusted = read_trusted(Source(root))
    if trusted.problems:
        raise InputError(trusted.problems)
    return trusted


def verify_trust(catalogue: Catalogue, root_key_file: Path | None) -> TrustState:
    """Whether a root key signed exactly what this catalogue was read from.

    Args:
        catalogue: as it was loaded; nothing is read again.
        root_key_file: the public root key, which must lie outside the catalogue; None leaves trust unsigned.

    Raises:
        InputError: no envelope, not signed by this key, or signed about other files; with every difference.
    """
    if root_key_file is None:
        return UNSIGNED
    key = load_root_key(root_key_file, catalogue.root)
    verify_files(catalogue.trusted, catalogue.trust_envelope, key)
    return fingerprint(key)


def load_root_key(file: Path, catalogue: Path) -> PublicKey:
    """The root key, refused if it lies in the catalogue that it shall judge.

    Raises:
        InputError: inside the catalogue, not readable, or no public key.
    """
    name = display(str(file))
    try:
        real = file.resolve(strict=True)
        inside = real.is_relative_to(catalogue.resolve(strict=True))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError.single(name, f"cannot be read: {_reason(error)}", "Name the root's public key.") from error
    if inside:
        fix = "Keep the root key elsewhere: whoever can change the catalogue could replace it."
        raise InputError.single(name, "lies inside the catalogue that it shall judge", fix)
    return load_public_key(Source(real.parent).read(real.name, LIMITS.key), name)


def verify_files(files: Mapping[str, str], envelope: bytes | None, key: PublicKey) -> None:
    """Demand that the envelope, signed by the key, speaks of exactly these files.

    Args:
        files: path to bare hex SHA-256.
        envelope: the bytes of `weighbridge.yaml.dsse`; None if there is none.
        key: the root key.

    Raises:
        InputError: with every difference.
    """
    if envelope is None:
        raise InputError.single(ENVELOPE, "is missing, so trust is unsigned", _SIGN)
    parsed = parse_envelope(envelope, ENVELOPE)
    if parsed.payload_type != PAYLOAD_TYPE:
        raise InputError.single(
            ENVELOPE, f"has the payload type {parsed.payload_type[:80]!a}", _SIGN, field="payloadType"
        )
    print_ = fingerprint(key)
    if print_ not in verified_by(parsed, KeyRing({print_: key})):
        message = f"is not signed by the root key {print_}, or was changed since"
        raise InputError.single(ENVELOPE, message, "Name the right root key, or sign trust anew after reviewing it.")
    signed = _subjects(parse_json(parsed.payload, ENVELOPE))
    if signed != files:
        raise InputError(_differences(signed, files))


def _statement(files: Mapping[str, str]) -> dict[str, Any]:
    subjects = [{"name": path, "digest": {"sha256": value}} for path, value in files.items()]
    return {"_type": STATEMENT, "subject": subjects, "predicateType": TRUST, "predicate": {}}


def _subjects(statement: Any) -> dict[str, str]:
    """The signed files; anything that is not exactly a trust statement of this version is refused."""
    try:
        subjects = {str(entry["name"]): entry["digest"]["sha256"] for entry in statement["subject"]}
    except (KeyError, TypeError) as error:
        raise _no_trust_statement() from error
    if not all(isinstance(value, str) and _HEX.fullmatch(value) for value in subjects.values()):
        raise _no_trust_statement()
    # Built anew from what was understood, it must be the same: so nothing in it was overlooked, and no name came twice.
    if statement != _statement(subjects):
        raise _no_trust_statement()
    return subjects


def _no_trust_statement() -> InputError:
    return InputError.single(ENVELOPE, f"holds no statement of the type {TRUST} that can be understood", _SIGN)


def _differences(signed: Mapping[str, str], files: Mapping[str, str]) -> list[Problem]:
    review = "Review the change, then sign trust anew with `weighbridge trust sign`."
    problems = []
    for path in sorted({*signed, *files}):
        if path not in signed:
            problems.append(Problem(path, message="decides who is trusted, and trust does not sign it", fix=review))
        elif path not in files:
            fix = "Put it back, or sign trust anew."
            problems.append(Problem(path, message="is signed by trust, but is not there or not used", fix=fix))
        elif signed[path] != files[path]:
            problems.append(Problem(path, message="was changed since trust was signed", fix=review))
    return problems


def _replace(target: Path, data: bytes) -> None:
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".trust-", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(f"{target} could not be written: {error.strerror}") from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or "no such path"
