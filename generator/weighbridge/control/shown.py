"""What is shown of one environment: its orders, its log, what a mirror is given. No database."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.signing import DATA
from weighbridge.control.answers import EnvironmentView, OrderResult, OrderState, ShownOrder
from weighbridge.control.entry import Accepted, Settled, log_line
from weighbridge.control.judge import MAX_AGE_NS, judge_order
from weighbridge.control.ledger import LIVE_FILE
from weighbridge.control.mirror.publication import Publication as Mirrored
from weighbridge.control.ordered import predicate_of
from weighbridge.control.plane_parts import Served
from weighbridge.control.state import State
from weighbridge.registry.order_files import LIFTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weighbridge.control.entry import Entry
    from weighbridge.control.judge import Judgement, Submission
    from weighbridge.control.ledger import Ledger
    from weighbridge.control.resources import Resources
    from weighbridge.evidence.predicates import OrderPredicate

_COMPILED = {"revoked": "revoke", "frozen": "freeze", "suspended": "suspend", "keys": "revoke-key"}
_MIRRORED = ("live.tar.gz", "livestate.jws", "release.tar.gz")


def shown_orders(ledger: Ledger, at_ns: int, order_id: str | None = None) -> list[ShownOrder]:
    """All orders of an environment, the newest first, or the one with this id together with its envelope."""
    lifted, routed = _undone(ledger)
    shown = [*_pending(ledger, at_ns, whole=order_id is not None)]
    for entry in reversed(ledger.entries):
        if isinstance(entry.content, Accepted) and order_id in {None, entry.content.id}:
            shown.append(_accepted(entry, entry.content, lifted, routed, at_ns))
            if order_id is None:
                shown[-1] = shown[-1].model_copy(update={"envelope": None})
    return [order for order in (*shown, *_compiled_in(ledger)) if order_id in {None, order.id}]


def _undone(ledger: Ledger) -> tuple[dict[str, str], dict[str, int]]:
    """By id, which order lifted it; by alias, the number of the route that counts."""
    lifted: dict[str, str] = {}
    routed: dict[str, int] = {}
    for entry in ledger.entries:
        if isinstance(entry.content, Settled):
            routed.clear()
        elif isinstance(entry.content, Accepted):
            given = predicate_of(entry.content.envelope)
            if given.kind == "route":
                routed[given.target] = entry.number
            elif given.kind in LIFTS and given.undoes is not None:
                lifted[given.undoes] = given.id
    return lifted, routed


def _accepted(
    entry: Entry, content: Accepted, lifted: Mapping[str, str], routed: Mapping[str, int], at_ns: int
) -> ShownOrder:
    given = predicate_of(content.envelope)
    return _shown(
        entry.environment,
        given,
        _state(entry, given, lifted, routed, at_ns),
        number=entry.number,
        accepted=entry.at_ns,
        signers=content.signers,
        lifted_by=lifted.get(given.id),
        envelope=dict(content.envelope),
    )


def _state(
    entry: Entry, given: OrderPredicate, lifted: Mapping[str, str], routed: Mapping[str, int], at_ns: int
) -> OrderState:
    if given.id in lifted:
        return "lifted"
    if given.kind in LIFTS or (given.kind == "route" and routed.get(given.target) != entry.number):
        return "done"
    return "expired" if given.expires is not None and given.expires <= at_ns else "in-force"


def _pending(ledger: Ledger, at_ns: int, *, whole: bool) -> Iterator[ShownOrder]:
    for order in ledger.pending:
        if order.first_ns >= at_ns - MAX_AGE_NS:
            yield _shown(
                ledger.environment,
                predicate_of(order.envelope),
                "pending",
                missing_signatures=order.missing,
                envelope=dict(order.envelope) if whole else None,
            )


def _compiled_in(ledger: Ledger) -> Iterator[ShownOrder]:
    release = ledger.state.release
    for part, restrictions in (release.orders.document() if release else {}).items():
        for target, given in restrictions.items():
            yield ShownOrder(
                environment=ledger.environment,
                id=given["id"],
                kind=_COMPILED[part],
                target=target,
                state="compiled-in",
                reason=given["reason"],
                reference=given.get("reference"),
                issued_at=given["issued_at"],
                expires=given.get("expires"),
            )


def _shown(environment: str, given: OrderPredicate, state: OrderState, **more: Any) -> ShownOrder:
    return ShownOrder(
        environment=environment,
        id=given.id,
        kind=given.kind,
        target=given.target,
        state=state,
        reason=given.reason,
        reference=given.reference,
        issued_at=given.issued_at,
        expires=given.expires,
        to=given.to,
        expects=given.expects,
        undoes=given.undoes,
        **more,
    )


def environment_view(ledger: Ledger) -> EnvironmentView:
    """What the newest live bundle says, as it was published.

    Raises:
        ValueError: nothing was published yet.
    """
    if ledger.published is None:
        raise ValueError(f"nothing was published of {ledger.environment}")
    given, data = ledger.published.publication, ledger.published.files["", LIVE_FILE]
    live = json.loads(read_archive(data, LIVE_FILE)[DATA])["weighbridge"]["live"]
    return EnvironmentView(
        environment=ledger.environment,
        revision=given.revision,
        sequence=given.sequence,
        not_after=given.not_after_ns,
        releases=given.releases,
        active=live["active"],
        log_entries=given.log_entries,
    )


def order_result(judgement: Judgement, ledger: Ledger | None = None) -> OrderResult:
    """The answer to who ordered.

    Args:
        judgement: in one environment.
        ledger: of that environment, with what was accepted in it; None where there is none.
    """
    number = judgement.number
    if number is None and judgement.accepted is not None and ledger is not None:
        number = ledger.state.accepted(judgement.order_id)
    return OrderResult(
        environment=judgement.environment,
        outcome=judgement.outcome,
        number=number,
        sequence=(ledger.sequence or None) if ledger is not None else None,
        code=judgement.code,
        reason=judgement.reason,
        warnings=judgement.warnings,
        missing_signatures=judgement.missing_signatures if judgement.outcome == "pending" else None,
    )


def no_release(submission: Submission, environment: str, at_ns: int) -> Judgement:
    """The judgement of an order for an environment of which no release was announced."""
    return judge_order(submission, environment=environment, control=None, state=State.empty(environment), at_ns=at_ns)


def served_log(ledger: Ledger) -> Served:
    """The whole log as a file; joined again only when it has grown."""
    number = ledger.state.head.number
    if ledger.log_file is None or ledger.log_file[0] != number:
        data = b"".join(log_line(entry.text) for entry in ledger.entries)
        ledger.log_file = (number, Served(data, f'"{hashlib.sha256(data).hexdigest()}"', "application/jsonl"))
    return ledger.log_file[1]


def mirrored_files(ledger: Ledger, resources: Resources) -> Mirrored:
    """What a mirror is given.

    Raises:
        ValueError: nothing was published yet.
    """
    files = {path: data for path, data in resources.below(ledger.environment) if path.endswith(_MIRRORED)}
    files[f"log/{ledger.environment}.jsonl"] = served_log(ledger).data
    return Mirrored(ledger.environment, ledger.sequence, files)
