"""A lost database, made anew from published logs: what was accepted is accepted, nothing more.

Everything is checked before the first row is written, and written in one transaction an environment: the log, and the
control data that its meaning rests on. Bundles are not brought back: the server that starts on the new database takes
the release from its folder, and publishes live data with a higher sequence than any before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import update

from weighbridge.control.entry import Announced
from weighbridge.control.store import log, releases
from weighbridge.control.store.opening import open_database
from weighbridge.control.store.releases import CONTROL_FILE, StoredRelease
from weighbridge.control.store.schema import ENVIRONMENTS
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from weighbridge.control.checked_log import CheckedLog

_LOCK_SECONDS = 10.0


async def rebuild_database(address: str, logs: Sequence[CheckedLog], controls: Mapping[str, bytes]) -> None:
    """Fill an empty database.

    Args:
        address: as `serve --database` has it.
        logs: checked, without differences, one an environment.
        controls: control data by digest; see `checked_log.controls_in`.

    Raises:
        InputError: the database is not empty, or control data is missing; nothing was written.
        EngineError: it cannot be reached, or a server uses it.
        UnavailableError: it could not be written.
    """
    _require_controls(logs, controls)
    database, _ = await open_database(address, lock_seconds=_LOCK_SECONDS)
    try:
        async with database.reading() as connection:
            for name in await log.environments(connection):
                if await log.head_number(connection, name):
                    fix = "Name an empty one: what is there is never overwritten."
                    raise InputError.single("--database", f"holds a log of {name} already", fix)
        for given in logs:
            async with database.writing(given.environment) as connection:
                await _fill(connection, given, controls)
    finally:
        await database.close()


def _require_controls(logs: Sequence[CheckedLog], controls: Mapping[str, bytes]) -> None:
    fix = "Name a folder of --bundles with the `control.tar.gz` of that release, however old."
    missing = [
        f"{given.environment}: the control data of release {entry.content.revision} is missing"
        for given in logs
        for entry in given.entries
        if isinstance(entry.content, Announced) and entry.content.control_sha256 not in controls
    ]
    if missing:
        raise InputError.single("--bundles", "; ".join(missing), fix)


async def _fill(connection: AsyncConnection, given: CheckedLog, controls: Mapping[str, bytes]) -> None:
    await log.ensure_environment(connection, given.environment)
    await log.append(connection, given.entries)
    for entry in given.entries:
        if isinstance(entry.content, Announced):
            content = entry.content
            row = StoredRelease(given.environment, content.revision, content.control_sha256, entry.at_ns, 0, "")
            await releases.put_release(connection, row, {CONTROL_FILE: controls[content.control_sha256]})
    own = ENVIRONMENTS.c.environment == given.environment
    await connection.execute(update(ENVIRONMENTS).where(own).values(rebuilt_ns=time.time_ns()))
