"""Rows of releases: control data of all of them, as the log's meaning rests on it; bundles of the newest ones only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from weighbridge.control.store.log import upsert
from weighbridge.control.store.schema import RELEASE_FILES, RELEASES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

CONTROL_FILE = "control.tar.gz"
"""The path at which the first key's control data is kept."""


@dataclass(frozen=True)
class StoredRelease:
    """A release, without its files."""

    environment: str
    revision: str
    control_sha256: str
    announced_ns: int
    served_ns: int
    """When its bundles began to be served; 0 before."""
    files_sha256: str
    """Over all its files: changes when it is signed by other keys."""


async def releases(connection: AsyncConnection, environment: str) -> list[StoredRelease]:
    """All releases, in the order of their announcement."""
    rows = select(RELEASES).where(RELEASES.c.environment == environment).order_by(RELEASES.c.announced_ns)
    return [
        StoredRelease(
            row.environment, row.revision, row.control_sha256, row.announced_ns, row.served_ns, row.files_sha256
        )
        for row in await connection.execute(rows)
    ]


async def put_release(connection: AsyncConnection, release: StoredRelease, files: Mapping[str, bytes]) -> None:
    """Keep a release, or the other files of one that is known."""
    row = upsert(connection, RELEASES).values(
        environment=release.environment,
        revision=release.revision,
        control_sha256=release.control_sha256,
        announced_ns=release.announced_ns,
        served_ns=release.served_ns,
        files_sha256=release.files_sha256,
    )
    named = ["environment", "revision"]
    await connection.execute(
        row.on_conflict_do_update(index_elements=named, set_={"files_sha256": row.excluded.files_sha256})
    )
    own = (RELEASE_FILES.c.environment == release.environment) & (RELEASE_FILES.c.revision == release.revision)
    await connection.execute(delete(RELEASE_FILES).where(own))
    await connection.execute(
        insert(RELEASE_FILES),
        [
            {"environment": release.environment, "revision": release.revision, "path": path, "data": data}
            for path, data in files.items()
        ],
    )


async def files_of(connection: AsyncConnection, environment: str, revision: str) -> dict[str, bytes]:
    """All files of a release that are kept, by path."""
    rows = select(RELEASE_FILES.c.path, RELEASE_FILES.c.data).where(
        RELEASE_FILES.c.environment == environment, RELEASE_FILES.c.revision == revision
    )
    return {row.path: bytes(row.data) for row in await connection.execute(rows)}


async def control_of(connection: AsyncConnection, environment: str, revision: str) -> bytes | None:
    """The control data of a release."""
    row = select(RELEASE_FILES.c.data).where(
        RELEASE_FILES.c.environment == environment,
        RELEASE_FILES.c.revision == revision,
        RELEASE_FILES.c.path == CONTROL_FILE,
    )
    data = (await connection.execute(row)).scalar_one_or_none()
    return None if data is None else bytes(data)


async def serve(connection: AsyncConnection, environment: str, revision: str, at_ns: int) -> None:
    """Note that a release's bundles are served from now on."""
    own = (RELEASES.c.environment == environment) & (RELEASES.c.revision == revision)
    await connection.execute(update(RELEASES).where(own, RELEASES.c.served_ns == 0).values(served_ns=at_ns))


async def prune(connection: AsyncConnection, environment: str, kept: Collection[str]) -> None:
    """Let the bundles of all other releases go; their control data stays."""
    await connection.execute(
        delete(RELEASE_FILES).where(
            RELEASE_FILES.c.environment == environment,
            RELEASE_FILES.c.revision.not_in(list(kept)),
            RELEASE_FILES.c.path != CONTROL_FILE,
        )
    )
