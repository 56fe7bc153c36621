"""Rows of publications: what was issued stays known for long, the bytes of the newest ones only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from weighbridge.control.receipt import Publication
from weighbridge.control.store.schema import FILES, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_FILES = 3
"""Publications of which the bytes are kept."""
KEPT_NS = 90 * 24 * 3600 * 10**9
"""For how long it is known what was issued."""
FileKey = tuple[str, str]
"""Key's first 16 digits ("" for the first one), and `live.tar.gz` or `livestate.jws`."""


@dataclass(frozen=True)
class StoredPublication:
    """A live bundle that was issued."""

    publication: Publication
    issued_ns: int
    log_sha256: str
    """Head of the log that it contains."""
    files: Mapping[FileKey, bytes] = field(repr=False, default_factory=dict)


async def newest(connection: AsyncConnection, environment: str) -> StoredPublication | None:
    """The newest one, without its files."""
    rows = select(PUBLICATIONS).where(PUBLICATIONS.c.environment == environment)
    row = (await connection.execute(rows.order_by(PUBLICATIONS.c.sequence.desc()).limit(1))).first()
    return None if row is None else StoredPublication(_publication(row), row.issued_ns, row.log_sha256)


async def files_of(connection: AsyncConnection, environment: str, sequence: int) -> dict[FileKey, bytes]:
    """The files of one publication."""
    rows = select(FILES.c.key, FILES.c.name, FILES.c.data).where(
        FILES.c.environment == environment, FILES.c.sequence == sequence
    )
    return {(row.key, row.name): bytes(row.data) for row in await connection.execute(rows)}


async def add(connection: AsyncConnection, stored: StoredPublication) -> None:
    """Keep a publication, and let the bytes of older ones go."""
    given = stored.publication
    await connection.execute(
        insert(PUBLICATIONS).values(
            environment=given.environment,
            sequence=given.sequence,
            revision=given.revision,
            issued_ns=stored.issued_ns,
            published_ns=given.published_ns,
            not_after_ns=given.not_after_ns,
            clusters_not_after_ns=given.clusters_not_after_ns,
            log_entries=given.log_entries,
            log_sha256=stored.log_sha256,
            releases=json.dumps(given.releases),
        )
    )
    rows = [
        {"environment": given.environment, "sequence": given.sequence, "key": key, "name": name, "data": data}
        for (key, name), data in stored.files.items()
    ]
    await connection.execute(insert(FILES), rows)
    own = FILES.c.environment == given.environment
    kept = (
        select(PUBLICATIONS.c.sequence)
        .where(PUBLICATIONS.c.environment == given.environment)
        .order_by(PUBLICATIONS.c.sequence.desc())
        .limit(KEPT_FILES)
    )
    await connection.execute(delete(FILES).where(own, FILES.c.sequence.not_in(kept.scalar_subquery())))


async def forget(connection: AsyncConnection, environment: str, before_ns: int) -> None:
    """Forget what was issued before that time."""
    await connection.execute(
        delete(PUBLICATIONS).where(PUBLICATIONS.c.environment == environment, PUBLICATIONS.c.published_ns < before_ns)
    )


async def since(
    connection: AsyncConnection, environment: str, revisions: Collection[str], number: int | None = None
) -> list[Publication]:
    """All publications from the oldest of these revisions on; at least the newest.

    Args:
        connection: a transaction.
        environment: whose.
        revisions: in any order.
        number: of an entry: from the last publication on that does not contain it.
    """
    own = PUBLICATIONS.c.environment == environment
    named = select(func.min(PUBLICATIONS.c.sequence)).where(own, PUBLICATIONS.c.revision.in_(list(revisions)))
    bounds = [(await connection.execute(named)).scalar_one()]
    if number is not None:
        before = select(func.max(PUBLICATIONS.c.sequence)).where(own, PUBLICATIONS.c.log_entries < number)
        bounds.append((await connection.execute(before)).scalar_one())
    newest = select(func.max(PUBLICATIONS.c.sequence)).where(own)
    bounds.append((await connection.execute(newest)).scalar_one())
    oldest = min((bound for bound in bounds if bound is not None), default=0)
    rows = select(PUBLICATIONS).where(own, PUBLICATIONS.c.sequence >= oldest).order_by(PUBLICATIONS.c.sequence)
    return [_publication(row) for row in await connection.execute(rows)]


async def issued(connection: AsyncConnection, environment: str, revisions: Collection[str]) -> dict[str, int]:
    """Which of these revisions were ever issued here, with their sequences."""
    rows = select(PUBLICATIONS.c.revision, PUBLICATIONS.c.sequence).where(
        PUBLICATIONS.c.environment == environment, PUBLICATIONS.c.revision.in_(list(revisions))
    )
    return {row.revision: row.sequence for row in await connection.execute(rows)}


async def revision_of(connection: AsyncConnection, environment: str, sequence: int) -> str:
    """The revision that was issued with a sequence; "" if none was."""
    row = select(PUBLICATIONS.c.revision).where(
        PUBLICATIONS.c.environment == environment, PUBLICATIONS.c.sequence == sequence
    )
    return (await connection.execute(row)).scalar_one_or_none() or ""


async def first_with(connection: AsyncConnection, environment: str, number: int) -> Publication | None:
    """The first publication that contains the log up to this entry."""
    rows = select(PUBLICATIONS).where(PUBLICATIONS.c.environment == environment, PUBLICATIONS.c.log_entries >= number)
    row = (await connection.execute(rows.order_by(PUBLICATIONS.c.sequence).limit(1))).first()
    return None if row is None else _publication(row)


def _publication(row: Row[tuple[object, ...]]) -> Publication:
    return Publication(
        environment=row.environment,
        sequence=row.sequence,
        revision=row.revision,
        published_ns=row.published_ns,
        not_after_ns=row.not_after_ns,
        clusters_not_after_ns=row.clusters_not_after_ns,
        log_entries=row.log_entries,
        releases=tuple(json.loads(row.releases)),
    )
