"""The places that follow what is served; delivery never waits for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weighbridge.control.server.log import LOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.control.mirror.mirror import Mirror
    from weighbridge.control.plane import ControlPlane

_LATER_SECONDS = 0.05
"""First whoever waits here has it."""


class Mirrors:
    """All of them.

    Args:
        mirrors: those that were asked for.
        plane: what they follow.
    """

    def __init__(self, mirrors: Sequence[Mirror], plane: ControlPlane) -> None:
        self._mirrors = mirrors
        self._plane = plane
        self._due: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Bring them what there is, and from then on what is new."""
        if self._mirrors:
            self._plane.subscribe(self._news)
            for environment in self._plane.environments():
                self._news(environment)

    async def stop(self) -> None:
        """Give them a few seconds for what they do not have yet."""
        for environment in list(self._due):
            await self._publish(environment)
        await asyncio.gather(*(mirror.stop() for mirror in self._mirrors))

    def lag(self) -> float:
        """Seconds for which the slowest has been behind."""
        return max((mirror.lag_seconds for mirror in self._mirrors), default=0.0)

    def _news(self, environment: str) -> None:
        if environment not in self._due:
            self._due.add(environment)
            asyncio.get_running_loop().call_later(_LATER_SECONDS, self._start, environment)

    def _start(self, environment: str) -> None:
        task = asyncio.ensure_future(self._publish(environment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self, environment: str) -> None:
        self._due.discard(environment)
        try:
            publication = self._plane.mirrored(environment)
            for mirror in self._mirrors:
                await mirror.publish(publication)
        except Exception as error:
            # A mirror that cannot follow holds nobody up; its lag shows.
            LOG.error("not mirrored", exc_info=error, extra={"fields": {"environment": environment}})
