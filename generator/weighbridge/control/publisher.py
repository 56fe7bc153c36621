"""Publishing live data of one environment: at once after silence, then at most every 250 ms, and anew before it ends.

Any replica publishes what it finds unpublished, so that nothing is lost with the one that accepted it. A bundle is made
and signed without holding the environment; then, under its lock, it is kept only if nobody published meanwhile. How
long ago that was is measured by the clock that cannot be set, from when this replica heard of it: a replica whose wall
clock is wrong neither hurries nor waits for ever. Sequences rise whatever any clock says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from typing import TYPE_CHECKING

from weighbridge.control.signer import published_at
from weighbridge.control.store import published
from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.ledger import Ledger
    from weighbridge.control.signer import Signer
    from weighbridge.control.store.database import Database

_RETRY_SECONDS = (0.1, 5.0)
_KEYS_PAUSE_SECONDS = 30.0
"""Replicas that have different live keys, while one is being replaced, publish by turns this seldom."""
_SHARE = (0.4, 0.5)
"""Live data is issued anew after this share of its life; by chance in between, so that replicas do not meet."""
_LOG = logging.getLogger(__name__)


class Publisher:
    """Publishes one environment.

    Args:
        ledger: what is known of the environment.
        database: where publications are kept.
        signer: has the live keys.
        coalesce: seconds between two publications.
        done: called after a publication is there to be fetched.

    Attributes:
        failure: why the last attempt failed; "" if it did not.
    """

    def __init__(
        self, ledger: Ledger, database: Database, signer: Signer, *, coalesce: float, done: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._database = database
        self._signer = signer
        self._coalesce = coalesce
        self._done = done
        self._woken = asyncio.Event()
        self._anew = False
        self._share = _chance()
        self.failure = ""

    def wake(self, *, anew: bool = False) -> None:
        """There may be something to publish.

        Args:
            anew: even if nothing has changed, as when the clock was set.
        """
        self._anew = self._anew or anew
        self._woken.set()

    @property
    def behind(self) -> bool:
        """Whether something is to be published now, or as soon as the pause is over."""
        delay = self._delay()
        return delay is not None and (delay <= 0 or self._ledger.unpublished)

    async def run(self) -> None:
        """Publish until cancelled."""
        failures = 0
        while True:
            delay = self._delay()
            if delay is None or delay > 0:
                self._woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._woken.wait()
                continue
            if await self._attempt():
                failures = 0
                continue
            failures += 1
            first, longest = _RETRY_SECONDS
            await asyncio.sleep(min(longest, first * 2 ** min(failures - 1, 10)))

    def _delay(self) -> float | None:
        """Seconds until it is time to publish; None if there is nothing to publish at all."""
        ledger = self._ledger
        if ledger.state.release is None:
            return None
        if ledger.published is None:
            return 0.0
        since = time.monotonic() - ledger.learned
        if ledger.unpublished or self._anew:
            return self._coalesce - since
        given = ledger.published
        life = (given.publication.not_after_ns - given.issued_ns) / 10**9
        age = (time.time_ns() - given.issued_ns) / 10**9
        # By both clocks: whichever says first that half of its life is over.
        left = life * self._share - max(since, age)
        if not ledger.whole:
            left = min(left, _KEYS_PAUSE_SECONDS * self._share - since)
        return max(left, self._coalesce - since)

    async def _attempt(self) -> bool:
        try:
            await self._publish()
        except (WeighbridgeError, ValueError) as error:
            if str(error) != self.failure:
                _LOG.error("%s is not published: %s", self._ledger.environment, error)
            self.failure = str(error)
            return False
        self.failure = ""
        return True

    async def _publish(self) -> None:
        ledger, state = self._ledger, self._ledger.state
        before, anew, self._anew = ledger.sequence, self._anew, False
        try:
            made = await asyncio.to_thread(self._signer.publication, state, after=before, at_ns=time.time_ns())
            async with self._database.writing(ledger.environment) as connection:
                newest = await published.newest(connection, ledger.environment)
                first = newest is None or newest.publication.sequence <= before
                if first:
                    made = published_at(made, max(time.time_ns(), made.issued_ns))
                    await published.add(connection, made)
                    await self._database.notify(connection, ledger.environment)
            if first:
                ledger.learn(made)
            else:
                # Another replica was first; with what it published known, it shows what is left to do.
                async with self._database.reading() as connection:
                    await ledger.read_published(connection)
        except BaseException:
            self._anew = self._anew or anew
            raise
        self._share = _chance()
        self._done()


def _chance() -> float:
    return random.uniform(*_SHARE)  # noqa: S311 -- spreads load, no secret
