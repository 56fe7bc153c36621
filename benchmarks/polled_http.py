"""HTTP/1.1 for many clients in one process: one request after the other on a connection that is opened again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from benchmarks.pollers import Fleet

AT_ONCE = 200
"""Connections that are being opened at a time; more would overflow what a server lets wait."""
RETRY_SECONDS = 0.1


class Http(asyncio.Protocol):
    """One connection on which requests follow one another; opened again when the server closes it."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.fleet = fleet
        self._port = fleet.plan.ports[number % len(fleet.plan.ports)]
        self.transport: asyncio.Transport | None = None
        self._buffer = b""

    async def open(self) -> None:
        """Connect, and begin."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with self.fleet.opening:
                    await loop.create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                self.fleet.failures += 1
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transport is one by its methods only.
        self.transport, self._buffer = cast("asyncio.Transport", transport), b""
        self.begin()

    def connection_lost(self, _: Exception | None) -> None:
        """Come back, as OPA does."""
        self.transport = None
        if not self.fleet.over:
            self.fleet.reconnects += 1
            asyncio.get_running_loop().call_later(RETRY_SECONDS, lambda: self.fleet.spawn(self.open()))

    def data_received(self, data: bytes) -> None:
        """Take what came; an answer may come in parts."""
        data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        status = int(data[9:12]) if end >= 0 else 0
        head = data[:end].lower()
        size = 0 if status in {204, 304} else int(header(head, b"content-length") or 0)
        if end < 0 or len(data) < end + 4 + size:
            self._buffer = data
            return
        self._buffer = b""
        self.answered(status, data[:end], data[end + 4 :])

    def begin(self) -> None:
        """The connection is there."""
        raise NotImplementedError

    def answered(self, status: int, head: bytes, body: bytes) -> None:
        """A whole answer is there."""
        raise NotImplementedError


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header, empty if it is not there; `name` in lower case."""
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
