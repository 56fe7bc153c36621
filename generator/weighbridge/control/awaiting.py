"""Waiting until everybody has confirmed an order: views of the fleet, one after the other, until nobody is missing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from weighbridge.control.ask import Unanswered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weighbridge.control.client import ControlClient
    from weighbridge.control.fleet_view import FleetView, OrderProgress

LONGEST_POLL_S = 20.0
PACE_S = 0.1
"""Shortest time between two questions, in seconds: a fleet of thousands confirms in bursts."""
_AFTER_FAILURE_S = 0.5


async def watch_fleet(
    client: ControlClient, environment: str, *, order: str | None = None, until: float
) -> AsyncIterator[FleetView]:
    """The fleet, at once and whenever it has changed.

    Args:
        client: of the control plane.
        environment: whose fleet.
        order: with the progress of this order.
        until: `time.monotonic()` at which it ends.

    Raises:
        Unanswered: not even the first view was to be had; a later failure is tried again until the time is up.
    """
    known, seen = "", False
    while (left := until - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                view, known = await client.fleet(environment, order=order, known=known, wait=min(left, LONGEST_POLL_S))
        except TimeoutError:
            return
        except Unanswered:
            if not seen:
                raise
            await asyncio.sleep(min(_AFTER_FAILURE_S, max(0.0, until - time.monotonic())))
            continue
        if view is not None:
            seen = True
            yield view
        await asyncio.sleep(min(PACE_S, max(0.0, until - time.monotonic())))


async def watch_order(
    client: ControlClient, environment: str, order: str, *, until: float
) -> AsyncIterator[OrderProgress]:
    """How far an order has come, until nobody is missing or the time is up; arguments as `watch_fleet` has them."""
    async for view in watch_fleet(client, environment, order=order, until=until):
        progress = next((given for given in view.orders if given.id == order), None)
        if progress is not None:
            yield progress
            if complete(progress):
                return


def complete(progress: OrderProgress) -> bool:
    """Whether the order is published, somebody has confirmed it, and nobody who still answers has not."""
    return bool(progress.revision and progress.confirmed and not progress.awaited)
