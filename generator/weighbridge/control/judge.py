"""Judging an order: accepted, known, pending or refused, with code and reason, for one environment. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.canonical import canonical
from weighbridge.control.entry import Accepted
from weighbridge.control.obstacle import MAX_AGE_NS, obstacle, warnings
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import KeyRing, Limits, envelope_document, parse_envelope, signers_of
from weighbridge.evidence.predicates import ORDER
from weighbridge.evidence.statement import parse_statement
from weighbridge.keys import fingerprint
from weighbridge.registry.order_files import Order, order_predicate, shape_problems
from weighbridge.registry.own_subject import own_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.control.control_data import Authority, ControlData
    from weighbridge.control.state import State
    from weighbridge.evidence.dsse import Envelope, Signature
    from weighbridge.evidence.predicates import OrderPredicate

__all__ = ["MAX_AGE_NS", "Judgement", "Submission", "judge_order", "read_order"]
Outcome = Literal["accepted", "known", "pending", "refused"]
MAX_ORDER_BYTES = 64 * 1024
"""Largest envelope that is read."""
MAX_SIGNATURES = 32
"""Most signatures of one envelope."""
_LIMITS = Limits(file_bytes=MAX_ORDER_BYTES, payload_bytes=MAX_ORDER_BYTES, signatures=MAX_SIGNATURES)
_FILE = "order"
_FIX = "Write the order again and have it signed."


@dataclass(frozen=True)
class Submission:
    """An order that was read: its form is right, and nothing about its signatures is known yet."""

    envelope: Envelope = field(repr=False)
    predicate: OrderPredicate
    sha256: str
    """`sha256:<hex>` of the predicate's RFC 8785 bytes: what identifies the order; ids can be reused by anybody."""


@dataclass(frozen=True)
class Judgement:
    """What became of an order in one environment."""

    environment: str
    outcome: Outcome
    code: str = ""
    """`ORD-...`, where refused or pending."""
    reason: str = ""
    """A sentence or two for a person."""
    warnings: tuple[str, ...] = ()
    """What whoever ordered should look at, though it was accepted."""
    order_id: str = ""
    accepted: Accepted | None = None
    """What is to be appended to the log, exactly where accepted."""
    number: int | None = None
    """The entry that accepted it before, where known."""
    missing_signatures: int = 0
    """How many more are needed, where pending."""
    pending: Mapping[str, Any] | None = field(default=None, repr=False)
    """The envelope to keep, with the signatures that count, where pending."""


def read_order(data: bytes) -> Submission | Judgement:
    """Read an order, or say why it is none (a refusal without an environment).

    Args:
        data: the envelope as it was received.
    """
    try:
        envelope = parse_envelope(data, _FILE, _LIMITS)
        statement = parse_statement(envelope, _FILE)
        predicate = order_predicate(statement, _FILE)
    except InputError as error:
        return _refused("", "ORD-001", f"it is no order: {_told(error)}")
    try:
        sha256 = own_subject(statement, ORDER, _FILE, _FIX)
    except InputError as error:
        return _refused("", "ORD-002", f"the order is not of its form: {_told(error)}", predicate.id)
    problems = [*shape_problems(Order(_FILE, predicate, sha256))]
    if problems:
        return _refused("", "ORD-002", f"the order is not of its form: {_told(InputError(problems))}", predicate.id)
    # What stands around the envelope, such as a bundle's material, is nobody's statement.
    return Submission(replace(envelope, media_type="", material=None), predicate, sha256)


def _told(error: InputError) -> str:
    return "; ".join(f"{given.field}: {given.message}" if given.field else given.message for given in error.problems)


def _refused(environment: str, code: str, reason: str, order_id: str = "") -> Judgement:
    return Judgement(environment, "refused", code, reason, order_id=order_id)


def judge_order(
    data: bytes | Submission,
    *,
    environment: str,
    control: ControlData | None,
    state: State,
    at_ns: int,
    pending: Mapping[str, Any] | None = None,
) -> Judgement:
    """Judge an order for one environment.

    Order of steps: whether the order is known; who signed it, by the authority of the signed release; what it asks for;
    only then, whether enough have signed, so that nobody is asked for a second signature in vain.

    Args:
        data: the envelope as it was received, or what `read_order` made of it.
        environment: one that the order names.
        control: of the release that was announced last; None where there is none, and no order is taken.
        state: after all accepted entries.
        at_ns: now.
        pending: the envelope that `Judgement.pending` gave for the same order (by `Submission.sha256`) before; its
            signatures count as well.
    """
    read = read_order(data) if isinstance(data, bytes) else data
    if isinstance(read, Judgement):
        return replace(read, environment=environment)
    given = read.predicate
    known = _known(read, environment, state)
    if known is not None:
        return known
    authority = control.authority.get(given.kind) if control is not None else None
    if control is None or authority is None or environment not in given.environments:
        code, reason = _no_authority(read, environment, control)
        return _refused(environment, code, reason, given.id)
    envelope = _together(read.envelope, pending)
    signed = signers_of(envelope, _ring(authority))
    if not signed:
        who = ", ".join(sorted(authority.keys))
        reason = f"none of its signatures is by somebody who may order {given.kind} in {environment} ({who})"
        return _refused(environment, "ORD-005", reason, given.id)
    problem = obstacle(given, control, state, at_ns)
    if problem is not None:
        return _refused(environment, *problem, given.id)
    return _counted(replace(read, envelope=envelope), control, state, signed)


def _known(read: Submission, environment: str, state: State) -> Judgement | None:
    """The answer to an order whose id is in the log already."""
    given = read.predicate
    number, before = state.accepted(given.id), state.order(given.id)
    if number is None:
        return None
    if before != given:
        reason = f"{given.id} is another order's id. Write the order anew; each gets an id of its own."
        return _refused(environment, "ORD-015", reason, given.id)
    return Judgement(environment, "known", order_id=given.id, number=number)


def _no_authority(read: Submission, environment: str, control: ControlData | None) -> tuple[str, str]:
    given = read.predicate
    if environment not in given.environments:
        return "ORD-003", f"the order is not for {environment}"
    if control is None:
        return "ORD-003", f"there is no release of {environment}, and so nobody who may order there"
    allowed = ", ".join(sorted(control.authority)) or "nothing"
    return "ORD-004", f"nobody may order {given.kind} in {environment}; what may be ordered: {allowed}"


def _ring(authority: Authority) -> KeyRing:
    return KeyRing({fingerprint(key): key for key in authority.keys.values()})


def _names(authority: Authority, signed: Iterable[str]) -> tuple[str, ...]:
    """One name for each key, whoever else has it."""
    names: dict[str, str] = {}
    for name in sorted(authority.keys, reverse=True):
        names[fingerprint(authority.keys[name])] = name
    return tuple(sorted(names[each] for each in signed))


def _together(envelope: Envelope, pending: Mapping[str, Any] | None) -> Envelope:
    """With the signatures that were sent before, over exactly the same bytes."""
    if pending is None:
        return envelope
    before = parse_envelope(canonical(dict(pending)), _FILE, _LIMITS)
    if (before.payload_type, before.payload) != (envelope.payload_type, envelope.payload):
        # Two texts of one predicate: what was signed before is another text, and the newer one has to stand alone.
        return envelope
    return replace(envelope, signatures=tuple(dict.fromkeys((*before.signatures, *envelope.signatures))))


def _counted(read: Submission, control: ControlData, state: State, signed: Mapping[str, Signature]) -> Judgement:
    """The judgement by the number of signatures; only those that count are kept."""
    given, authority = read.predicate, control.authority[read.predicate.kind]
    names = _names(authority, signed)
    kept = envelope_document(replace(read.envelope, signatures=tuple(signed.values())))
    environment, told = state.environment, tuple(warnings(given, control, state))
    missing = authority.threshold - len(signed)
    if missing > 0:
        others = ", ".join(sorted(set(authority.keys) - set(names)))
        reason = (
            f"it has the signature of {', '.join(names)}, and {given.kind} takes {authority.threshold}: "
            f"{missing} more by {others}. It is NOT in force."
        )
        return Judgement(
            environment, "pending", "ORD-006", reason, told, given.id, missing_signatures=missing, pending=kept
        )
    accepted = Accepted(kept, given.id, control.revision, names, given.kind)
    return Judgement(environment, "accepted", warnings=told, order_id=given.id, accepted=accepted)
