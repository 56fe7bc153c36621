"""Writing evidence: a predicate that somebody has becomes a signed statement about a subject.

What is signed is the predicate as it was given. A model of ours only checks it and never rewrites it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, digest, parse_json
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import LIMITS, PAYLOAD_TYPE, bundle_json, envelope_json, sign_envelope
from weighbridge.evidence.predicates import MODEL_SIGNATURE, MODELS, ORDER, WAIVER
from weighbridge.evidence.statement import model_signing_root, statement_json
from weighbridge.evidence.times import statement_time_ns
from weighbridge.packaging.digest import artifact_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.keys import PrivateKey

OWN_SUBJECT = frozenset({ORDER, WAIVER, MODEL_SIGNATURE})
"""Predicate types whose subject follows from the predicate itself."""


def read_predicate(data: bytes, file: str, predicate_type: str) -> dict[str, Any]:
    """A predicate, checked as far as its type is known.

    Raises:
        InputError: not JSON, not of the shape that our own type has, or of a time that cannot be read.
    """
    predicate = parse_json(data, file)
    if not isinstance(predicate, dict):
        raise InputError.single(file, "is no JSON object", "Write the predicate alone, without a statement around it.")
    model = MODELS.get(predicate_type)
    if model is None and predicate_type.startswith("https://weighbridge.dev/"):
        known = ", ".join(sorted(MODELS))
        raise InputError.single("", f"{predicate_type} is not known", f"Known: {known}.", field="--predicate-type")
    if model is not None:
        validate(model, predicate, file)
    try:
        statement_time_ns(predicate_type, predicate)
    except ValueError as error:
        raise InputError.single(file, f"its time cannot be read: {error}", "Write it as RFC 3339.") from error
    return predicate


def artifact_subject(data: bytes, file: str) -> str:
    """The artifact digest that an `artifact.json` stands for: the hash of its own bytes, which have only one form.

    Raises:
        InputError: not what `weighbridge package` writes.
    """
    entries = parse_json(data, file)
    try:
        same = bool(entries) and artifact_bytes((path, size, sha256) for path, size, sha256 in entries) == data
    except (ValueError, TypeError, InputError) as error:
        raise InputError.single(file, f"is no artifact.json: {error}", "Name the one that `package` wrote.") from error
    if not same:
        raise InputError.single(file, "is not byte for byte what `package` writes", "Package the model again.")
    return digest(data)


def own_subject(predicate_type: str, predicate: dict[str, Any], file: str) -> tuple[str, str]:
    """`(name, digest)` of the subject that follows from the predicate (CONTRACTS: orders, waivers, model signatures).

    Raises:
        InputError: it has no such subject.
    """
    try:
        if predicate_type == MODEL_SIGNATURE:
            return "model", model_signing_root(predicate)
        return predicate_type, digest(canonical(predicate))
    except ValueError as error:
        raise InputError.single(file, str(error), "Correct the predicate.") from error


def statement_payload(predicate_type: str, predicate: dict[str, Any], subject: tuple[str, str], file: str) -> bytes:
    """The bytes of a statement as they are to be signed; the arguments are those of `write_attestation`.

    Raises:
        InputError: the predicate has no canonical form, or is too large to be read again.
    """
    try:
        payload = statement_json(predicate_type, predicate, [subject])
    except ValueError as error:
        raise InputError.single(file, str(error), "Write large integers as text.") from error
    if len(payload) > LIMITS.payload_bytes:
        message = f"makes a statement of {len(payload)} bytes, more than {LIMITS.payload_bytes}"
        raise InputError.single(file, message, "Leave out what nobody judges.")
    return payload


def write_attestation(
    predicate_type: str,
    predicate: dict[str, Any],
    subject: tuple[str, str],
    signing_keys: Sequence[PrivateKey],
    file: str,
) -> bytes:
    """A signed statement: a Sigstore bundle v0.3, or, as a bundle has one signature, a bare envelope for several keys.

    Args:
        predicate_type: a URI.
        predicate: as `read_predicate` returned it.
        subject: its name and `sha256:<hex>`.
        signing_keys: at least one; equal ones sign once.
        file: the predicate's, for the error.

    Raises:
        InputError: the predicate has no canonical form, or is too large to be read again.
    """
    envelope = sign_envelope(PAYLOAD_TYPE, statement_payload(predicate_type, predicate, subject, file), signing_keys)
    if len(signing_keys) == 1:
        return bundle_json(envelope, signing_keys[0].public_key())
    return envelope_json(envelope)
