"""Judging an order: accepted, known, pending or refused, with a code and a reason, one environment at a time. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.control.control_data import ControlData
    from weighbridge.control.entry import Accepted
    from weighbridge.control.state import State
    from weighbridge.evidence.dsse import Envelope
    from weighbridge.evidence.predicates import OrderPredicate

Outcome = Literal["accepted", "known", "pending", "refused"]
MAX_ORDER_BYTES = 64 * 1024
"""Largest envelope that is read."""
MAX_SIGNATURES = 32
"""Most signatures of one envelope."""
AHEAD_NS = 60 * 10**9
"""By how much the clock of whoever orders may be ahead."""
MAX_AGE_NS = 24 * 3600 * 10**9
"""How old an order may be that lifts or routes, and how long one waits for its second signature."""


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
    raise NotImplementedError


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

    Args:
        data: the envelope as it was received, or what `read_order` made of it.
        environment: one that the order names.
        control: of the release that was announced last; None where there is none, and no order is taken.
        state: after all accepted entries.
        at_ns: now.
        pending: the envelope that `Judgement.pending` gave for the same order (by `Submission.sha256`) before; its
            signatures count as well.
    """
    raise NotImplementedError
