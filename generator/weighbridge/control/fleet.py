"""Who has what: the fleet, derived from what points reported and what was published. Pure; no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from weighbridge.control.receipt import AcceptedOrder, Publication, Receipt

Status = Literal["unknown", "failing", "silent", "expired", "behind", "current"]


@dataclass(frozen=True)
class FleetView:
    """The fleet of one environment at one moment."""

    environment: str
    at_ns: int


def fleet(
    environment: str,
    receipts: Sequence[Receipt],
    publications: Sequence[Publication],
    now_ns: int,
    *,
    silent_after_ns: int,
    orders: Sequence[AcceptedOrder] = (),
    releases: Collection[str] | None = None,
) -> FleetView:
    """The fleet as it stands.

    Args:
        environment: receipts, publications of others are left out.
        receipts: one a sidecar or agent.
        publications: all since the oldest one that a receipt names, in any order.
        now_ns: the control plane's clock.
        silent_after_ns: who has not been heard of for as long is silent.
        orders: those whose confirmations are asked for.
        releases: the revisions of all releases that were ever announced; None where that is not known.
    """
    raise NotImplementedError
