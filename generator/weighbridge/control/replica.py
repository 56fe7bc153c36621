"""One replica at work: the environments, what runs in the background, and how it starts and ends.

Order of steps at the start: open the store; read and verify every environment; begin to take orders, to publish and to
listen to other replicas; take in the folder of bundles; wait until what was found is published.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from weighbridge.control.clocks import Clocks
from weighbridge.control.ending import end_tasks
from weighbridge.control.environment import Environment, Tools, known_environments
from weighbridge.control.intake import read_releases, watched
from weighbridge.control.ledger import Trusted
from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.release_desk import ReleaseDesk
from weighbridge.control.report_intake import ReportIntake
from weighbridge.control.resources import Resources
from weighbridge.control.signer import Signer
from weighbridge.control.store import log
from weighbridge.control.store.opening import open_database
from weighbridge.control.store.postgres import PostgresDatabase
from weighbridge.errors import EngineError, InputError, WeighbridgeError
from weighbridge.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from weighbridge.control.intake import GivenRelease
    from weighbridge.control.ledger import Ledger
    from weighbridge.control.plane_parts import AnnouncedRelease, PlaneSettings

_LOG = logging.getLogger(__name__)
_PUBLISH_SECONDS = 10.0
"""How long a start waits until everything is published; then the replica is there, and says that it is not ready."""
_MAINTAIN_SECONDS = 3600.0


class Replica:
    """One replica.

    Args:
        settings: what it is told.

    Attributes:
        resources: what it serves.
        environments: by name.
        ledgers: by the same names.
        subscribed: who is called with an environment's name when something new is served of it.
        running: whether it takes anything.

    Raises:
        InputError: no live key, or no release key.
    """

    def __init__(self, settings: PlaneSettings) -> None:
        if not settings.release_keys:
            raise InputError.single("", "no release key is given", "Name its public half with --release-key.")
        self.settings = settings
        self.resources = Resources()
        self.environments: dict[str, Environment] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.subscribed: list[Callable[[str], None]] = []
        self.running = False
        self._signer = Signer(settings.live_keys, pss=settings.pss)
        self._desks: dict[str, ReleaseDesk] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._announcing = asyncio.Lock()
        self._lost = self._refused = self._waits = ""

    async def start(self) -> None:
        """See `ControlPlane.start`."""
        settings = self.settings
        live = {fingerprint(key.public_key()): key.public_key() for key in settings.live_keys}
        past = {fingerprint(key): key for key in settings.log_keys}
        trusted = Trusted(past | live, list(live.values()), settings.release_keys)
        self.database, self._copy = await open_database(settings.database, lock_seconds=settings.times.lock)
        self._tools = Tools(self.database, self._signer, trusted, settings.times, self._copy)
        self.intake = ReportIntake(self.database, self.ledgers, settings.times, self._reported)
        try:
            await self._load()
            self._begin()
            await self._first_release()
            await self._until_published()
        except BaseException as error:
            await self.stop()
            if isinstance(error, UnavailableError):
                raise EngineError(f"the control plane cannot start: {error}") from error
            raise

    async def stop(self) -> None:
        """See `ControlPlane.stop`."""
        self.running = False
        await end_tasks(self._tasks)
        for environment in self.environments.values():
            await environment.stop()
        await self.intake.flush()
        await self.database.close()

    async def announce(self, folder: Path) -> list[AnnouncedRelease]:
        """See `ControlPlane.announce`."""
        async with self._announcing:
            given = await asyncio.to_thread(read_releases, folder, self.settings.release_keys)
            for release in given:
                if release.control.environment in self._desks:
                    self._desks[release.control.environment].check(release)
            found = [await self._announce(release) for release in given]
        self._refused = ""
        return found

    def not_ready(self) -> Iterable[str]:
        """See `ControlPlane.not_ready`."""
        if not self.running:
            yield "the control plane is not running"
            return
        yield self._lost
        if self._signer.failure:
            yield f"the live key does not sign: {self._signer.failure}"
        if self.database.damage:
            yield f"the database is damaged: {self.database.damage}"
        if not self.ledgers:
            yield self._refused or "no release was announced yet"
        for name, environment in sorted(self.environments.items()):
            yield environment.failure
            yield environment.publisher.failure
            published = environment.ledger.published
            if published is None or published.publication.not_after_ns <= time.time_ns():
                yield f"live data of {name} has ended, or was never published"

    async def _load(self) -> None:
        names = await known_environments(self.database)
        for name in sorted({*names, *(self._copy.environments() if self._copy else ())}):
            await self._add(name).load()

    def _add(self, name: str) -> Environment:
        environment = Environment(name, self._tools, self.resources, self._changed)
        self._desks[name] = ReleaseDesk(environment, self._tools)
        self.environments[name], self.ledgers[name] = environment, environment.ledger
        return environment

    def _begin(self) -> None:
        for environment in self.environments.values():
            environment.start()
        running = [self.intake.run(), self._tick(), self._maintain()]
        if isinstance(self.database, PostgresDatabase):
            running.append(self.database.listen(self._heard, self._lost_because))
        self._tasks = [asyncio.create_task(run) for run in running]
        self.running = True

    async def _first_release(self) -> None:
        """Take in the folder of bundles, and begin to watch it. With a release at hand a bad folder stops nothing."""
        folder = self.settings.bundles
        if folder is None:
            return
        changes = watched(folder)
        next(changes)
        try:
            await self.announce(folder)
        except InputError as error:
            if not self.ledgers:
                raise
            self._refuse(error)
        self._tasks.append(asyncio.create_task(self._watch(folder, changes)))

    async def _until_published(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PUBLISH_SECONDS):
                while any(environment.publisher.behind for environment in self.environments.values()):
                    await asyncio.sleep(0.01)

    async def _announce(self, release: GivenRelease) -> AnnouncedRelease:
        name = release.control.environment
        if name not in self.environments:
            async with self.database.writing(name) as connection:
                await log.ensure_environment(connection, name)
            self._add(name).start()
        return await self._desks[name].announce(release)

    async def _watch(self, folder: Path, changes: Iterator[bool]) -> None:
        """Take in what `compile` writes there. What is refused is looked at again once it is another."""
        again = False
        for changed in changes:
            if changed or again:
                again = await self._try_announcing(folder)
            await asyncio.sleep(self.settings.times.watch)

    async def _try_announcing(self, folder: Path) -> bool:
        """Whether it is to be tried again."""
        try:
            await self.announce(folder)
        except InputError as error:
            self._refuse(error)
        except WeighbridgeError as error:
            if str(error) != self._waits:
                _LOG.warning("%s is not announced yet: %s", folder, error)
            self._waits = str(error)
            return True
        self._waits = ""
        return False

    def _refuse(self, error: InputError) -> None:
        self._refused = f"the release in {self.settings.bundles} is refused: {error}"
        _LOG.error("%s", self._refused)

    async def _tick(self) -> None:
        clocks = Clocks()
        while True:
            await asyncio.sleep(self.settings.times.tick)
            if clocks.jumped():
                for environment in self.environments.values():
                    environment.publisher.wake(anew=True)
            for environment in self.environments.values():
                if environment.failure and not isinstance(self.database, PostgresDatabase):
                    environment.hear()
            await self._roll(self._desks)

    async def _roll(self, names: Collection[str]) -> None:
        for name in list(names):
            desk = self._desks.get(name)
            if desk is None or not desk.rolling:
                continue
            try:
                await desk.roll()
            except WeighbridgeError as error:
                _LOG.warning("the roll-out in %s waits: %s", name, error)

    async def _maintain(self) -> None:
        while True:
            for environment in list(self.environments.values()):
                with contextlib.suppress(UnavailableError):
                    await environment.maintain()
            await asyncio.sleep(_MAINTAIN_SECONDS)

    def _heard(self, name: str) -> None:
        """Another replica has written something of an environment; "" is all of them."""
        if name in self.environments:
            self.environments[name].hear()
            return
        for environment in self.environments.values():
            environment.hear()
        self._tasks.append(asyncio.create_task(self._discover()))
        self._tasks[-1].add_done_callback(self._tasks.remove)

    async def _discover(self) -> None:
        try:
            found = await known_environments(self.database)
        except UnavailableError:
            return  # once the database is back, everything is read again
        for name in found:
            if name not in self.environments:
                environment = self._add(name)
                environment.start()
                environment.hear()

    def _lost_because(self, reason: str) -> None:
        if reason and not self._lost:
            _LOG.error("other replicas are not heard: %s", reason)
        elif self._lost and not reason:
            _LOG.info("other replicas are heard again")
        self._lost = reason

    def _reported(self, names: Collection[str]) -> None:
        rolling = [name for name in names if name in self._desks and self._desks[name].rolling]
        if rolling and self.running:
            task = asyncio.create_task(self._roll(rolling))
            self._tasks.append(task)
            task.add_done_callback(self._tasks.remove)

    def _changed(self, name: str) -> None:
        for called in self.subscribed:
            called(name)
