"""What stands in the way of an order, whoever signed it: its time, what it lifts, where it routes. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import DIGEST_PATTERN, format_time
from weighbridge.registry.order_files import LIFTS, undoes_kind

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from weighbridge.control.control_data import ControlData
    from weighbridge.control.state import State
    from weighbridge.evidence.predicates import OrderPredicate

AHEAD_NS = 60 * 10**9
"""By how much the clock of whoever orders may be ahead."""
MAX_AGE_NS = 24 * 3600 * 10**9
"""How old an order may be that lifts or routes, and how long one waits for its second signature."""
_DIGEST = re.compile(DIGEST_PATTERN)
Obstacle = tuple[str, str]
"""Code and reason."""


def obstacle(given: OrderPredicate, control: ControlData, state: State, at_ns: int) -> Obstacle | None:
    """Why an order could not be carried out; None where it can. Restricting orders are never too old, or late.

    Args:
        given: the order.
        control: of the release that was announced last.
        state: after all accepted entries.
        at_ns: now.
    """
    issued = format_time(given.issued_at)
    if given.issued_at > at_ns + AHEAD_NS:
        return "ORD-007", f"it was issued at {issued}, which lies ahead: set the clock and try again"
    if given.expires is not None and given.expires <= at_ns:
        return "ORD-009", f"it ended at {format_time(given.expires)} and would restrict nothing"
    if given.kind not in LIFTS and given.kind != "route":
        return None
    if given.issued_at < at_ns - MAX_AGE_NS:
        return "ORD-008", f"it was issued at {issued}, more than a day ago. Order it anew."
    if given.kind == "route":
        return _cannot_route(given, control, state, at_ns)
    return _cannot_lift(given, control, state, at_ns)


def _cannot_lift(given: OrderPredicate, control: ControlData, state: State, at_ns: int) -> Obstacle | None:
    undoes = given.undoes or ""
    undone = state.order(undoes)
    if undone is None:
        compiled = {entry["id"] for part in control.orders.document().values() for entry in part.values()}
        if undoes in compiled:
            return "ORD-012", f"{undoes} is one of the catalogue's own orders: only a release lifts it"
        return "ORD-010", f"there is no order {undoes} in the log"
    if not state.in_force(undoes, at_ns):
        return "ORD-010", f"{undoes} is not in force any more"
    mismatch = _mismatch(given, undone, state)
    return ("ORD-011", mismatch) if mismatch else None


def _mismatch(given: OrderPredicate, undone: OrderPredicate, state: State) -> str:
    if not undoes_kind(given.kind, undone.kind):
        return f"{given.kind} undoes {LIFTS[given.kind]}, and {undone.id} is {undone.kind}"
    if not state.same_target(given.target, undone.target):
        return f"{undone.id} is about {undone.target}, not about {given.target}"
    if given.issued_at < undone.issued_at:
        return f"it was issued before {undone.id}"
    strange = sorted(set(given.environments) - set(undone.environments))
    return f"{undone.id} does not speak of {', '.join(strange)}" if strange else ""


def _cannot_route(given: OrderPredicate, control: ControlData, state: State, at_ns: int) -> Obstacle | None:
    to = given.to or ""
    route, version = control.routes.get(given.target), control.versions.get(to)
    if route is None:
        return "ORD-013", f"there is no alias {given.target}; there are: {', '.join(sorted(control.routes)) or 'none'}"
    if to.partition("@")[0] not in route.models:
        return "ORD-013", f"{given.target} may point to versions of {', '.join(route.models)}, not to {to}"
    if version is None or not version.approved or version.not_after <= at_ns:
        return "ORD-013", f"{to} is not approved here"
    if not state.may_answer(to, at_ns):
        return "ORD-013", f"{to} is revoked or frozen, has no server, or is not in every release that runs now"
    present = state.active(at_ns).get(given.target)
    if present != given.expects:
        expected = given.expects or "nothing"
        return "ORD-014", f"{given.target} points to {present or 'nothing'} now, and the order expects {expected}"
    return None


def warnings(given: OrderPredicate, control: ControlData, state: State) -> Iterable[str]:
    """What restricts nothing that is known may be a slip of the pen; an emergency is not refused for that."""
    known: dict[str, Container[str]] = {
        "freeze": control.versions,
        "suspend": control.tenants,
        "revoke-key": control.tenant_keys,
    }
    where = control.environment
    if given.kind in known and given.target not in known[given.kind]:
        yield f"{given.target} is unknown in {where}: nothing is restricted by this now"
    if given.kind == "distrust" and not state.reaches("distrust", given.target):
        yield f"no approval in {where} rests on {given.target}: nothing is revoked now"
    if given.kind == "revoke" and not _DIGEST.fullmatch(given.target) and not state.reaches("revoke", given.target):
        yield f"nothing in {where} is called {given.target}, or was made from it: nothing is revoked now"
