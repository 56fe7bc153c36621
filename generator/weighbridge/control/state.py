"""The state that a log's entries make: what is restricted, announced and routed. Pure. No I/O.

Only what the log and the control data that it names say counts, so whoever has both finds the same live data. Whatever
an order once reached it goes on reaching: a later release may add versions to it and takes none away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from weighbridge.bundle import live
from weighbridge.catalogue.names import DIGEST_PATTERN
from weighbridge.control.entry import EMPTY, Accepted, Announced, Head, Settled
from weighbridge.control.ordered import predicate_of
from weighbridge.control.reach import ReachIndex
from weighbridge.control.rollback import effective_active
from weighbridge.registry.order_files import LIFTS, undoes_kind
from weighbridge.registry.orders import RESTRICTS, restriction, stronger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.control.control_data import ControlData
    from weighbridge.control.entry import Entry
    from weighbridge.evidence.predicates import OrderPredicate

_DIGEST = re.compile(DIGEST_PATTERN)


@dataclass(frozen=True, slots=True)
class _Order:
    """An order that was accepted."""

    number: int
    predicate: OrderPredicate
    digests: frozenset[str] = frozenset()
    """What it revokes."""
    lifted: bool = False


@dataclass(frozen=True)
class State:
    """What one environment's log says; every `apply` gives a new one and leaves this one as it is."""

    environment: str
    head: Head = EMPTY
    release: ControlData | None = field(default=None, repr=False)
    """The release that was announced last, whose authority judges orders; None before there is one."""
    settled: ControlData | None = field(default=None, repr=False)
    """The release whose routes count; None before the first has settled."""
    _announced: tuple[live.Announced, ...] = ()
    """The releases that count, the newest first."""
    _orders: Mapping[str, _Order] = field(default_factory=dict, repr=False)
    """By id."""
    _told: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """By alias, what it was told to point to, the last one at the end."""
    _indexes: Mapping[str, ReachIndex] = field(default_factory=dict, repr=False)
    """By revision, of every release that may run now: also of one that was superseded before it had settled."""

    @classmethod
    def empty(cls, environment: str) -> State:
        """The state of an empty log."""
        return cls(environment)

    def accepted(self, order_id: str) -> int | None:
        """The number of the entry that accepted an order; None if none did."""
        order = self._orders.get(order_id)
        return None if order is None else order.number

    def order(self, order_id: str) -> OrderPredicate | None:
        """What an accepted order says; None if none has that id."""
        order = self._orders.get(order_id)
        return None if order is None else order.predicate

    def in_force(self, order_id: str, at_ns: int) -> bool:
        """Whether an order restricts something at that time: nothing lifted it, and it has not ended."""
        order = self._orders.get(order_id)
        return order is not None and not order.lifted and _lasts(order.predicate, at_ns)

    def same_target(self, one: str, other: str) -> bool:
        """Whether two targets are one artifact: a version may be named by its digest."""
        return one == other or bool(self._artifact(one) & self._artifact(other))

    def _artifact(self, target: str) -> set[str]:
        named = [control.versions[target].digest for control in self._controls() if target in control.versions]
        return {target, *named}

    def _controls(self) -> tuple[ControlData, ...]:
        running = (self.settled, self.release)
        return tuple({given.revision: given for given in running if given is not None}.values())

    def restrictions(self, at_ns: int) -> live.Restrictions:
        """What the accepted orders restrict at that time."""
        found: dict[str, dict[str, live.Order]] = {part: {} for part in RESTRICTS.values()}
        for order in self._orders.values():
            given = order.predicate
            if order.lifted or not _lasts(given, at_ns):
                continue
            part = RESTRICTS.get("revoke" if given.kind == "distrust" else given.kind)
            if part is None:
                continue
            entry = restriction(given)
            for target in sorted(order.digests) if part == "revoked" else (given.target,):
                found[part][target] = stronger(found[part].get(target), entry)
        return live.Restrictions(**found)

    def active(self, at_ns: int, restricted: live.Restrictions | None = None) -> dict[str, str]:
        """Where each alias goes at that time, rollback included; one that goes nowhere is not there.

        Args:
            at_ns: the moment at which approvals must hold.
            restricted: `restrictions(at_ns)`, where it is known already.
        """
        routing = self.settled or self.release
        if routing is None:
            return {}
        newest = self._indexes[routing.revision].newest
        given = restricted or self.restrictions(at_ns)
        controls = self._controls()

        def usable(name: str) -> bool:
            # While a release rolls out, sidecars of both answer: a version that one of them refuses would deny there.
            return all(_usable(control, name, given, at_ns) for control in controls)

        found = {
            alias: effective_active(route.models, self._told.get(alias, ()), newest, usable)
            for alias, route in sorted(routing.routes.items())
        }
        return {alias: name for alias, name in found.items() if name is not None}

    def reaches(self, kind: str, target: str) -> bool:
        """Whether an order of this kind would reach any version of a release that may run now."""
        return any(index.versions(kind, target) for index in self._indexes.values())

    def may_answer(self, name: str, at_ns: int) -> bool:
        """Whether a version is approved, served and unrestricted in every release that runs now."""
        restricted = self.restrictions(at_ns)
        return all(_usable(control, name, restricted, at_ns) for control in self._controls())

    def apply(self, entry: Entry, control: ControlData | None = None) -> State:
        """The state after one more entry.

        Args:
            entry: verified, and the next one.
            control: of the release that a `release` entry announces; other entries need none.

        Raises:
            ValueError: the entry does not follow, or says what cannot be in this state.
        """
        if entry.environment != self.environment:
            raise ValueError(f"entry {entry.number} is of environment {entry.environment!a:.100}")
        if entry.number != self.head.number + 1 or entry.previous != self.head.sha256 or entry.at_ns < self.head.at_ns:
            raise ValueError(f"entry {entry.number} does not follow entry {self.head.number}")
        if isinstance(entry.content, Announced):
            after = self._announce(entry.content, control)
        elif isinstance(entry.content, Settled):
            after = self._settle(entry.content)
        else:
            after = self._accept(entry.number, entry.content)
        return replace(after, head=entry.head)._without_ended(entry.at_ns)

    def _without_ended(self, at_ns: int) -> State:
        """Without the releases that ended: no sidecar runs them."""
        if all(given.until_ns is None or given.until_ns > at_ns for given in self._announced):
            return self
        announced = tuple(given for given in self._announced if given.until_ns is None or given.until_ns > at_ns)
        running = {given.revision for given in announced} | {given.revision for given in self._controls()}
        indexes = {revision: index for revision, index in self._indexes.items() if revision in running}
        return replace(self, _announced=announced, _indexes=indexes)

    def _announce(self, content: Announced, control: ControlData | None) -> State:
        if control is None or (control.revision, control.sha256) != (content.revision, content.control_sha256):
            raise ValueError(f"the control data of release {content.revision} is missing, or another")
        if control.environment != self.environment:
            raise ValueError(f"release {content.revision} is of environment {control.environment!a:.100}")
        if (content.until_ns is None) != (self.release is None):
            raise ValueError("it must be said how long the release before counts, if there is one")
        before = [replace(given, until_ns=content.until_ns) for given in self._announced[:1]]
        older = [given for given in (*before, *self._announced[1:]) if given.revision != content.revision]
        told = self._told
        if self.settled is None:
            # Nobody is routed by another release yet.
            told = _with_routes(told, content.announced_active)
        after = replace(self, release=control, _announced=(live.Announced(content.revision), *older), _told=told)
        return after._reaching(ReachIndex(control))

    def _settle(self, content: Settled) -> State:
        if self.release is None or self.release.revision != content.revision:
            raise ValueError(f"release {content.revision} settles, and is not the one that was announced last")
        routes = {alias: route.active for alias, route in self.release.routes.items() if route.active is not None}
        told = self._told if self.settled is None else _with_routes(self._told, routes)
        return replace(self, settled=self.release, _told=told)

    def _reaching(self, newest: ReachIndex) -> State:
        """With what the orders reach in a release that may run from now on."""
        orders = {
            order_id: replace(order, digests=order.digests | _digests((newest,), order.predicate))
            for order_id, order in self._orders.items()
        }
        return replace(self, _indexes={**self._indexes, newest.control.revision: newest}, _orders=orders)

    def _accept(self, number: int, content: Accepted) -> State:
        given = predicate_of(content.envelope)
        if (given.id, given.kind) != (content.id, content.kind_of_order):
            raise ValueError(f"entry {number} says another id or kind than its order")
        if given.id in self._orders:
            raise ValueError(f"entry {number} accepts {given.id} again")
        if self.environment not in given.environments:
            raise ValueError(f"entry {number} holds an order that is not for {self.environment}")
        orders = {**self._orders, given.id: _Order(number, given, _digests(self._indexes.values(), given))}
        if given.kind in LIFTS:
            undone = self._orders.get(given.undoes or "")
            if undone is None or undone.lifted or not undoes_kind(given.kind, undone.predicate.kind):
                raise ValueError(f"entry {number} lifts {given.undoes}, which is not in force")
            orders[undone.predicate.id] = replace(undone, lifted=True)
        told = self._told
        if given.kind == "route" and given.to is not None:
            told = _with_routes(told, {given.target: given.to})
        return replace(self, _orders=orders, _told=told)


def _with_routes(told: Mapping[str, tuple[str, ...]], routes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    # What it was told before is named once, at its last place: nothing grows with the number of releases.
    return {**told, **{alias: (*(e for e in told.get(alias, ()) if e != name), name) for alias, name in routes.items()}}


def _digests(indexes: Iterable[ReachIndex], given: OrderPredicate) -> frozenset[str]:
    found = {digest for index in indexes for digest in index.digests(given.kind, given.target)}
    # A version that is named may be another artifact by now: the one that was meant is revoked as well.
    meant = given.expects if given.kind == "revoke" and given.expects and _DIGEST.fullmatch(given.expects) else None
    return frozenset(found | ({meant} if meant else set()))


def _lasts(given: OrderPredicate, at_ns: int) -> bool:
    return given.expires is None or given.expires > at_ns


def _usable(control: ControlData, name: str, restricted: live.Restrictions, at_ns: int) -> bool:
    version = control.versions.get(name)
    if version is None or not (version.approved and version.served) or version.not_after <= at_ns:
        return False
    revoked = version.digest in restricted.revoked or version.digest in control.orders.revoked
    return not revoked and name not in restricted.frozen and name not in control.orders.frozen


def rebuild(environment: str, entries: tuple[Entry, ...], controls: Mapping[str, ControlData]) -> State:
    """The state after all entries of a log.

    Args:
        environment: whose log it is.
        entries: as `verify_log` gives them.
        controls: control data of every release that they announce, by revision: two may have the same data.

    Raises:
        ValueError: control data is missing, or an entry says what cannot be.
    """
    state = State.empty(environment)
    for entry in entries:
        content = entry.content
        state = state.apply(entry, controls.get(content.revision) if isinstance(content, Announced) else None)
    return state


def live_state(state: State, *, sequence: int, issued_at_ns: int) -> live.LiveState:
    """What a live bundle says at one moment; the same for the same entries, sequence and time.

    Args:
        state: after the entries that count.
        sequence: see `next_sequence`.
        issued_at_ns: when it is issued.

    Raises:
        ValueError: no release was announced.
    """
    if state.release is None:
        raise ValueError("live data must announce a release, and the log names none")
    terms, restricted = state.release.live, state.restrictions(issued_at_ns)
    return live.LiveState(
        environment=state.environment,
        sequence=sequence,
        issued_at_ns=issued_at_ns,
        not_after_ns=issued_at_ns + terms.not_after,
        clusters_not_after_ns=issued_at_ns + terms.clusters_not_after,
        releases=[given for given in state._announced if given.until_ns is None or given.until_ns > issued_at_ns],
        active=state.active(issued_at_ns, restricted),
        restrictions=restricted,
    )


def next_sequence(previous: int, at_ns: int) -> int:
    """The sequence after `previous`: Unix milliseconds, so that a server that lost its memory never goes back."""
    return max(previous + 1, at_ns // 10**6)


def bundle_metadata(state: State) -> dict[str, dict[str, int | str]]:
    """What a live bundle's manifest says of the log it was made from: `metadata`."""
    return {"log": {"entries": state.head.number, "sha256": state.head.sha256}}
