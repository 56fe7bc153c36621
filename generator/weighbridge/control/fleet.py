"""Who has what: the fleet, derived from what points reported and what was published. Pure; no I/O, no clock.

A *point* is a sidecar or a cluster's agent. Each has exactly one status, the first of these that applies:

- `unknown`: it reports a live revision that was never published, or a release that was never announced. An alarm.
- `expired`: as `silent`, and what it has reported last has ended, or was nothing: if it runs at all it refuses
  everything, unless it fetches bundles where nobody sees it.
- `silent`: nothing was heard of it for a given time; since when it was heard of last.
- `failing`: its last report is an error; or what it holds has ended though it talks to us; or it runs a release that
  is not announced any more. In the last two cases it refuses everything.
- `behind`: it has not activated the newest live bundle; since that was published which follows its own.
- `current`: it has.

A point *confirms* an order once it holds a live bundle that contains it: the first publication whose log reaches the
order's entry, or a later one. The time is when that was first heard, counted from the order's acceptance, both by the
control plane's clock. A point that went back to an older bundle confirms it no longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import format_time
from weighbridge.control.fleet_view import STATUSES, Confirmation, FleetView, OrderProgress, Point

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from weighbridge.control.fleet_view import Status
    from weighbridge.control.receipt import AcceptedOrder, Publication, Receipt


def fleet(
    environment: str,
    receipts: Iterable[Receipt],
    publications: Iterable[Publication],
    now_ns: int,
    *,
    silent_after_ns: int,
    orders: Sequence[AcceptedOrder] = (),
    releases: Collection[str] | None = None,
) -> FleetView:
    """The fleet as it stands.

    Args:
        environment: receipts and publications of others are left out.
        receipts: one a sidecar or agent.
        publications: all since the oldest one that a receipt names, in any order.
        now_ns: the control plane's clock.
        silent_after_ns: who has not been heard of for as long is silent.
        orders: those whose confirmations are asked for.
        releases: the revisions of all releases that were ever announced; None where that is not known.
    """
    published = _Published(environment, publications)
    known = None if releases is None else frozenset(releases)
    own = [receipt for receipt in receipts if receipt.environment == environment]
    judged = [(receipt, _judge(receipt, published, now_ns, silent_after_ns, known)) for receipt in own]
    points = [point for _, point in judged]
    return FleetView.model_construct(
        environment=environment,
        at=now_ns,
        revision=published.newest.revision if published.newest else "",
        counts={status: sum(point.status == status for point in points) for status in STATUSES},
        points=tuple(sorted(points, key=_worst_first)),
        orders=tuple(_progress(order, judged, published) for order in orders),
    )


def _worst_first(point: Point) -> tuple[int, str, str, str]:
    return STATUSES.index(point.status), point.kind, point.cluster, point.id


class _Published:
    """The publications of one environment, by revision and in their order."""

    def __init__(self, environment: str, publications: Iterable[Publication]) -> None:
        own = (publication for publication in publications if publication.environment == environment)
        self.ordered = sorted(own, key=lambda publication: publication.sequence)
        self.place = {publication.revision: index for index, publication in enumerate(self.ordered)}
        self.newest = self.ordered[-1] if self.ordered else None

    def get(self, revision: str) -> Publication | None:
        """The publication of that revision."""
        return self.ordered[self.place[revision]] if revision in self.place else None

    def first_with(self, number: int) -> Publication | None:
        """The first that contains the log up to this entry."""
        return next((given for given in self.ordered if given.log_entries >= number), None)


@dataclass(frozen=True)
class _Finding:
    status: Status
    since_ns: int
    message: str = ""


def _judge(
    receipt: Receipt, published: _Published, now_ns: int, silent_after_ns: int, releases: frozenset[str] | None
) -> Point:
    held = published.get(receipt.live_revision)
    until = None if held is None else (held.clusters_not_after_ns if receipt.kind == "agent" else held.not_after_ns)
    found = (
        _unknown(receipt, held, releases)
        or _silent(receipt, until, now_ns, silent_after_ns)
        or _failing(receipt, until, published, now_ns)
        or _behind(receipt, held, published)
    )
    missed = len(published.ordered) if held is None else len(published.ordered) - 1 - published.place[held.revision]
    return Point.model_construct(
        kind=receipt.kind,
        id=receipt.id,
        cluster=receipt.cluster,
        point=receipt.point,
        status=found.status,
        since=found.since_ns or None,
        behind=missed,
        live_revision=receipt.live_revision,
        release_revision=receipt.release_revision,
        last_seen=receipt.last_seen_ns,
        holds_until=until,
        code=receipt.code,
        message=found.message or receipt.message,
    )


def _unknown(receipt: Receipt, held: Publication | None, releases: frozenset[str] | None) -> _Finding | None:
    if receipt.live_revision and held is None:
        message = f"reports live data {receipt.live_revision}, which was never published"
        return _Finding("unknown", receipt.live_since_ns, message)
    if releases is not None and receipt.release_revision and receipt.release_revision not in releases:
        message = f"reports release {receipt.release_revision}, which was never announced"
        return _Finding("unknown", receipt.state_since_ns, message)
    return None


def _silent(receipt: Receipt, until: int | None, now_ns: int, silent_after_ns: int) -> _Finding | None:
    if now_ns - receipt.last_seen_ns <= silent_after_ns:
        return None
    if until is None:
        return _Finding(
            "expired", receipt.last_seen_ns, "not heard of any more; it held nothing, and refused everything"
        )
    if until <= now_ns:
        message = f"not heard of any more; what it held ended at {format_time(until)}: it refuses everything"
        return _Finding("expired", receipt.last_seen_ns, message)
    return _Finding(
        "silent", receipt.last_seen_ns, f"not heard of any more; it refuses everything from {format_time(until)} on"
    )


def _failing(receipt: Receipt, until: int | None, published: _Published, now_ns: int) -> _Finding | None:
    if receipt.state == "failing":
        return _Finding("failing", receipt.state_since_ns or receipt.live_since_ns or receipt.first_seen_ns)
    if until is not None and until <= now_ns:
        return _Finding("failing", until, f"what it holds ended at {format_time(until)}: it refuses everything")
    newest = published.newest
    if newest and newest.releases and receipt.release_revision and receipt.release_revision not in newest.releases:
        message = f"runs release {receipt.release_revision}, which is not announced any more: it refuses everything"
        return _Finding("failing", newest.published_ns, message)
    return None


def _behind(receipt: Receipt, held: Publication | None, published: _Published) -> _Finding:
    if held is None:
        return _Finding("behind", receipt.first_seen_ns, "has activated nothing yet: it refuses everything")
    later = published.ordered[published.place[held.revision] + 1 :]
    if later:
        return _Finding("behind", later[0].published_ns)
    return _Finding("current", receipt.live_since_ns)


def _progress(order: AcceptedOrder, judged: Sequence[tuple[Receipt, Point]], published: _Published) -> OrderProgress:
    first = published.first_with(order.number)
    confirmed: list[Confirmation] = []
    waiting: list[Point] = []
    for receipt, point in judged:
        at_ns = None if first is None else _confirmed_ns(receipt, first, published)
        if at_ns is None:
            waiting.append(point)
        else:
            confirmed.append(
                Confirmation.model_construct(
                    kind=receipt.kind,
                    id=receipt.id,
                    cluster=receipt.cluster,
                    milliseconds=_milliseconds(at_ns - order.accepted_ns),
                )
            )
    ends = [given.not_after_ns for given in published.ordered if given.log_entries < order.number]
    return OrderProgress.model_construct(
        id=order.id,
        kind=order.kind,
        target=order.target,
        number=order.number,
        accepted=order.accepted_ns,
        revision=first.revision if first else "",
        published_milliseconds=_milliseconds(first.published_ns - order.accepted_ns) if first else None,
        fenced=max(ends) if first and ends else None,
        confirmed=tuple(sorted(confirmed, key=lambda given: (given.milliseconds, given.cluster, given.id))),
        waiting=tuple(sorted(waiting, key=_worst_first)),
    )


def _confirmed_ns(receipt: Receipt, first: Publication, published: _Published) -> int | None:
    """When the point was first heard to hold the order, without having gone back since; None if it does not hold it."""

    def holds(revision: str) -> bool:
        publication = published.get(revision)
        return publication is not None and publication.sequence >= first.sequence

    if not holds(receipt.live_revision):
        return None
    at_ns = receipt.live_since_ns
    for activation in reversed(receipt.activations):
        if not holds(activation.revision):
            break
        at_ns = min(at_ns, activation.at_ns)
    return at_ns


def _milliseconds(nanoseconds: int) -> float:
    # Two replicas' clocks may differ by a little; nothing was confirmed before it was accepted.
    return round(max(0, nanoseconds) / 1e6, 1)
