"""One environment at work in one replica: its ledger, the desk for orders, the publisher, and what is served of it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from weighbridge.control.desk import Desk
from weighbridge.control.ending import end_tasks
from weighbridge.control.ledger import Ledger
from weighbridge.control.publisher import Publisher
from weighbridge.control.store import log, published, releases, reports
from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from weighbridge.control.ledger import Trusted
    from weighbridge.control.plane_parts import PlaneTimes
    from weighbridge.control.resources import Resources
    from weighbridge.control.signer import Signer
    from weighbridge.control.store.database import Database
    from weighbridge.control.store.log_copy import LogCopy

_KEPT_SILENT_NS = 24 * 3600 * 10**9
"""For how long a point is remembered that says nothing: each restart of a sidecar is a new one."""
_LOG = logging.getLogger(__name__)


class Tools:
    """What all environments of one replica share.

    Args:
        database: where everything is kept.
        signer: has the live keys.
        trusted: whose signatures count.
        times: how patient to be.
        copy: of the log, beside a SQLite database.
    """

    def __init__(
        self, database: Database, signer: Signer, trusted: Trusted, times: PlaneTimes, copy: LogCopy | None
    ) -> None:
        self.database = database
        self.signer = signer
        self.trusted = trusted
        self.times = times
        self.copy = copy


class Environment:
    """One environment.

    Args:
        name: of it.
        tools: shared with the others.
        resources: what this replica serves.
        changed: called when something new is served.

    Attributes:
        ledger: what is known of it.
        failure: why the store could not be read the last time; "" if it could.
    """

    def __init__(self, name: str, tools: Tools, resources: Resources, changed: Callable[[str], None]) -> None:
        self.ledger = Ledger.empty(name, tools.trusted)
        self.failure = ""
        self.desk = Desk(self.ledger, tools.database, tools.signer, self.kept)
        self.publisher = Publisher(
            self.ledger, tools.database, tools.signer, coalesce=tools.times.coalesce, done=self._published
        )
        self._tools = tools
        self._resources = resources
        self._changed = changed
        self._served_release = ("", "")
        self._release_paths: frozenset[str] = frozenset()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def name(self) -> str:
        """Of the environment."""
        return self.ledger.environment

    async def load(self) -> None:
        """Read everything for the first time.

        Raises:
            InputError: what the store has is not what it must be.
            UnavailableError: the store does not answer.
        """
        await self._read()
        if self.ledger.published is not None and self.ledger.published.issued_ns > time.time_ns() + 2 * 10**9:
            _LOG.warning("%s was published in the future: the clock was set back; it is issued anew", self.name)
            self.publisher.wake(anew=True)
        release = self.ledger.state.release
        if release is not None:
            async with self._tools.database.reading() as connection:
                control = await releases.control_of(connection, self.name, release.revision)
            await asyncio.to_thread(self.ledger.check_release_key, control or b"")
        if self._tools.copy is not None:
            await asyncio.to_thread(self._tools.copy.check, self.name, [entry.text for entry in self.ledger.entries])

    def start(self) -> None:
        """Begin to take orders and to publish."""
        running = (self.desk.run(), self.publisher.run(), self._follow())
        self._tasks = [asyncio.create_task(run) for run in running]

    async def stop(self) -> None:
        """End what runs."""
        await end_tasks(self._tasks)

    def hear(self) -> None:
        """Another replica has written something."""
        self._news.set()

    async def kept(self) -> None:
        """Entries were committed: publish them, and copy them."""
        self.publisher.wake()
        if self._tools.copy is not None:
            await asyncio.to_thread(self._tools.copy.write, self.name, [entry.text for entry in self.ledger.entries])

    async def refresh(self) -> bool:
        """Read what is new; whether the store could be read, and held nothing wrong."""
        try:
            await self._read()
        except WeighbridgeError as error:
            if str(error) != self.failure:
                _LOG.error("%s cannot be read: %s", self.name, error)
            self.failure = str(error)
            return False
        self.failure = ""
        self.publisher.wake()
        return True

    async def maintain(self) -> None:
        """Let go what nobody asks for any more."""
        now, kept = time.time_ns(), self._kept_releases()
        async with self._tools.database.reporting() as connection:
            await published.forget(connection, self.name, now - published.KEPT_NS)
            await reports.forget_silent(connection, self.name, now - _KEPT_SILENT_NS)
            if kept:
                await releases.prune(connection, self.name, kept)

    def _kept_releases(self) -> set[str]:
        state = self.ledger.state
        named = {given.revision for given in (state.release, state.settled) if given is not None}
        return named | {self._served_release[0]} if self._served_release[0] else set()

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if not await self.refresh():
                await asyncio.sleep(self._tools.times.tick)
                self._news.set()

    async def _read(self) -> None:
        async with self.ledger.lock, self._tools.database.reading() as connection:
            await self.ledger.catch_up(connection)
            if await self.ledger.read_published(connection):
                self._published()
            await self.ledger.read_rest(connection)
            await self._read_release(connection)

    async def _read_release(self, connection: AsyncConnection) -> None:
        """Serve the newest release that is to be served."""
        served = [given for given in self.ledger.releases.values() if given.served_ns]
        newest = max(served, key=lambda given: self.ledger.announced[given.revision].number, default=None)
        if newest is None or self._served_release == (newest.revision, newest.files_sha256):
            return
        files = await releases.files_of(connection, self.name, newest.revision)
        given = {f"{self.name}/{path}": data for path, data in files.items()}
        self._serve_live()
        self._resources.put(given)
        for path in self._release_paths - set(given):
            self._resources.withdraw(path)
        self._release_paths = frozenset(given)
        self._served_release = (newest.revision, newest.files_sha256)
        self._changed(self.name)

    def _published(self) -> None:
        if self._serve_live():
            self._changed(self.name)

    def _serve_live(self) -> bool:
        """Serve the newest publication; whether anything of it is new."""
        if self.ledger.published is None:
            return False
        return self._resources.put(
            {
                f"{self.name}/keys/{key}/{name}" if key else f"{self.name}/{name}": data
                for (key, name), data in self.ledger.published.files.items()
            }
        )


async def known_environments(database: Database) -> list[str]:
    """Those that the store has."""
    async with database.reading() as connection:
        return await log.environments(connection)
