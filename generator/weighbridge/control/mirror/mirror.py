"""Following the control plane at a distance: the newest state goes to a place, whenever that place can take it.

Nobody waits for a mirror. `publish` notes what is newest and returns; a task an environment brings it there, tries
again after a failure, and looks once more a little later, since a replica that was slower may have written an older
state over it. What lies between two writes is skipped: only the newest counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from weighbridge.catalogue.source import display

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.mirror.place import Place
    from weighbridge.control.mirror.publication import Publication

_LOG = logging.getLogger(__name__)
_ERROR_LENGTH = 300


@dataclass(frozen=True)
class Pace:
    """How patient a mirror is, in seconds."""

    backoff: float = 0.25
    """Before the second attempt; doubled for each further one."""
    longest_backoff: float = 5.0
    recheck: float = 5.0
    """After a write, until it is looked whether it is still there."""
    closing: float = 5.0
    """How long `stop` waits for what is not written yet."""


PACE = Pace()


@dataclass
class _Followed:
    """One environment at one place."""

    newest: Publication
    due_since: float | None
    """Monotonic time of the oldest publication that is not there yet; None if the newest one is."""
    written: int = 0
    error: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Mirror:
    """One place that follows what is published. Belongs to one event loop.

    Args:
        place: where to.
        pace: how patient it is.

    Attributes:
        name: of the place, as the user wrote it.
    """

    def __init__(self, place: Place, pace: Pace = PACE) -> None:
        self.name = place.name
        self._place = place
        self._pace = pace
        self._followed: dict[str, _Followed] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def publish(self, publication: Publication) -> None:
        """Note what is newest, and return at once; an older sequence than the one that is known is ignored."""
        if self._stopping.is_set():
            return
        followed = self._followed.get(publication.environment)
        if followed is None:
            followed = self._followed[publication.environment] = _Followed(publication, time.monotonic())
            self._tasks.append(asyncio.create_task(self._follow(followed)))
        elif publication.sequence >= followed.newest.sequence:
            followed.newest = publication
            followed.due_since = time.monotonic() if followed.due_since is None else followed.due_since
            followed.changed.set()

    async def stop(self) -> None:
        """Give what is not written yet a few seconds, then give up."""
        self._stopping.set()
        for followed in self._followed.values():
            followed.changed.set()
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=self._pace.closing)
            for task in pending:
                task.cancel()

    @property
    def lag_seconds(self) -> float:
        """For how long the place has been behind; 0 if it has everything."""
        due = [followed.due_since for followed in self._followed.values() if followed.due_since is not None]
        return time.monotonic() - min(due) if due else 0.0

    @property
    def last_error(self) -> str:
        """Why the latest attempt failed; "" if it did not."""
        return next((followed.error for followed in self._followed.values() if followed.error), "")

    @property
    def sequences(self) -> dict[str, int]:
        """By environment, the sequence that the place is known to hold."""
        return {environment: followed.written for environment, followed in self._followed.items()}

    async def _follow(self, followed: _Followed) -> None:
        failures, looked_again = 0, False
        while followed.due_since is not None or not self._stopping.is_set():
            publication = followed.newest
            followed.changed.clear()
            if not await self._bring(followed, publication):
                if self._stopping.is_set():
                    return
                failures += 1
                await _within(self._stopping, self._delay(failures))
                continue
            failures = 0
            # Once more after a while, then only when there is something new.
            if not followed.changed.is_set():
                await _within(followed.changed, None if looked_again else self._pace.recheck)
            looked_again = not looked_again and not followed.changed.is_set()

    async def _bring(self, followed: _Followed, publication: Publication) -> bool:
        try:
            there = await _in_thread(partial(self._place.write, publication))
        except Exception as error:
            said = display(f"{type(error).__name__}: {error}")[:_ERROR_LENGTH]
            if said != followed.error:
                _LOG.warning("mirror %s is behind: %s", self.name, said)
            followed.error = said
            followed.due_since = time.monotonic() if followed.due_since is None else followed.due_since
            return False
        if followed.error:
            _LOG.info("mirror %s has caught up", self.name)
        followed.written, followed.error = there, ""
        newest = followed.newest
        followed.due_since = None if newest is publication or there >= newest.sequence else time.monotonic()
        return True

    def _delay(self, failures: int) -> float:
        longest = min(self._pace.longest_backoff, self._pace.backoff * float(2 ** min(failures - 1, 16)))
        return longest * random.uniform(0.5, 1)  # noqa: S311 -- spreads load, no secret


async def _within(event: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _in_thread(function: Callable[[], int]) -> int:
    """Run it in a thread of its own: one that hangs takes no place in a pool and holds up no exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()

    def settle(result: int, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result, failed = 0, None
        try:
            result = function()
        except BaseException as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name="weighbridge-mirror", daemon=True).start()
    return await future
