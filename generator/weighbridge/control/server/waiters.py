"""Everybody who waits for a file here, woken together.

The plane tells once that something new is served, however many wait for it. The answer is then the same bytes for all,
made once and given to their connections directly: nobody's next question is read before everybody has it. What is too
large for that, and whoever has another kind of connection, is woken to be answered in the usual way.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from weighbridge.control.plane_parts import Served
    from weighbridge.control.server.protocol import Connection

    _Waiting = tuple[asyncio.Future[bool], Connection | None]


class Source(Protocol):
    """What a plane serves."""

    def bundle(self, path: str) -> Served | None:
        """What is served at a path now."""

    def subscribe(self, called: Callable[[str], None]) -> None:
        """Call with an environment's name whenever something new is served of it."""


class Waiters:
    """Who waits.

    Args:
        source: the plane.
        answer: makes the whole answer with what is served; None where it goes the usual way.

    Attributes:
        draining: whether the server will end soon.
        closing: whether it ends: nobody waits any more.
    """

    def __init__(self, source: Source, answer: Callable[[Served], bytes | None]) -> None:
        self.draining = False
        self.closing = False
        self._source = source
        self._answer = answer
        self._waiting: dict[str, dict[asyncio.Future[bool], tuple[str, Connection | None]]] = {}
        source.subscribe(self._news)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    async def wait(self, path: str, etag: str, seconds: float, connection: Connection | None) -> bool:
        """Wait until what is served at a path is another than this, at most so many seconds.

        Args:
            path: as the plane names it; the environment stands first.
            etag: of what is served there at this very moment.
            seconds: the most.
            connection: whose end ends the waiting at once.

        Returns:
            Whether anybody is there who is still to be answered.
        """
        if self.closing:
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        # Spread a little: those who came together need not ask again together.
        spread = random.uniform(0.9, 1)  # noqa: S311 -- no secret
        timer = loop.call_later(seconds * spread, _wake, waiter, True)
        if connection is not None:
            connection.on_lost = lambda: _wake(waiter, False)
        waiting = self._waiting.setdefault(path, {})
        waiting[waiter] = (etag, connection)
        try:
            return await waiter
        finally:
            timer.cancel()
            waiting.pop(waiter, None)
            if connection is not None:
                connection.on_lost = None

    def wake_all(self) -> None:
        """Let everybody ask again, as when credentials were replaced."""
        for waiting in self._waiting.values():
            for waiter in waiting:
                _wake(waiter, True)

    def close(self) -> None:
        """Let everybody be answered at once, now and from now on: the server ends."""
        self.closing = True
        self.wake_all()

    def _news(self, environment: str) -> None:
        for path, waiting in self._waiting.items():
            if waiting and path.startswith(f"{environment}/"):
                served = self._source.bundle(path)
                etag = "" if served is None else served.etag
                news = [(waiter, connection) for waiter, (known, connection) in waiting.items() if known != etag]
                if news:
                    answer = None if served is None else self._answer(served)
                    _give(news, answer)


def _give(waiters: Iterable[_Waiting], answer: bytes | None) -> None:
    # Without a pause, 20 microseconds each: in one, the next questions of the first would be read before the last have
    # their answer.
    for waiter, connection in waiters:
        if not waiter.done():
            given = answer is not None and connection is not None and connection.give(answer)
            waiter.set_result(not given)


def _wake(waiter: asyncio.Future[bool], present: bool) -> None:
    if not waiter.done():
        waiter.set_result(present)
