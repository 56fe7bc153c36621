"""Everybody who waits for a bundle here, woken together.

The plane is asked once for a path, however many wait for it: one task follows it and wakes them all, some hundreds at a
time, so that the first have their answer before the last are woken, and an order that arrives meanwhile is not held up.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from weighbridge.control.server.protocol import Connection

_BATCH = 256
_FOLLOWED_SECONDS = 60.0


class Bundle(Protocol):
    """What is served at a path."""

    @property
    def etag(self) -> str:
        """With its quotes."""

    @property
    def data(self) -> bytes:
        """The bundle."""


class Source(Protocol):
    """Where bundles come from: the plane."""

    def bundle(self, path: str) -> Bundle | None:
        """What is served at a path now."""

    async def wait(self, path: str, etag: str, seconds: float) -> Bundle | None:
        """The same, once it is another than this one, or after that time."""


class Waiters:
    """Who waits.

    Args:
        source: the plane.

    Attributes:
        closing: whether the server ends: nobody waits any more.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._topics: dict[str, set[asyncio.Future[bool]]] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}
        self.closing = False

    def __len__(self) -> int:
        return sum(map(len, self._topics.values()))

    async def wait(self, path: str, etag: str, seconds: float, connection: Connection | None) -> bool:
        """Wait until the bundle at a path is another than this one, at most so many seconds.

        Returns:
            Whether anybody is still there to be answered.
        """
        if self.closing:
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        # Spread a little: those who came together need not ask again together.
        timer = loop.call_later(seconds * random.uniform(0.9, 1), _wake, waiter, True)  # noqa: S311 -- no secret; call_later takes no names
        if connection is not None:
            connection.on_lost = lambda: _wake(waiter, False)
        topic = self._topics.setdefault(path, set())
        topic.add(waiter)
        self._follow(path, etag)
        try:
            return await waiter
        finally:
            timer.cancel()
            topic.discard(waiter)
            if connection is not None:
                connection.on_lost = None

    def wake_all(self) -> None:
        """Let everybody ask again, as when credentials were replaced."""
        for topic in self._topics.values():
            for waiter in topic:
                _wake(waiter, True)

    def close(self) -> None:
        """Let everybody be answered at once, now and from now on: the server ends."""
        self.closing = True
        for task in self._followers.values():
            task.cancel()
        self.wake_all()

    def _follow(self, path: str, etag: str) -> None:
        if path not in self._followers:
            self._followers[path] = asyncio.create_task(self._followed(path, etag))

    async def _followed(self, path: str, etag: str) -> None:
        try:
            topic = self._topics[path]
            while topic:
                bundle = await self._source.wait(path, etag, _FOLLOWED_SECONDS)
                if bundle is None or bundle.etag != etag:
                    await _wake_gently(topic)
                    if bundle is None:
                        return
                    etag = bundle.etag
        finally:
            del self._followers[path]


async def _wake_gently(topic: set[asyncio.Future[bool]]) -> None:
    for count, waiter in enumerate(list(topic), 1):
        _wake(waiter, True)
        if count % _BATCH == 0:
            await asyncio.sleep(0)


def _wake(waiter: asyncio.Future[bool], present: bool) -> None:
    if not waiter.done():
        waiter.set_result(present)
