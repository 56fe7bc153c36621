"""Reports by the thousand: those that arrive within some milliseconds are stored together.

Of one point the newest counts. What cannot be stored now is kept and tried again; the number of points that wait is
bounded, and so is the number of points that one credential may have: a stolen one fills no database. A point that
reports what was never issued raises an alarm.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge.control.plane_parts import Alarm, UnavailableError
from weighbridge.control.report import merged, worth_writing
from weighbridge.control.store import published, reports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from weighbridge.control.ledger import Ledger
    from weighbridge.control.plane_parts import PlaneTimes
    from weighbridge.control.receipt import Receipt
    from weighbridge.control.report import Report
    from weighbridge.control.store.database import Database

MAX_WAITING = 50_000
_AT_ONCE = 128
"""Reports of one transaction: an order waits for no more of them."""
_RETRY_SECONDS = 1.0
_LIVE = re.compile(r"(?P<environment>.+)-live-(?P<sequence>[0-9]{1,18})-[0-9]+")
_LOG = logging.getLogger(__name__)


class ReportIntake:
    """Stores reports.

    Args:
        database: where.
        ledgers: by environment.
        times: how patient to be.
        stored: called with the environments of which something was stored.

    Attributes:
        alarms: how many were raised, by environment and kind.
    """

    def __init__(
        self,
        database: Database,
        ledgers: Mapping[str, Ledger],
        times: PlaneTimes,
        stored: Callable[[Collection[str]], None],
    ) -> None:
        self._database = database
        self._ledgers = ledgers
        self._times = times
        self._stored = stored
        self._waiting: dict[reports.PointKey, Report] = {}
        # Asking the database each time would hold up orders: SQLite has one writer.
        self._written: dict[reports.PointKey, Receipt] = {}
        self._arrived = asyncio.Event()
        self._told: set[tuple[str, str, str, str]] = set()
        self.alarms: Counter[tuple[str, str]] = Counter()

    def take(self, report: Report) -> None:
        """Take a report, to be stored soon.

        Raises:
            UnavailableError: too many wait.
        """
        if report.key not in self._waiting:
            if self._said_before(report):
                return
            if len(self._waiting) >= MAX_WAITING:
                raise UnavailableError("too many reports wait to be stored")
        # Until it is stored it is not known what the point said last.
        self._written.pop(report.key, None)
        self._waiting[report.key] = report
        self._arrived.set()

    def _said_before(self, report: Report) -> bool:
        """Whether it says what was written down a moment ago: an idle OPA posts one every second or two."""
        written = self._written.get(report.key)
        return written is not None and not worth_writing(merged(report, written), written)

    def _remember(self, written: Sequence[Receipt]) -> None:
        if len(self._written) + len(written) > MAX_WAITING:
            self._written.clear()
        self._written.update((reports.key_of(receipt), receipt) for receipt in written)

    async def run(self) -> None:
        """Store reports until cancelled."""
        failed = False
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_RETRY_SECONDS if failed else self._times.batch)
            self._arrived.clear()
            batch, self._waiting = self._waiting, {}
            failed = not await self._try(batch)

    async def flush(self) -> None:
        """Store what waits, for the last time."""
        batch, self._waiting = self._waiting, {}
        if batch:
            await self._try(batch)

    async def _try(self, batch: dict[reports.PointKey, Report]) -> bool:
        """Store a batch piece by piece; what could not be stored waits again."""
        given = list(batch.items())
        for start in range(0, len(given), _AT_ONCE):
            piece = dict(given[start : start + _AT_ONCE])
            try:
                await self._store(piece)
            except UnavailableError as error:
                _LOG.error("%d reports wait: %s", len(given) - start, error)
                self._waiting = dict(given[start:]) | self._waiting
                self._arrived.set()
                return False
            self._stored({key[0] for key in piece})
        return True

    async def _store(self, batch: Mapping[reports.PointKey, Report]) -> None:
        async with self._database.reporting() as connection:
            given = await self._with_revisions(connection, list(batch.values()))
            known = await reports.receipts_of(connection, list(batch))
            given = await self._within_bounds(connection, given, known)
            receipts = [merged(report, known.get(report.key)) for report in given]
            changed = [receipt for receipt in receipts if worth_writing(receipt, known.get(reports.key_of(receipt)))]
            await reports.put_receipts(connection, changed)
            await self._raise(connection, await self._unknown(connection, changed))
        self._remember(changed)

    async def _with_revisions(self, connection: AsyncConnection, given: Sequence[Report]) -> list[Report]:
        """Agents tell a sequence; what was issued with it has a revision."""
        found = []
        for report in given:
            if report.live_sequence:
                revision = await published.revision_of(connection, report.key[0], report.live_sequence)
                told = revision or f"{report.key[0]}-live-{report.live_sequence}-0"
                found.append(replace(report, live_revision=told))
            else:
                found.append(report)
        return found

    async def _within_bounds(
        self, connection: AsyncConnection, given: Sequence[Report], known: Mapping[reports.PointKey, Receipt]
    ) -> list[Report]:
        """Leave out points that are one too many for their credential, after making room where others are silent."""
        kept: list[Report] = []
        counts: dict[tuple[str, str], int] = {}
        for report in given:
            environment, kind, cluster, _ = report.key
            if report.key in known or kind == "agent":
                kept.append(report)
                continue
            place = environment, cluster
            if place not in counts:
                counts[place] = await reports.count_of(connection, *place)
            if counts[place] >= report.allowed:
                silent_ns = report.at_ns - int(self._times.silent * 10**9)
                counts[place] -= await reports.forget_silent(connection, environment, silent_ns, cluster)
            if counts[place] >= report.allowed:
                detail = f"more than {report.allowed} sidecars report by one credential"
                alarm = Alarm(environment, "too-many-sidecars", cluster, detail, report.at_ns, report.at_ns, 1)
                await self._raise(connection, [alarm])
                continue
            counts[place] += 1
            kept.append(report)
        return kept

    async def _unknown(self, connection: AsyncConnection, receipts: Sequence[Receipt]) -> list[Alarm]:
        """Alarms about receipts that name what was never issued."""
        named: dict[str, set[str]] = {}
        for receipt in receipts:
            ledger = self._ledgers.get(receipt.environment)
            newest = ledger.published.publication.revision if ledger and ledger.published else ""
            if receipt.live_revision not in {"", newest}:
                named.setdefault(receipt.environment, set()).add(receipt.live_revision)
        issued = {
            environment: await published.issued(connection, environment, revisions)
            for environment, revisions in named.items()
        }
        found = []
        for receipt in receipts:
            environment, revision = receipt.environment, receipt.live_revision
            strange = revision in named.get(environment, ()) and revision not in issued[environment]
            if strange and not self._before_rebuilding(environment, revision):
                found.append(_alarm(receipt, "unknown-live", f"reports live data {revision}, never issued here"))
            ledger = self._ledgers.get(environment)
            release = receipt.release_revision
            if release and (ledger is None or release not in ledger.announced):
                found.append(_alarm(receipt, "unknown-release", f"reports release {release}, never announced here"))
        return found

    def _before_rebuilding(self, environment: str, revision: str) -> bool:
        """Whether it may have been issued by a database that was lost."""
        ledger, match = self._ledgers.get(environment), _LIVE.fullmatch(revision)
        if ledger is None or match is None or match["environment"] != environment:
            return False
        return int(match["sequence"]) <= ledger.rebuilt_ns // 10**6

    async def _raise(self, connection: AsyncConnection, alarms: Sequence[Alarm]) -> None:
        await reports.raise_alarms(connection, alarms)
        for alarm in alarms:
            self.alarms[alarm.environment, alarm.kind] += 1
            which = (alarm.environment, alarm.kind, alarm.subject, alarm.detail)
            if which not in self._told and len(self._told) < reports.MAX_ALARMS:
                self._told.add(which)
                _LOG.warning("alarm in %s: %s %s", alarm.environment, alarm.subject, alarm.detail)


def _alarm(receipt: Receipt, kind: str, detail: str) -> Alarm:
    at_ns = receipt.last_seen_ns
    return Alarm(receipt.environment, kind, f"{receipt.cluster}/{receipt.id}", detail, at_ns, at_ns, 1)
