"""Rolling out a release without a refused call: announced, then served, then settled.

A sidecar refuses a release that its live data does not announce, and an alias must not point to a version that its
release does not know. So a new release is announced in live data first; its bundles are served once everybody is known
to have heard of it; and its routes count once everybody runs it. Whoever is silent is not waited for, and nobody is
waited for longer than a given time: the release before counts until its own end all the same. `next_step` is pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.control.plane_parts import PlaneTimes
    from weighbridge.control.receipt import Publication, Receipt

Step = Literal["wait", "serve", "settle"]


@dataclass(frozen=True)
class Rollout:
    """A release on its way."""

    revision: str
    announced_by: Publication | None
    """The first live bundle that announces it; None while there is none."""
    served_ns: int
    """When its bundles began to be served; 0 before."""
    until_ns: int
    """When the release before ceases to count."""


def next_step(
    rollout: Rollout,
    receipts: Iterable[Receipt],
    sequences: Mapping[str, int],
    now_ns: int,
    times: PlaneTimes,
) -> Step:
    """What is to be done about a roll-out now.

    Args:
        rollout: where it stands.
        receipts: of the environment.
        sequences: of the live revisions that they name, as far as they were issued here.
        now_ns: the wall clock.
        times: how patient to be.
    """
    if rollout.announced_by is None:
        return "wait"
    heard = [
        receipt
        for receipt in receipts
        if receipt.kind == "sidecar" and now_ns - receipt.last_seen_ns <= times.silent * 10**9
    ]
    if not rollout.served_ns:
        known = rollout.announced_by.sequence
        confirmed = heard and all(
            receipt.state == "ok" and sequences.get(receipt.live_revision, 0) >= known for receipt in heard
        )
        return "serve" if confirmed or _over(rollout.announced_by.published_ns, now_ns, times) else "wait"
    if now_ns >= rollout.until_ns:
        return "settle"
    if not heard:
        # Nobody has reported: a sidecar may still be there, for example while receipts were lost with the database.
        return "settle" if _over(rollout.served_ns, now_ns, times) else "wait"
    return "settle" if all(receipt.release_revision == rollout.revision for receipt in heard) else "wait"


def _over(since_ns: int, now_ns: int, times: PlaneTimes) -> bool:
    return now_ns - since_ns >= times.confirm * 10**9
