"""Rows of what points report, and of alarms about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, tuple_

from weighbridge.control.plane_parts import Alarm
from weighbridge.control.receipt import Activation, Receipt
from weighbridge.control.store.log import upsert
from weighbridge.control.store.schema import ALARMS, RECEIPTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

PointKey = tuple[str, str, str, str]
"""Environment, kind, cluster, id."""
MAX_ALARMS = 1000
"""Different alarms of one environment that are kept."""
_KEY = ["environment", "kind", "cluster", "id"]
_AT_ONCE = 200


def key_of(receipt: Receipt) -> PointKey:
    """Whose receipt it is."""
    return receipt.environment, receipt.kind, receipt.cluster, receipt.id


async def receipts(connection: AsyncConnection, environment: str) -> list[Receipt]:
    """All of an environment."""
    rows = await connection.execute(select(RECEIPTS).where(RECEIPTS.c.environment == environment))
    return [_receipt(row) for row in rows]


async def receipts_of(connection: AsyncConnection, keys: Sequence[PointKey]) -> dict[PointKey, Receipt]:
    """Those of these points that have reported before."""
    found: dict[PointKey, Receipt] = {}
    columns = tuple_(*(RECEIPTS.c[name] for name in _KEY))
    for start in range(0, len(keys), _AT_ONCE):
        rows = await connection.execute(select(RECEIPTS).where(columns.in_(keys[start : start + _AT_ONCE])))
        found.update((key_of(receipt), receipt) for receipt in map(_receipt, rows))
    return found


async def put_receipts(connection: AsyncConnection, given: Iterable[Receipt]) -> None:
    """Keep these, in the place of what was known of the same points; an older report changes nothing."""
    rows = [_row(receipt) for receipt in given]
    if not rows:
        return
    row = upsert(connection, RECEIPTS)
    changed = {column.name: row.excluded[column.name] for column in RECEIPTS.c if column.name not in _KEY}
    newer = RECEIPTS.c.last_seen_ns <= row.excluded.last_seen_ns
    await connection.execute(row.on_conflict_do_update(index_elements=_KEY, set_=changed, where=newer), rows)


async def count_of(connection: AsyncConnection, environment: str, cluster: str) -> int:
    """How many sidecars of one cluster are known."""
    rows = select(func.count()).where(
        RECEIPTS.c.environment == environment, RECEIPTS.c.kind == "sidecar", RECEIPTS.c.cluster == cluster
    )
    return int((await connection.execute(rows)).scalar_one())


async def forget_silent(
    connection: AsyncConnection, environment: str, before_ns: int, cluster: str | None = None
) -> int:
    """Forget points that were not heard of since then; how many they were."""
    where = [RECEIPTS.c.environment == environment, RECEIPTS.c.last_seen_ns < before_ns]
    if cluster is not None:
        where.append(RECEIPTS.c.cluster == cluster)
    return (await connection.execute(delete(RECEIPTS).where(*where))).rowcount


async def alarms(connection: AsyncConnection, environment: str) -> list[Alarm]:
    """All alarms, the newest first."""
    rows = select(ALARMS).where(ALARMS.c.environment == environment).order_by(ALARMS.c.last_ns.desc())
    return [Alarm(**row) for row in (await connection.execute(rows.limit(MAX_ALARMS))).mappings()]


async def raise_alarms(connection: AsyncConnection, given: Collection[Alarm]) -> None:
    """Keep alarms; the same one again is counted."""
    if not given:
        return
    row = upsert(connection, ALARMS)
    changed = {"last_ns": row.excluded.last_ns, "count": ALARMS.c.count + row.excluded.count}
    named = ["environment", "kind", "subject", "detail"]
    rows = [
        {
            "environment": alarm.environment,
            "kind": alarm.kind,
            "subject": alarm.subject,
            "detail": alarm.detail,
            "first_ns": alarm.first_ns,
            "last_ns": alarm.last_ns,
            "count": alarm.count,
        }
        for alarm in given
    ]
    await connection.execute(row.on_conflict_do_update(index_elements=named, set_=changed), rows)
    for environment in {alarm.environment for alarm in given}:
        own = ALARMS.c.environment == environment
        bound = select(ALARMS.c.last_ns).where(own).order_by(ALARMS.c.last_ns.desc()).offset(MAX_ALARMS).limit(1)
        oldest = (await connection.execute(bound)).scalar_one_or_none()
        if oldest is not None:
            await connection.execute(delete(ALARMS).where(own, ALARMS.c.last_ns <= oldest))


def _row(receipt: Receipt) -> dict[str, str | int]:
    return {
        "environment": receipt.environment,
        "kind": receipt.kind,
        "cluster": receipt.cluster,
        "id": receipt.id,
        "point": receipt.point,
        "live_revision": receipt.live_revision,
        "live_since_ns": receipt.live_since_ns,
        "release_revision": receipt.release_revision,
        "first_seen_ns": receipt.first_seen_ns,
        "last_seen_ns": receipt.last_seen_ns,
        "state": receipt.state,
        "state_since_ns": receipt.state_since_ns,
        "code": receipt.code,
        "message": receipt.message,
        "activations": json.dumps([[given.revision, given.at_ns] for given in receipt.activations]),
    }


def _receipt(row: Row[tuple[object, ...]]) -> Receipt:
    return Receipt(
        environment=row.environment,
        kind="agent" if row.kind == "agent" else "sidecar",
        id=row.id,
        cluster=row.cluster,
        point=row.point,
        live_revision=row.live_revision,
        live_since_ns=row.live_since_ns,
        release_revision=row.release_revision,
        first_seen_ns=row.first_seen_ns,
        last_seen_ns=row.last_seen_ns,
        state="ok" if row.state == "ok" else "failing",
        state_since_ns=row.state_since_ns,
        code=row.code,
        message=row.message,
        activations=tuple(Activation(revision, at_ns) for revision, at_ns in json.loads(row.activations)),
    )
