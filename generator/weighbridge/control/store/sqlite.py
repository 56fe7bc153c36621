"""SQLite: one file, one server.

Orders are on the disk when their transaction ends (write-ahead log, `synchronous=FULL`); receipts are written without
waiting for the disk. A lock beside the file keeps a second server away. Before anything is served the file is checked.
A check cannot see what is gone as a whole: of a write-ahead log that was deleted nothing is missed. So each accepted
entry stands in a second file as well (`log_copy.py`).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from weighbridge.control.store.database import REBUILD, Database, create_or_check
from weighbridge.errors import EngineError, InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

FILE_MODE = 0o600
_READERS = 4
_BUSY_MILLISECONDS = 5000


class SqliteDatabase(Database):
    """A SQLite file that this process alone uses.

    Attributes:
        path: of the file.
    """

    kind = "sqlite"

    def __init__(self, path: Path, lock: int) -> None:
        super().__init__(_engine(path, "FULL", _READERS))
        self.path = path
        self._lock = lock
        self._lazy = _engine(path, "NORMAL", 1)
        self._writing = asyncio.Lock()

    async def close(self) -> None:
        """Close the file, and let others have it."""
        await self._lazy.dispose()
        await super().close()
        os.close(self._lock)

    async def notify(self, connection: AsyncConnection, environment: str) -> None:
        """Nobody else uses the file."""

    @asynccontextmanager
    async def _exclusive(self, environment: str) -> AsyncIterator[AsyncConnection]:  # noqa: ARG002 -- all of them at once
        async with self._writing, self.engine.connect() as connection:
            await connection.execution_options(weighbridge_begin="BEGIN IMMEDIATE")
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def _lasting_less(self) -> AsyncIterator[AsyncConnection]:
        async with self._writing, self._lazy.connect() as connection:
            await connection.execution_options(weighbridge_begin="BEGIN IMMEDIATE")
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def _moment(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection, connection.begin():
            yield connection


async def open_sqlite(path: Path) -> SqliteDatabase:
    """Open a file, or make it.

    Raises:
        InputError: it is damaged, or cannot be read or written.
        EngineError: another server uses it, or another program made it.
    """
    lock = _locked(path)
    try:
        await asyncio.to_thread(_check, path)
        database = SqliteDatabase(path, lock)
        async with database.engine.connect() as connection:
            await connection.execution_options(weighbridge_begin="BEGIN IMMEDIATE")
            async with connection.begin():
                await connection.run_sync(create_or_check)
    except BaseException:
        os.close(lock)
        raise
    return database


def _locked(path: Path) -> int:
    # Not the file itself: closing any descriptor of that would give SQLite's own locks away.
    beside = path.with_name(f"{path.name}.lock")
    fix = "Name a file in a folder that exists and that this server may write to."
    try:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:
        raise InputError.single(str(path), f"cannot be opened: {error.strerror}", fix) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise EngineError(
            f"{path} is in use by another server. SQLite takes one; for several replicas name a PostgreSQL database."
        ) from error
    return lock


def _check(path: Path) -> None:
    """Look through the whole file.

    Raises:
        InputError: it is damaged.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from error
    if found != ["ok"] or orphans is not None:
        raise damaged(path, found[0] if found != ["ok"] else f"rows of {orphans[0]} without what they belong to")


def damaged(path: Path, what: str) -> InputError:
    """What is said of a database that cannot be trusted any more."""
    return InputError.single(str(path), f"is damaged: {' '.join(what.split())[:300]}", REBUILD)


def _engine(path: Path, synchronous: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=connections, max_overflow=connections)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # Transactions begin where SQLAlchemy says, not where Python's driver thinks.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "trusted_schema=OFF",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("weighbridge_begin", "BEGIN"))

    return engine
