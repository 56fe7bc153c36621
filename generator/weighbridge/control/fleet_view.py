"""The fleet as the control plane shows it: the answer of `/v1/environments/<environment>/fleet`.

What each word means, and how it is derived, is said in `control/fleet.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from weighbridge.catalogue.names import Document, format_time, parse_time_ns
from weighbridge.control.receipt import Kind

Status = Literal["unknown", "failing", "silent", "expired", "behind", "current"]
STATUSES: tuple[Status, ...] = ("unknown", "failing", "silent", "expired", "behind", "current")
"""Worst first."""
WAITED_FOR = frozenset[Status]({"failing", "silent", "behind", "unknown"})
"""Statuses of points whose confirmation is worth waiting for."""


def instant(nanoseconds: int) -> str:
    """RFC 3339, UTC, with nanoseconds."""
    return f"{format_time(nanoseconds)[:-1]}.{nanoseconds % 10**9:09}Z"


def _instant(value: object) -> object:
    return parse_time_ns(value) if isinstance(value, str) else value


InstantNs = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Integer nanoseconds in memory, RFC 3339 with nanoseconds in a document."""


class _Answer(Document):
    """What the control plane answers: a reader passes over what a newer one says beside it."""

    model_config = ConfigDict(extra="ignore")


class Point(_Answer):
    """One sidecar or agent, judged."""

    kind: Kind
    id: str
    cluster: str
    point: str
    status: Status
    since: InstantNs | None
    """Since when it has that status, as far as that is known."""
    behind: int
    """How many live bundles were published after its own; all of them if it has none."""
    live_revision: str
    release_revision: str
    last_seen: InstantNs
    holds_until: InstantNs | None
    """When what it holds ends; none if it holds nothing, or what nobody published."""
    code: str = ""
    message: str = ""

    @property
    def name(self) -> str:
        """How people are told of it."""
        return f"{self.cluster}/{self.id}" if self.cluster else self.id


class Confirmation(_Answer):
    """A point that has confirmed an order."""

    kind: Kind
    id: str
    cluster: str
    milliseconds: float
    """From the order's acceptance to the point's first report of a bundle with it."""


class OrderProgress(_Answer):
    """How far one order has come."""

    id: str
    kind: str
    target: str
    number: int
    accepted: InstantNs
    revision: str
    """The first live bundle that contains it; "" while there is none."""
    published_milliseconds: float | None
    """From acceptance to that bundle."""
    fenced: InstantNs | None
    """From then on no sidecar answers by a bundle without it: the last such bundle has ended. None if there is none."""
    confirmed: tuple[Confirmation, ...]
    """The fastest first."""
    waiting: tuple[Point, ...]
    """Who has not, the worst first."""

    @property
    def awaited(self) -> tuple[Point, ...]:
        """Those in `waiting` that may still answer by older data."""
        return tuple(point for point in self.waiting if point.status in WAITED_FOR)

    def percentile(self, share: float) -> float | None:
        """The milliseconds within which this share of the confirmations came (nearest rank); None without any."""
        if not self.confirmed:
            return None
        rank = max(0, -int(-share * len(self.confirmed) // 1) - 1)
        return self.confirmed[min(rank, len(self.confirmed) - 1)].milliseconds


class FleetView(_Answer):
    """The fleet of one environment at one moment."""

    environment: str
    at: InstantNs
    revision: str
    """The newest live bundle; "" before the first."""
    counts: dict[Status, int]
    """Points by status; every status is there."""
    points: tuple[Point, ...]
    """The worst first, then by kind, cluster and id."""
    orders: tuple[OrderProgress, ...]
