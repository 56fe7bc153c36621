"""A database that is open: transactions on it, and its errors turned into ours.

Whoever writes holds it alone: SQLite as a whole (one process, see `sqlite.py`), PostgreSQL by the row of one
environment. What goes wrong becomes `UnavailableError`: nothing was written. A SQLite file that is found to be damaged
is not written to again.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.store.schema import META, METADATA, VERSION
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    Block = AbstractAsyncContextManager[AsyncConnection]

_LOG = logging.getLogger(__name__)
_VERSION_NAME = "schema"
_DAMAGED = ("malformed", "not a database", "disk image")
REBUILD = "Stop the server, put the file aside, and run `weighbridge orders rebuild` with the published log."
"""What to do about a damaged database."""
Failures = (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
"""What a database may raise."""


class Database(ABC):
    """An open database.

    Attributes:
        engine: SQLAlchemy's.
        damage: what is damaged; "" while nothing is known to be.
    """

    kind: str

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.damage = ""

    @asynccontextmanager
    async def writing(self, environment: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that nobody else can have for this environment; committed at the end of the block.

        Raises:
            UnavailableError: the database did not take it; nothing was written.
        """
        with self._failures():
            async with self._exclusive(environment) as connection:
                yield connection

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for receipts and alarms, which may be lost with the power.

        Raises:
            UnavailableError: as above.
        """
        with self._failures():
            async with self._lasting_less() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment.

        Raises:
            UnavailableError: the database does not answer.
        """
        with self._failures():
            async with self._moment() as connection:
                yield connection

    @abstractmethod
    def _exclusive(self, environment: str) -> Block:
        """A transaction that holds the environment."""

    @abstractmethod
    def _lasting_less(self) -> Block:
        """A transaction that need not be on the disk once it is committed."""

    @abstractmethod
    def _moment(self) -> Block:
        """A transaction that only reads."""

    @abstractmethod
    async def notify(self, connection: AsyncConnection, environment: str) -> None:
        """Tell other replicas, once this transaction is committed, that there is something new."""

    async def close(self) -> None:
        """Give everything back."""
        await self.engine.dispose()

    def _failures(self) -> _Failing:
        return _Failing(self)

    def judge_failure(self, error: BaseException) -> UnavailableError:
        """What an error of the database means."""
        text = _told(error)
        if self.kind == "sqlite" and any(sign in text for sign in _DAMAGED):
            if not self.damage:
                _LOG.critical("the database is damaged: %s. %s", text, REBUILD)
            self.damage = text
            return UnavailableError(f"the database is damaged, so nothing is accepted: {text}")
        return UnavailableError(f"the database did not take it: {text}")


class _Failing:
    """Turns what a database raises into our own error."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        if self._database.damage:
            raise UnavailableError(f"the database is damaged, so nothing is accepted: {self._database.damage}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Failures) and not isinstance(error, asyncio.CancelledError):
            raise self._database.judge_failure(error) from error


def _told(error: BaseException) -> str:
    """The database's own words, without the statement, its parameters and links to a manual."""
    cause = getattr(error, "orig", None) or error
    text = " ".join(str(cause).split()) or type(cause).__name__
    return text.partition(">: ")[2][:300] or text[:300]


def create_or_check(connection: Connection) -> None:
    """Create the tables in an empty database; refuse one of a newer program or of something else.

    Raises:
        EngineError: it is not one of ours, or newer.
    """
    tables = set(inspect(connection).get_table_names())
    if META.name not in tables:
        foreign = sorted(tables & set(METADATA.tables))
        if foreign:
            raise EngineError(f"the database holds {foreign[0]}, and was not made by Weighbridge. Name an empty one.")
        METADATA.create_all(connection)
        connection.execute(insert(META).values(name=_VERSION_NAME, value=str(VERSION)))
        return
    found = connection.execute(select(META.c.value).where(META.c.name == _VERSION_NAME)).scalar_one_or_none()
    if found != str(VERSION):
        raise EngineError(f"the database has schema {found}, and this program knows {VERSION}. Use a newer program.")
