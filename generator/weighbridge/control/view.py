"""The fleet view, from what the store has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from weighbridge.control.entry import Accepted
from weighbridge.control.fleet import fleet
from weighbridge.control.ordered import predicate_of
from weighbridge.control.receipt import AcceptedOrder
from weighbridge.control.store import published, reports

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.control.fleet_view import FleetView
    from weighbridge.control.ledger import Ledger
    from weighbridge.control.plane_parts import PlaneTimes
    from weighbridge.control.store.database import Database


async def fleet_view(database: Database, ledger: Ledger, orders: Iterable[str], times: PlaneTimes) -> FleetView:
    """The fleet of one environment as it stands.

    Args:
        database: has receipts and publications.
        ledger: of the environment.
        orders: ids of orders whose progress is asked for; what is not in the log is left out.
        times: how long a point may be silent.

    Raises:
        UnavailableError: the store does not answer.
    """
    accepted = [order for order_id in dict.fromkeys(orders) for order in _accepted(ledger, order_id)]
    async with database.reading() as connection:
        receipts = await reports.receipts(connection, ledger.environment)
        revisions = {receipt.live_revision for receipt in receipts}
        number = min((order.number for order in accepted), default=None)
        publications = await published.since(connection, ledger.environment, revisions, number)
    return fleet(
        ledger.environment,
        receipts,
        publications,
        time.time_ns(),
        silent_after_ns=int(times.silent * 10**9),
        orders=accepted,
        releases=frozenset(ledger.announced),
    )


def _accepted(ledger: Ledger, order_id: str) -> list[AcceptedOrder]:
    number = ledger.state.accepted(order_id)
    entry = ledger.entries[number - 1] if number is not None else None
    if entry is None or not isinstance(entry.content, Accepted):
        return []
    given = predicate_of(entry.content.envelope)
    return [AcceptedOrder(order_id, given.kind, given.target, entry.number, entry.at_ns)]
