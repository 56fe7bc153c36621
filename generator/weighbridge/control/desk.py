"""The desk at which orders of one environment are taken: judged under its lock, kept, and only then answered.

Orders that arrive while others are being kept are judged and kept together, in one transaction, so that a burst costs
few waits for the disk. Judging and signing happen in a thread, as the live key may be in a device far away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from weighbridge.control.judge import MAX_AGE_NS, judge_order
from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.shown import order_result
from weighbridge.control.store import log
from weighbridge.control.store.log import PendingOrder
from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from weighbridge.control.answers import OrderResult
    from weighbridge.control.entry import Entry
    from weighbridge.control.judge import Judgement, Submission
    from weighbridge.control.ledger import Ledger
    from weighbridge.control.signer import Signer
    from weighbridge.control.state import State
    from weighbridge.control.store.database import Database

_AT_ONCE = 64
MAX_WAITING = 2000
"""Orders of one environment that may wait to be judged."""
_LOG = logging.getLogger(__name__)


class _Asked(NamedTuple):
    submission: Submission
    answered: asyncio.Future[OrderResult]


@dataclass
class _Judged:
    """What one batch comes to."""

    state: State
    judgements: list[Judgement] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    waiting: dict[str, PendingOrder] = field(default_factory=dict)
    """To be kept, by `Submission.sha256`."""
    settled: set[str] = field(default_factory=set)
    """Waited before, and wait no more."""


class Desk:
    """Where orders of one environment are taken.

    Args:
        ledger: what is known of the environment.
        database: where the log is kept.
        signer: has the live keys.
        kept: awaited when entries are committed, before they are answered.
    """

    def __init__(self, ledger: Ledger, database: Database, signer: Signer, kept: Callable[[], Awaitable[None]]) -> None:
        self._ledger = ledger
        self._database = database
        self._signer = signer
        self._kept = kept
        self._asked: list[_Asked] = []
        self._arrived = asyncio.Event()

    async def submit(self, submission: Submission) -> OrderResult:
        """Judge an order, and keep it if it is accepted.

        Raises:
            UnavailableError: it could not be kept, or too many wait.
        """
        if len(self._asked) >= MAX_WAITING:
            raise UnavailableError("too many orders wait to be judged")
        asked = _Asked(submission, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._arrived.set()
        return await asked.answered

    async def run(self) -> None:
        """Take orders until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._asked:
                batch, self._asked = self._asked[:_AT_ONCE], self._asked[_AT_ONCE:]
                await self._answer(batch)

    async def _answer(self, batch: Sequence[_Asked]) -> None:
        try:
            async with self._ledger.lock:
                judged = await self._keep([asked.submission for asked in batch])
            if judged.entries:
                await self._kept()
        except WeighbridgeError as error:
            _fail(batch, error if isinstance(error, UnavailableError) else UnavailableError(str(error)))
        except Exception as error:  # whatever it is, whoever waits must hear that nothing is known to be accepted
            _LOG.exception("orders of %s could not be judged", self._ledger.environment)
            _fail(batch, UnavailableError(f"the control plane failed: {type(error).__name__}"))
        else:
            for asked, judgement in zip(batch, judged.judgements, strict=True):
                if not asked.answered.done():
                    asked.answered.set_result(order_result(judgement, self._ledger))

    async def _keep(self, submissions: Sequence[Submission]) -> _Judged:
        ledger, environment = self._ledger, self._ledger.environment
        async with self._database.writing(environment) as connection:
            await ledger.catch_up(connection)
            now = time.time_ns()
            waiting = await log.pending_orders(connection, environment, now - MAX_AGE_NS)
            judged = await asyncio.to_thread(self._judge, submissions, waiting, now)
            await log.append(connection, judged.entries)
            for order in judged.waiting.values():
                await log.keep_pending(connection, environment, order)
            if judged.waiting or judged.settled:
                await log.drop_pending(connection, environment, judged.settled, now - MAX_AGE_NS)
                ledger.pending = await log.pending_orders(connection, environment, now - MAX_AGE_NS)
            if judged.entries or judged.waiting:
                await self._database.notify(connection, environment)
        if judged.entries:
            ledger.take(judged.entries, judged.state)
        return judged

    def _judge(self, submissions: Sequence[Submission], waiting: Sequence[PendingOrder], now: int) -> _Judged:
        judged = _Judged(self._ledger.state)
        known = {order.sha256: order for order in waiting}
        for submission in submissions:
            before = known.get(submission.sha256)
            judgement = judge_order(
                submission,
                environment=self._ledger.environment,
                control=judged.state.release,
                state=judged.state,
                at_ns=now,
                pending=before.envelope if before else None,
            )
            judged.judgements.append(self._append(judged, judgement, now))
            if judgement.pending is not None:
                first_ns = before.first_ns if before else now
                order = PendingOrder(
                    submission.sha256, judgement.order_id, judgement.pending, judgement.missing_signatures, first_ns
                )
                known[submission.sha256] = judged.waiting[submission.sha256] = order
            elif before is not None and judgement.outcome != "refused":
                judged.settled.add(submission.sha256)
                judged.waiting.pop(submission.sha256, None)
        return judged

    def _append(self, judged: _Judged, judgement: Judgement, now: int) -> Judgement:
        if judgement.accepted is None:
            return judgement
        entry = self._signer.entry(judgement.accepted, judged.state, now)
        judged.state = judged.state.apply(entry)
        judged.entries.append(entry)
        return judgement


def _fail(batch: Sequence[_Asked], error: UnavailableError) -> None:
    for asked in batch:
        if not asked.answered.done():
            asked.answered.set_exception(error)
