"""PostgreSQL: several replicas, which hear of each other's writes by NOTIFY and never ask in vain.

Who appends or publishes holds the environment's row. The connection that listens is asyncpg's own: it is kept alive by
a question now and then, opened again when it is lost, and after each opening everything is read once, as what was told
meanwhile is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import create_async_engine

from weighbridge.control.store.database import Database, Failures, create_or_check
from weighbridge.control.store.schema import ENVIRONMENTS
from weighbridge.errors import EngineError, InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "weighbridge_control"
_CONNECT_SECONDS = 5.0
_STATEMENT_MILLISECONDS = 10_000
_ALIVE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 2.0
_CREATING = 0x77656967
"""Key of the advisory lock under which tables are made: replicas may start at once."""
_LOG = logging.getLogger(__name__)


class PostgresDatabase(Database):
    """A PostgreSQL database.

    Args:
        url: as libpq reads it.
        lock_seconds: how long another replica may hold an environment.
    """

    kind = "postgresql"

    def __init__(self, url: str, lock_seconds: float) -> None:
        self._url = url
        self._settings = {
            "lock_timeout": f"{int(lock_seconds * 1000)}ms",
            "statement_timeout": f"{_STATEMENT_MILLISECONDS}ms",
            # Who dies inside a transaction must not hold the others for ever.
            "idle_in_transaction_session_timeout": f"{_STATEMENT_MILLISECONDS}ms",
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
            # Accepted means on the disk, whatever the database's default is.
            "synchronous_commit": "on",
            "application_name": "weighbridge",
        }
        super().__init__(
            create_async_engine(
                "postgresql+asyncpg://", async_creator=self._connect, pool_size=4, max_overflow=4, pool_pre_ping=True
            )
        )

    async def _connect(self) -> Any:
        return await asyncpg.connect(
            self._url, timeout=_CONNECT_SECONDS, command_timeout=15, server_settings=self._settings
        )

    @asynccontextmanager
    async def _exclusive(self, environment: str) -> AsyncIterator[AsyncConnection]:
        async with self.engine.begin() as connection:
            row = select(ENVIRONMENTS.c.environment).where(ENVIRONMENTS.c.environment == environment)
            await connection.execute(row.with_for_update())
            yield connection

    @asynccontextmanager
    async def _lasting_less(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.begin() as connection:
            await connection.execute(text("SET LOCAL synchronous_commit TO off"))
            yield connection

    @asynccontextmanager
    async def _moment(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection

    async def notify(self, connection: AsyncConnection, environment: str) -> None:
        """Tell other replicas, once this transaction is committed."""
        await connection.execute(
            text("SELECT pg_notify(:channel, :environment)").bindparams(channel=CHANNEL, environment=environment)
        )

    async def listen(self, heard: Callable[[str], None], lost: Callable[[str], None]) -> None:
        """Hear what other replicas tell, until cancelled.

        Args:
            heard: called with an environment's name; with "" after each connection, for everything.
            lost: called with the reason when the connection is lost, with "" when it is there again.
        """
        pause = 0.05
        while True:
            try:
                await self._listen(heard, lost)
                pause = 0.05
            except Failures as error:
                lost(f"the database does not answer: {str(error) or type(error).__name__}")
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- spreads load, no secret
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _listen(self, heard: Callable[[str], None], lost: Callable[[str], None]) -> None:
        connection = await self._connect()
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: heard(payload))
            lost("")
            heard("")
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ALIVE_SECONDS):
                        await ended.wait()
                if not ended.is_set():
                    # A connection that is half open says nothing by itself.
                    await connection.execute("SELECT 1", timeout=_ALIVE_SECONDS)
            lost("the database has closed the connection")
        finally:
            connection.terminate()


async def open_postgres(url: str, *, lock_seconds: float) -> PostgresDatabase:
    """Connect, and make the tables where there are none.

    Raises:
        InputError: the address cannot be read.
        EngineError: the database does not answer, or is of another program.
    """
    try:
        database = PostgresDatabase(url, lock_seconds)
        async with database.engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=_CREATING))
            await connection.run_sync(create_or_check)
    except (ValueError, asyncpg.ClientConfigurationError) as error:
        fix = "Write postgresql://user@host:5432/database; the password comes from PGPASSWORD or a password file."
        raise InputError.single("the database's address", "cannot be read", fix) from error
    except Failures as error:
        raise EngineError(f"the database does not answer: {database.judge_failure(error)}") from error
    return database
