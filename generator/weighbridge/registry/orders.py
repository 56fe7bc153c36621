"""Orders that lie in the catalogue: verified, and resolved into what they restrict (CONTRACTS: Orders).

Order of steps: read and verify every file of `orders/`; look at what lifts something (restore, thaw, resume) and demand
that it names exactly what it lifts; then, for each environment, keep every restriction that nothing lifts. The result
depends on the set of orders only, never on file names or on the order of files. One order that does not verify fails
the whole catalogue: skipping it could lift a restriction. `route` and `distrust` are verified here and read by the
control plane only. No I/O.

A restriction and what lifts it are held to different rules about time. A signature proves no time, so whoever holds an
old key could date an order back. Where that only restricts, it is let pass: the key was trusted then and is still
listed, and else the catalogue would cease to compile on the day a key expires. What lifts must be by keys that count
now.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import DIGEST_PATTERN, NEVER_NS
from weighbridge.errors import InputError, Problem
from weighbridge.registry.order_files import LIFTS, Order, read_orders, undoes_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.evidence.predicates import OrderPredicate

_DIGEST = re.compile(DIGEST_PATTERN)
RESTRICTS = {"revoke": "revoked", "freeze": "frozen", "suspend": "suspended", "revoke-key": "keys"}
"""Kind of order to the part of `Restrictions` that it fills."""
_NAME_IT = "Name what the order in question says, and have it signed again."

Entry = dict[str, Any]
"""`{"id", "reason", "reference"?, "issued_at": ns, "expires"?: ns}`."""


@dataclass(frozen=True)
class Restrictions:
    """What the orders of one environment restrict, by what they restrict."""

    revoked: Mapping[str, Entry] = field(default_factory=dict)
    """By artifact digest."""
    frozen: Mapping[str, Entry] = field(default_factory=dict)
    """By `model@version`."""
    suspended: Mapping[str, Entry] = field(default_factory=dict)
    """By tenant."""
    keys: Mapping[str, Entry] = field(default_factory=dict)
    """By key id."""

    def document(self) -> dict[str, dict[str, Entry]]:
        """As it stands in a registry."""
        return {
            "revoked": dict(self.revoked),
            "frozen": dict(self.frozen),
            "suspended": dict(self.suspended),
            "keys": dict(self.keys),
        }


@dataclass(frozen=True)
class ResolvedOrders:
    """All restrictions of a catalogue, and what a reader should know about them."""

    restrictions: Mapping[str, Restrictions]
    """By environment; every environment of the catalogue has an entry."""
    warnings: tuple[str, ...]
    """Orders that restrict nothing the catalogue knows, which may be a slip of the pen."""


def resolve_orders(catalogue: Catalogue, at_ns: int) -> ResolvedOrders:
    """Verify the catalogue's orders and resolve them.

    Args:
        catalogue: what was read.
        at_ns: `--at`.

    Raises:
        InputError: with every order that does not verify, names a target that cannot be, or lifts what is not there.
    """
    orders = read_orders(catalogue, at_ns)
    targets, problems = _targets(catalogue, orders)
    lifted = _lifted(orders, targets, problems)
    if problems:
        raise InputError(problems)
    found: dict[str, dict[str, dict[str, Entry]]] = {
        name: defaultdict(dict) for name in catalogue.configuration.environments
    }
    for order in orders:
        if order.predicate.kind not in RESTRICTS:
            continue
        for environment in order.predicate.environments:
            if (order.predicate.id, environment) not in lifted:
                kept = found[environment][RESTRICTS[order.predicate.kind]]
                for target in targets[order.predicate.id]:
                    kept[target] = stronger(kept.get(target), restriction(order.predicate))
    return ResolvedOrders(
        restrictions={name: Restrictions(**given) for name, given in found.items()},
        warnings=tuple(_unknown(catalogue, orders, targets)),
    )


def _targets(catalogue: Catalogue, orders: Iterable[Order]) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """What each restriction restricts, and each lifting order lifts, by the order's id."""
    targets: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for order in orders:
        try:
            targets[order.predicate.id] = _target(catalogue, order)
        except InputError as error:
            problems += error.problems
    return targets, problems


def _target(catalogue: Catalogue, order: Order) -> tuple[str, ...]:
    given = order.predicate
    if LIFTS.get(given.kind, given.kind) != "revoke" or _DIGEST.fullmatch(given.target):
        return (given.target,)
    if given.kind in LIFTS and given.target not in catalogue.versions:
        return ()
    # A version by its name: its digest as it is now, and the one that the order expected, should it be another.
    version = catalogue.versions.get(given.target)
    present = {version.artifact_digest} if version else set()
    expected = {given.expects} if given.expects and _DIGEST.fullmatch(given.expects) else set()
    if not present | expected and not order.accepted:
        raise InputError.single(
            order.file,
            f"there is no version {given.target}",
            "Name the artifact digest, which stays the same when a version is renamed or removed.",
            field="target",
        )
    return tuple(sorted(present | expected))


def _lifted(
    orders: Iterable[Order], targets: Mapping[str, tuple[str, ...]], problems: list[Problem]
) -> set[tuple[str, str]]:
    """Which restriction is lifted in which environment; what lifts something else than it names is a problem."""
    known = {order.predicate.id: order for order in orders}
    lifted: set[tuple[str, str]] = set()
    for order in known.values():
        if order.predicate.kind not in LIFTS or order.predicate.undoes is None:
            continue
        undone = known.get(order.predicate.undoes)
        problem = _mismatch(order, undone, targets)
        if problem or undone is None:
            problems.append(Problem(order.file, field="undoes", message=problem, fix=_NAME_IT))
            continue
        lifted |= {(undone.predicate.id, environment) for environment in order.predicate.environments}
    return lifted


def _mismatch(order: Order, undone: Order | None, targets: Mapping[str, tuple[str, ...]]) -> str:
    """Why an order cannot lift the one it names; "" if it can."""
    given = order.predicate
    if undone is None:
        return f"there is no order {given.undoes} in the catalogue"
    if not undoes_kind(given.kind, undone.predicate.kind):
        return f"{given.kind} undoes {LIFTS[given.kind]}, and {given.undoes} is {undone.predicate.kind}"
    if given.target != undone.predicate.target and targets.get(given.id) != targets.get(undone.predicate.id):
        return f"{given.undoes} is about {undone.predicate.target}, not about {given.target}"
    if given.issued_at < undone.predicate.issued_at:
        return f"it was issued before {given.undoes}"
    strange = sorted(set(given.environments) - set(undone.predicate.environments))
    return f"{given.undoes} does not speak of {', '.join(strange)}" if strange else ""


def restriction(given: OrderPredicate) -> Entry:
    """What points are told of an order that restricts something."""
    entry: Entry = {"id": given.id, "reason": given.reason, "issued_at": given.issued_at}
    if given.reference is not None:
        entry["reference"] = given.reference
    if given.expires is not None:
        entry["expires"] = given.expires
    return entry


def stronger(one: Entry | None, other: Entry) -> Entry:
    """Of two orders about one thing the one that lasts longer, then the newer."""
    if one is None:
        return other
    return max(one, other, key=lambda entry: (entry.get("expires", NEVER_NS), entry["issued_at"], entry["id"]))


def _unknown(catalogue: Catalogue, orders: Iterable[Order], targets: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    tenants = catalogue.tenants.tenants if catalogue.tenants else {}
    known = {
        "revoke": {version.artifact_digest for version in catalogue.versions.values()},
        "freeze": set(catalogue.versions),
        "suspend": set(tenants),
        "revoke-key": {
            key.id
            for tenant in tenants.values()
            for entitlement in tenant.environments.values()
            for key in entitlement.keys
        },
    }
    for order in orders:
        kind = order.predicate.kind
        if kind in known and not known[kind] & set(targets[order.predicate.id]):
            yield f"{order.file}: {kind} of {order.predicate.target}, which is not in the catalogue"
