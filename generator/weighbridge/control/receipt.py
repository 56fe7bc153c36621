"""What the fleet view is derived from: what points report, what was published, which orders were accepted.

Plain data. The store keeps it; `control/fleet.py` says what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ReceiptState = Literal["ok", "failing"]
Kind = Literal["sidecar", "agent"]


@dataclass(frozen=True)
class Activation:
    """A live revision that a point said to have activated, and when that was first heard."""

    revision: str
    at_ns: int
    """By the control plane's clock."""


@dataclass(frozen=True)
class Receipt:
    """What one sidecar, or one cluster's agent, has reported so far."""

    environment: str
    kind: Kind
    id: str
    """OPA's label `id` of a sidecar, the name of an agent; one an environment, cluster and kind."""
    cluster: str
    """As its credential is bound to it, never as it says itself; "" where the credential names none."""
    point: str
    """`envoy` or `workload`; "" for an agent."""
    live_revision: str
    """Of the live bundle that it has activated last; "" while it has none."""
    live_since_ns: int
    """When that revision was first heard of; 0 while there is none."""
    release_revision: str
    """Of its release bundle; "" while it has none, and for an agent."""
    first_seen_ns: int
    last_seen_ns: int
    """When anything was heard of it: a status, a receipt, or a request for a bundle."""
    state: ReceiptState = "ok"
    """`failing`: its last report of a bundle is an error, so the revision above is an older one."""
    state_since_ns: int = 0
    """When it was first heard to be in that state; 0 where that was not kept."""
    code: str = ""
    """OPA's code for the error, such as `bundle_error`."""
    message: str = ""
    """What it says about the error; a stranger's text."""
    activations: tuple[Activation, ...] = ()
    """The last live revisions, oldest first, the present one among them; what is older than these is forgotten."""


@dataclass(frozen=True)
class Publication:
    """A live bundle that was published."""

    environment: str
    sequence: int
    """Rises with each; also part of the revision."""
    revision: str
    """`<environment>-live-<sequence>-<issued at, seconds>`."""
    published_ns: int
    """When it was there to be fetched."""
    not_after_ns: int
    """When sidecars cease to believe it."""
    clusters_not_after_ns: int
    """The same for clusters."""
    log_entries: int
    """How many entries of the environment's log it contains: the first n."""
    releases: tuple[str, ...] = ()
    """Revisions of the releases that it announces."""


@dataclass(frozen=True)
class AcceptedOrder:
    """An order that is in the log."""

    id: str
    kind: str
    target: str
    number: int
    """Of its log entry."""
    accepted_ns: int
