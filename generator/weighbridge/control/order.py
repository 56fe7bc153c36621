"""Writing orders: what somebody wants becomes a signed statement about itself (CONTRACTS: Orders).

Order of steps: check each value by its option's name, write the predicate, read it back by the shape that judges it,
sign. A further signature is put under exactly the bytes that were signed before, never under a copy of them. No I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from weighbridge import keys
from weighbridge.canonical import canonical
from weighbridge.catalogue.names import DIGEST_PATTERN, Identifier, KeyId, Name, Text, Uri, VersionName
from weighbridge.catalogue.validation import validate, validate_value
from weighbridge.control.fleet_view import instant
from weighbridge.control.judge import Submission, read_order
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.dsse import (
    PAYLOAD_TYPE,
    KeyRing,
    envelope_json,
    pae,
    parse_envelope,
    sign_envelope,
    verified_by,
)
from weighbridge.evidence.predicates import ORDER, OrderPredicate
from weighbridge.evidence.write import own_subject, statement_payload
from weighbridge.registry.order_files import LIFTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.evidence.dsse import Envelope
    from weighbridge.keys import PrivateKey, PublicKey

_DIGEST = re.compile(DIGEST_PATTERN)
_TARGETS: dict[str, Any] = {
    "freeze": VersionName,
    "suspend": Name,
    "revoke-key": KeyId,
    "route": Name,
    "distrust": Identifier,
}
"""Kind of order to what its target is; what lifts has the target of what it lifts."""
_REVOCABLE = "Give `<model id>@<version>`, a digest `sha256:<64 hex>`, or the address of a base model or dataset."


@dataclass(frozen=True)
class Request:
    """What somebody wants to order."""

    kind: str
    target: str
    environments: tuple[str, ...]
    reason: str
    reference: str | None = None
    expires_ns: int | None = None
    to: str | None = None
    """Of a route: `<model>@<version>`."""
    expects: str | None = None
    """Of a route: where it points now."""
    undoes: str | None = None
    """Of what lifts: the order's id."""


def check_target(kind: str, target: str) -> None:
    """Accept a target as one that an order of this kind can have.

    Raises:
        InputError: no such target.
    """
    what = LIFTS.get(kind, kind)
    if what == "revoke":
        if _DIGEST.match(target):
            return
        if "@" in target and ":" not in target:
            validate_value(VersionName, target, "target")
        elif target.lower().startswith("sha256:") or ":" not in target:
            raise InputError.single("", f"is {target!a:.100}", _REVOCABLE, field="target")
        else:
            validate_value(Uri, target, "target")
        return
    validate_value(_TARGETS[what], target, "target")


def order_predicate(request: Request, *, at_ns: int) -> dict[str, Any]:
    """The predicate, with an id of its own and issued now.

    Args:
        request: what is wanted.
        at_ns: now.

    Raises:
        InputError: with everything that makes it no order.
    """
    _check(request, at_ns)
    predicate: dict[str, Any] = {
        "id": str(uuid4()),
        "kind": request.kind,
        "target": request.target,
        "environments": list(request.environments),
        "reason": request.reason,
        "issued_at": instant(at_ns),
    }
    optional = {
        "reference": request.reference,
        "expires": None if request.expires_ns is None else instant(request.expires_ns),
        "to": request.to,
        "expects": request.expects,
        "undoes": request.undoes,
    }
    predicate |= {name: value for name, value in optional.items() if value is not None}
    validate(OrderPredicate, predicate, "")
    return predicate


def _check(request: Request, at_ns: int) -> None:
    problems: list[Problem] = []

    def check(kind: Any, value: str | None, field: str) -> None:
        try:
            if value is not None:
                validate_value(kind, value, field)
        except InputError as error:
            problems.extend(error.problems)

    try:
        check_target(request.kind, request.target)
    except InputError as error:
        problems.extend(error.problems)
    check(Text, request.reason, "--reason")
    check(Text, request.reference, "--reference")
    check(VersionName, request.to, "to")
    for name in request.environments:
        check(Name, name, "--environment")
    if not request.environments:
        problems.append(Problem("", field="--environment", message="is missing", fix="Say where the order holds."))
    if request.expires_ns is not None and request.expires_ns <= at_ns:
        problems.append(Problem("", field="--expires", message="lies in the past", fix="Give a later time."))
    if problems:
        raise InputError(problems)


def sign_order(predicate: dict[str, Any], signing_keys: Sequence[PrivateKey]) -> bytes:
    """The order as a bare DSSE envelope, signed by each of the keys.

    Raises:
        InputError: no canonical form, or a device refused.
    """
    payload = statement_payload(ORDER, predicate, own_subject(ORDER, predicate, ""), "")
    return envelope_json(sign_envelope(PAYLOAD_TYPE, payload, signing_keys))


def read_signed(data: bytes, file: str) -> Submission:
    """An order that somebody signed; whose signatures count is not looked at.

    Raises:
        InputError: it is none.
    """
    found = read_order(data)
    if isinstance(found, Submission):
        return found
    raise InputError.single(file, found.reason or "is no order", "Give the file that was signed, unchanged.")


def request_of(predicate: OrderPredicate) -> Request:
    """What an order that was signed asks for."""
    return Request(
        kind=predicate.kind,
        target=predicate.target,
        environments=predicate.environments,
        reason=predicate.reason,
        reference=predicate.reference,
        expires_ns=predicate.expires,
        to=predicate.to,
        expects=predicate.expects,
        undoes=predicate.undoes,
    )


def merged_envelope(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """One order as several environments have kept it, with the signatures of all: each keeps those that it counts.

    Raises:
        InputError: there is none, or they are not one order.
    """
    envelopes = [parse_envelope(canonical(dict(document)), "the order") for document in documents]
    if len({(envelope.payload_type, envelope.payload) for envelope in envelopes}) != 1:
        message = "is not given, or is another one in each environment"
        raise InputError.single("the order", message, "Have it signed in the file that was signed first.")
    signatures = dict.fromkeys(signature for envelope in envelopes for signature in envelope.signatures)
    return envelope_json(replace(envelopes[0], signatures=tuple(signatures)))


def require_new_signer(submission: Submission, key: PublicKey) -> None:
    """Refuse a key that has signed the order already.

    Raises:
        InputError: it has.
    """
    if has_signed(submission.envelope, key):
        message = f"the order {submission.predicate.id} bears a signature by this key already"
        raise InputError.single("", message, "Another of those who may order this must sign.", field="--key")


def add_signature(submission: Submission, key: PrivateKey) -> bytes:
    """The same envelope with one more signature, by this key.

    Raises:
        InputError: the key has signed it already, or a device refused.
    """
    require_new_signer(submission, key.public_key())
    own = sign_envelope(submission.envelope.payload_type, submission.envelope.payload, [key]).signatures
    # A signature that is no good would only be carried along; whose is good is for the control plane to judge.
    return envelope_json(replace(submission.envelope, signatures=(*submission.envelope.signatures, *own)))


def has_signed(envelope: Envelope, key: PublicKey) -> bool:
    """Whether one of the signatures is this key's."""
    message = pae(envelope.payload_type, envelope.payload)
    return any(keys.verify(key, signature.value, message) for signature in envelope.signatures)


def signers(envelope: Envelope, known: Mapping[str, PublicKey]) -> tuple[str, ...]:
    """The names of those who signed, of the signers that are known by their keys."""
    ring = KeyRing({keys.fingerprint(key): key for key in known.values()})
    found = set(verified_by(envelope, ring))
    return tuple(sorted(name for name, key in known.items() if keys.fingerprint(key) in found))
