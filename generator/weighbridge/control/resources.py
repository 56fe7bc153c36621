"""What is served, held in memory once, and whoever waits for the next of it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from weighbridge.control.plane_parts import BUNDLE_TYPE, Served

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES = {
    "live.tar.gz": BUNDLE_TYPE,
    "release.tar.gz": BUNDLE_TYPE,
    "control.tar.gz": "application/gzip",
    "livestate.jws": "application/jose",
    "log.jsonl": "application/jsonl",
    "approvals": "application/yaml",
}


class Resources:
    """Bytes by path."""

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    def get(self, path: str) -> Served | None:
        """What is served there now."""
        return self._served.get(path)

    def below(self, environment: str) -> list[tuple[str, bytes]]:
        """Path and bytes of everything that is served of an environment."""
        return [(path, served.data) for path, served in self._served.items() if path.startswith(f"{environment}/")]

    def put(self, files: Mapping[str, bytes]) -> bool:
        """Serve these, and wake whoever waits for one that is another now; whether any is."""
        changed = []
        for path, data in files.items():
            known = self._served.get(path)
            if known is None or known.data != data:
                etag = f'"{hashlib.sha256(data).hexdigest()}"'
                self._served[path] = Served(data, etag, _TYPES[path.rpartition("/")[2]])
                changed.append(path)
        for path in changed:
            self._wake(path)
        return bool(changed)

    def withdraw(self, path: str) -> None:
        """Serve nothing there any more."""
        if self._served.pop(path, None) is not None:
            self._wake(path)

    async def wait(self, path: str, etag: str, seconds: float) -> Served | None:
        """What is served there as soon as it is another than the one with this ETag, or after so many seconds."""
        served = self._served.get(path)
        if served is not None and served.etag != etag:
            return served
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, woken)
        waiting = self._waiting.setdefault(path, set())
        waiting.add(woken)
        try:
            await woken
        finally:
            timer.cancel()
            waiting.discard(woken)
            if not waiting and self._waiting.get(path) is waiting:
                del self._waiting[path]
        return self._served.get(path)

    def _wake(self, path: str) -> None:
        for woken in self._waiting.pop(path, ()):
            _wake(woken)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
