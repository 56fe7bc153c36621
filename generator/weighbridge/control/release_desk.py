"""The desk at which releases of one environment are taken, and moved along until they are settled."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge.control.entry import Announced, Settled
from weighbridge.control.plane_parts import AnnouncedRelease
from weighbridge.control.rollout import Rollout, next_step
from weighbridge.control.store import log, published, releases, reports
from weighbridge.control.store.releases import StoredRelease
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from weighbridge.control.control_data import ControlData
    from weighbridge.control.entry import Content, Entry
    from weighbridge.control.environment import Environment, Tools
    from weighbridge.control.intake import GivenRelease
    from weighbridge.control.plane_parts import ReleaseOutcome as Outcome
    from weighbridge.control.state import State

_LOG = logging.getLogger(__name__)


class ReleaseDesk:
    """Takes releases of one environment.

    Args:
        environment: whose.
        tools: shared with the others.
    """

    def __init__(self, environment: Environment, tools: Tools) -> None:
        self._environment = environment
        self._ledger = environment.ledger
        self._tools = tools

    def check(self, given: GivenRelease) -> None:
        """Refuse a release that was superseded.

        Raises:
            InputError: it was.
        """
        present, revision = self._ledger.state.release, given.control.revision
        if revision in self._ledger.announced and (present is None or present.revision != revision):
            raise InputError.single(
                f"{given.control.environment}/control.tar.gz",
                f"is release {revision}, which was superseded; old releases are not taken again",
                "Go back by compiling the catalogue as it was; with another time, that is another release.",
            )

    async def announce(self, given: GivenRelease) -> AnnouncedRelease:
        """Take a release that was verified.

        Raises:
            InputError: it was superseded.
            UnavailableError: the store could not keep it.
        """
        ledger, control = self._ledger, given.control
        entries: list[Entry]
        async with ledger.lock:
            async with self._tools.database.writing(ledger.environment) as connection:
                await ledger.catch_up(connection)
                self.check(given)
                present = ledger.state.release
                if present is not None and present.revision == control.revision:
                    outcome = await self._update(connection, given)
                    entries, state = [], ledger.state
                else:
                    outcome = "announced"
                    entries, state = await self._announced(connection, given)
            ledger.take(entries, state)
        if self._tools.copy is not None:
            data = given.files[releases.CONTROL_FILE]
            await asyncio.to_thread(self._tools.copy.keep_control, ledger.environment, control.revision, data)
        if outcome != "unchanged":
            _LOG.info("release %s of %s is %s", control.revision, ledger.environment, outcome)
            await self._environment.kept()
            await self._environment.refresh()
        return AnnouncedRelease(ledger.environment, control.revision, outcome)

    async def roll(self) -> None:
        """Move a roll-out along, if there is one and it is time.

        Raises:
            UnavailableError: the store could not keep it.
        """
        rollout = await self._rollout()
        if rollout is None:
            return
        async with self._tools.database.reading() as connection:
            known = await reports.receipts(connection, self._ledger.environment)
            named = {receipt.live_revision for receipt in known}
            sequences = await published.issued(connection, self._ledger.environment, named)
        step = next_step(rollout, known, sequences, time.time_ns(), self._tools.times)
        if step == "serve":
            await self._serve(rollout.revision)
        elif step == "settle":
            await self._settle(rollout.revision)

    @property
    def rolling(self) -> bool:
        """Whether a roll-out is on its way."""
        state = self._ledger.state
        if state.release is None:
            return False
        return state.settled is None or state.settled.revision != state.release.revision

    async def _rollout(self) -> Rollout | None:
        release = self._ledger.state.release
        if release is None or not self.rolling or release.revision not in self._ledger.releases:
            return None
        entry = self._ledger.announced[release.revision]
        async with self._tools.database.reading() as connection:
            first = await published.first_with(connection, self._ledger.environment, entry.number)
        until_ns = entry.content.until_ns if isinstance(entry.content, Announced) else None
        return Rollout(release.revision, first, self._ledger.releases[release.revision].served_ns, until_ns or 0)

    async def _serve(self, revision: str) -> None:
        environment = self._ledger.environment
        async with self._tools.database.writing(environment) as connection:
            await releases.serve(connection, environment, revision, time.time_ns())
            await self._tools.database.notify(connection, environment)
        _LOG.info("release %s of %s is served", revision, environment)
        await self._environment.refresh()

    async def _settle(self, revision: str) -> None:
        ledger = self._ledger
        async with ledger.lock:
            async with self._tools.database.writing(ledger.environment) as connection:
                await ledger.catch_up(connection)
                release = ledger.state.release
                if not self.rolling or release is None or release.revision != revision:
                    return
                entries, state = await self._append(connection, [Settled(revision)])
            ledger.take(entries, state)
        _LOG.info("release %s of %s is settled", revision, ledger.environment)
        await self._environment.kept()

    async def _announced(self, connection: AsyncConnection, given: GivenRelease) -> tuple[list[Entry], State]:
        control, present, now = given.control, self._ledger.state.release, time.time_ns()
        # The first one is served and settled at once: nobody runs another.
        stored = StoredRelease(
            control.environment,
            control.revision,
            control.sha256,
            announced_ns=now,
            served_ns=0 if present else now,
            files_sha256=given.files_sha256,
        )
        await releases.put_release(connection, stored, given.files)
        active = {alias: route.active for alias, route in control.routes.items() if route.active is not None}
        until_ns = now + int(self._tools.times.overlap * 10**9) if present else None
        contents: list[Content] = [Announced(control.revision, control.sha256, active, until_ns)]
        if present is None:
            contents.append(Settled(control.revision))
        return await self._append(connection, contents, control)

    async def _update(self, connection: AsyncConnection, given: GivenRelease) -> Outcome:
        """The same release, perhaps by further keys."""
        environment, revision = self._ledger.environment, given.control.revision
        known = {release.revision: release for release in await releases.releases(connection, environment)}[revision]
        if known.files_sha256 == given.files_sha256:
            return "unchanged"
        await releases.put_release(connection, replace(known, files_sha256=given.files_sha256), given.files)
        if not self.rolling:
            # After a rebuilt database: it is settled, and its bundles have come only now.
            await releases.serve(connection, environment, revision, time.time_ns())
        await self._tools.database.notify(connection, environment)
        return "updated"

    async def _append(
        self, connection: AsyncConnection, contents: Sequence[Content], control: ControlData | None = None
    ) -> tuple[list[Entry], State]:
        """Append entries; they count here once the transaction is committed."""
        before, signer = self._ledger.state, self._tools.signer

        def signed() -> tuple[list[Entry], State]:
            state, entries = before, []
            for content in contents:
                entries.append(signer.entry(content, state, time.time_ns()))
                state = state.apply(entries[-1], control if isinstance(content, Announced) else None)
            return entries, state

        entries, state = await asyncio.to_thread(signed)
        await log.append(connection, entries)
        await self._tools.database.notify(connection, self._ledger.environment)
        return entries, state
