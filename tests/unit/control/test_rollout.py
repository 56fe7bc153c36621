"""When a release is served, and when it is settled."""

from typing import Any

import pytest

from weighbridge.control.plane_parts import PlaneTimes
from weighbridge.control.receipt import Publication, Receipt
from weighbridge.control.rollout import Rollout, next_step

SECOND = 10**9
NOW = 1_800_000_000 * SECOND
TIMES = PlaneTimes(confirm=30, silent=90)
FIRST = Publication("prod", 50, "prod-live-50-1", NOW - SECOND, NOW + 600 * SECOND, NOW + 3600 * SECOND, 7)
SEQUENCES = {"before": 49, "with": 50, "after": 51}


def rollout(**changes: Any) -> Rollout:
    given = {"revision": "new", "announced_by": FIRST, "served_ns": 0, "until_ns": NOW + 900 * SECOND}
    return Rollout(**(given | changes))


def sidecar(live: str = "with", release: str = "old", **changes: Any) -> Receipt:
    given = {
        "environment": "prod", "kind": "sidecar", "id": "s", "cluster": "east", "point": "envoy",
        "live_revision": live, "live_since_ns": NOW, "release_revision": release, "first_seen_ns": 1,
        "last_seen_ns": NOW,
    }  # fmt: skip
    return Receipt(**(given | changes))


SILENT = {"last_seen_ns": NOW - 91 * SECOND}


@pytest.mark.parametrize(
    ("given", "receipts", "step"),
    [
        (rollout(announced_by=None), [], "wait"),
        # Before it is served, everybody who is heard must know it.
        (rollout(), [sidecar()], "serve"),
        (rollout(), [sidecar("after")], "serve"),
        (rollout(), [sidecar("before")], "wait"),
        (rollout(), [sidecar(), sidecar("before")], "wait"),
        (rollout(), [sidecar(""), sidecar()], "wait"),
        (rollout(), [sidecar("never issued")], "wait"),
        (rollout(), [sidecar(state="failing")], "wait"),
        (rollout(), [sidecar(), sidecar("before", **SILENT)], "serve"),
        (rollout(), [sidecar("before", kind="agent"), sidecar()], "serve"),
        # Nobody at all: somebody may still be there. And nobody is waited for longer than said.
        (rollout(), [], "wait"),
        (rollout(), [sidecar("before", **SILENT)], "wait"),
        (
            rollout(announced_by=Publication(*("prod", 50, "r", NOW - 30 * SECOND, 0, 0, 7))),
            [sidecar("before")],
            "serve",
        ),
        # Once it is served, everybody who is heard must run it.
        (rollout(served_ns=NOW), [sidecar(release="new")], "settle"),
        (rollout(served_ns=NOW), [sidecar(release="new"), sidecar()], "wait"),
        (rollout(served_ns=NOW), [sidecar(release="new"), sidecar(**SILENT)], "settle"),
        (rollout(served_ns=NOW - 600 * SECOND), [sidecar()], "wait"),
        (rollout(served_ns=NOW), [], "wait"),
        (rollout(served_ns=NOW - 30 * SECOND), [], "settle"),
        (rollout(served_ns=NOW - 600 * SECOND, until_ns=NOW), [sidecar()], "settle"),
        # A clock that was set back makes it wait longer, never shorter.
        (rollout(announced_by=Publication(*("prod", 50, "r", NOW + 99 * SECOND, 0, 0, 7))), [], "wait"),
    ],
)
def test_next_step(given: Rollout, receipts: list[Receipt], step: str) -> None:
    assert next_step(given, receipts, SEQUENCES, NOW, TIMES) == step
