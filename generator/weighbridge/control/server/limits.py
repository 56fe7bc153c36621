"""How much one client may ask of the control plane, and of its memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """All bounds; a client that shares an entry of `clients.yaml` among n sidecars has n times those a sidecar."""

    header_bytes: int = 16 * 1024
    """Request line and headers together."""
    header_seconds: float = 10.0
    """Until a request's headers are whole, from the connection's start or the first byte of the request."""
    body_seconds: float = 20.0
    """Until a request's body is whole."""
    handshake_seconds: float = 10.0
    """For a TLS handshake."""
    idle_seconds: float = 5.0
    """Between requests, for who has shown no credential."""
    known_idle_seconds: float = 100.0
    """The same for who has: longer than OPA keeps an idle connection (90 s), so none is closed under a request."""
    write_seconds: float = 20.0
    """For a reader to take what was sent, plus the time at the pace below."""
    write_pace: int = 64 * 1024
    """Bytes a second that a reader must take."""
    longest_wait: float = 20.0
    """Of a long poll, in seconds: a half-open connection is found out by then."""
    first_wait: float = 3.0
    """The same of a connection's first: a sidecar that was cut off says that it is well once it has been answered."""
    order_bytes: int = 64 * 1024
    receipt_bytes: int = 64 * 1024
    status_bytes: int = 1024 * 1024
    """As sent, and unpacked."""
    log_bytes: int = 2 * 1024 * 1024
    """As sent; `decision_log` bounds what is unpacked."""
    connections: int = 40_000
    """Altogether."""
    anonymous_connections: int = 4096
    """From one address, as long as no credential was shown on them: a cluster behind one address comes back at once."""
    sidecar_connections: int = 8
    """A sidecar: two bundles that it waits for, its status, its decision log, and those of a restart."""
    sidecar_rate: float = 20.0
    """Requests a second of one sidecar."""
    sidecar_burst: float = 60.0
    anonymous_rate: float = 10.0
    """Requests a second of one address without a credential, orders apart."""
    anonymous_burst: float = 50.0
    order_rate: float = 20.0
    """Orders a second from one address, or of one operator."""
    order_burst: float = 200.0


class Buckets:
    """Token buckets by key; those that were not used for longest are forgotten, full ones lose nothing by it.

    Args:
        rate: tokens a second.
        burst: tokens of a full bucket.
        kept: how many buckets are remembered.
    """

    def __init__(self, rate: float, burst: float, kept: int = 50_000) -> None:
        self._rate = rate
        self._burst = burst
        self._kept = kept
        self._buckets: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def take(self, key: object, scale: float = 1.0) -> bool:
        """Take one token; False if there is none.

        Args:
            key: whose bucket.
            scale: how many times the rate and the burst this one has.
        """
        now = time.monotonic()
        left, at = self._buckets.pop(key, (self._burst * scale, now))
        left = min(self._burst * scale, left + (now - at) * self._rate * scale)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > self._kept:
            self._buckets.popitem(last=False)
        return allowed
