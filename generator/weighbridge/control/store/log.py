"""Rows of the log, and of orders that wait for another signature."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from weighbridge.control.store.schema import ENTRIES, ENVIRONMENTS, PENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from weighbridge.control.entry import Entry

MAX_PENDING = 500
"""Orders of one environment that wait for another signature; the oldest makes room."""
_LARGEST_LOG = 10_000_000


@dataclass(frozen=True)
class PendingOrder:
    """An order that waits."""

    sha256: str
    """`Submission.sha256`."""
    order_id: str
    envelope: Mapping[str, Any] = field(repr=False)
    missing: int
    first_ns: int


def upsert(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that may say what happens on a conflict."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


async def ensure_environment(connection: AsyncConnection, environment: str) -> None:
    """Make the environment's row, which is what transactions hold."""
    await connection.execute(upsert(connection, ENVIRONMENTS).values(environment=environment).on_conflict_do_nothing())


async def environments(connection: AsyncConnection) -> list[str]:
    """All that have a row."""
    return list((await connection.execute(select(ENVIRONMENTS.c.environment))).scalars())


async def rebuilt_ns(connection: AsyncConnection, environment: str) -> int:
    """When the log was brought back from a copy; 0 if it never was."""
    row = select(ENVIRONMENTS.c.rebuilt_ns).where(ENVIRONMENTS.c.environment == environment)
    return int((await connection.execute(row)).scalar_one_or_none() or 0)


async def entries_after(connection: AsyncConnection, environment: str, number: int) -> list[str]:
    """The texts of all entries behind that one, in their order."""
    rows = select(ENTRIES.c.jws).where(ENTRIES.c.environment == environment, ENTRIES.c.number > number)
    return list((await connection.execute(rows.order_by(ENTRIES.c.number).limit(_LARGEST_LOG))).scalars())


async def head_number(connection: AsyncConnection, environment: str) -> int:
    """The number of the last entry; 0 without any."""
    last = select(func.max(ENTRIES.c.number)).where(ENTRIES.c.environment == environment)
    return int((await connection.execute(last)).scalar_one_or_none() or 0)


async def append(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Append entries. Two of one number fail, whoever wrote the first."""
    rows = [
        {"environment": entry.environment, "number": entry.number, "sha256": entry.sha256, "jws": entry.text}
        for entry in entries
    ]
    if rows:
        await connection.execute(insert(ENTRIES), rows)


async def pending_orders(connection: AsyncConnection, environment: str, since_ns: int) -> list[PendingOrder]:
    """Orders that wait, the newest first; those from before that time wait no more."""
    rows = select(PENDING).where(PENDING.c.environment == environment, PENDING.c.first_ns >= since_ns)
    found = await connection.execute(rows.order_by(PENDING.c.first_ns.desc()).limit(MAX_PENDING))
    return [
        PendingOrder(row.sha256, row.order_id, json.loads(row.envelope), row.missing, row.first_ns) for row in found
    ]


async def keep_pending(connection: AsyncConnection, environment: str, order: PendingOrder) -> None:
    """Keep an order that waits, or its further signatures."""
    row = upsert(connection, PENDING).values(
        environment=environment,
        sha256=order.sha256,
        order_id=order.order_id,
        envelope=json.dumps(order.envelope),
        missing=order.missing,
        first_ns=order.first_ns,
    )
    changed = {"envelope": row.excluded.envelope, "missing": row.excluded.missing}
    await connection.execute(row.on_conflict_do_update(index_elements=["environment", "sha256"], set_=changed))


async def drop_pending(connection: AsyncConnection, environment: str, sha256s: Iterable[str], before_ns: int) -> None:
    """Forget orders that wait no more: these, all from before that time, and the oldest of too many."""
    own = PENDING.c.environment == environment
    await connection.execute(
        delete(PENDING).where(own, PENDING.c.sha256.in_(list(sha256s)) | (PENDING.c.first_ns < before_ns))
    )
    newest = select(PENDING.c.sha256).where(own).order_by(PENDING.c.first_ns.desc()).limit(MAX_PENDING)
    await connection.execute(delete(PENDING).where(own, PENDING.c.sha256.not_in(newest.scalar_subquery())))
