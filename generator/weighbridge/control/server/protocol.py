"""One connection: HTTP/1.1 by uvicorn and httptools, with the bounds that they leave open.

Before an application sees a request, uvicorn bounds neither its headers nor the time that they take, and knows nothing
of client certificates. And a response that is not read stays in memory until the reader takes it. This module adds just
that: an answer of 431 or 408, the certificate (DER) as TLS verified it, a number of connections a holder, an `abort`,
and a call when the client has gone, for whoever waits on its behalf.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from weighbridge.control.server.errors import Refused
from weighbridge.control.server.limits import Limits

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from weighbridge.control.server.identity import Identity

KEY = "weighbridge.connection"
"""Where in `scope["extensions"]` an application finds its connection."""
_GONE_MILLISECONDS = 30_000
_INVALID = Refused(400, "bad_request", "This is not HTTP/1.1 as it is taken here.")
_HEADERS = Refused(431, "headers_too_large", "The request line and headers are too large.")
_SLOW = Refused(408, "timeout", "The request took too long to arrive.")
_FULL = Refused(503, "unavailable", "There are too many connections.", ((b"retry-after", b"1"),))


class Connections:
    """How many connections each holder has, and who is told when there are too many.

    Args:
        limits: the bounds.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.held: Counter[object] = Counter()
        self.total = 0

    def protocol(self) -> type[Connection]:
        """The class of this server's connections, for uvicorn."""
        return type("Connection", (Connection,), {"shared": self})

    def move(self, old: object, new: object, most: int) -> bool:
        """Count a connection for another holder; False, and nothing changes, if that has `most` already."""
        if old == new:
            return True
        if new is not None and self.held[new] >= most:
            return False
        if old is not None:
            self.held[old] -= 1
            if not self.held[old]:
                del self.held[old]
        if new is not None:
            self.held[new] += 1
        return True


class Connection(HttpToolsProtocol):
    """One connection."""

    shared = Connections()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.certificate: bytes | None = None
        """Of the client, DER, as TLS verified it."""
        self.waited = False
        """Whether a request of this connection has waited before."""
        self.on_lost: Callable[[], None] | None = None
        """Called once when the client has gone."""
        self._holder: object = None
        self._head_bytes = 0
        self._heard = False
        self._refusal = _INVALID
        self._timer: asyncio.TimerHandle | None = None
        self._extensions: dict[str, dict[object, object]] = {KEY: {"connection": self}}

    # Narrower than what it overrides, as uvicorn's own is.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it where there are too many."""
        super().connection_made(transport)
        limits = self.shared.limits
        self.shared.total += 1
        security = transport.get_extra_info("ssl_object")
        self.certificate = None if security is None else security.getpeercert(binary_form=True)
        _give_up_on_the_dead(transport.get_extra_info("socket"))
        address = self.client[0] if self.client else ""
        crowded = self.shared.total > limits.connections
        if crowded or not self.shared.move(None, ("address", address), limits.anonymous_connections):
            self._refuse(_FULL)
            return
        self._holder = ("address", address)
        self._expect(limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free whatever waits."""
        self._expect(None)
        self.shared.total -= 1
        self.shared.move(self._holder, None, 0)
        self._holder = None
        called, self.on_lost = self.on_lost, None
        super().connection_lost(exc)
        if called is not None:
            called()

    def hold(self, identity: Identity) -> bool:
        """Count this connection for who showed a credential on it; False if they have too many."""
        limits = self.shared.limits
        most = limits.sidecar_connections * identity.sidecars
        holder = ("client", identity.name)
        if not self.shared.move(self._holder, holder, most):
            return False
        self._holder = holder
        # uvicorn reads it as a number of seconds; that it says `int` is its own modesty.
        self.timeout_keep_alive = int(limits.known_idle_seconds)
        return True

    def abort(self) -> None:
        """End the connection now; what was not read is forgotten."""
        if self.transport is not None:
            self.transport.abort()

    def give(self, answer: bytes) -> bool:
        """Answer the request that waits here with a whole response; False if it must be answered in the usual way.

        Args:
            answer: status line, headers but for the date, and body, for a connection that goes on.
        """
        cycle = self.cycle
        if cycle.response_started or cycle.disconnected or not cycle.keep_alive or self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.transport.write(answer)
        cycle.on_response()
        return True

    def data_received(self, data: bytes) -> None:
        """Read; a request that has begun must soon be whole."""
        if self.parser is None or self.transport.is_closing():
            return
        self._heard = True
        super().data_received(data)
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._timer is None and self.timeout_keep_alive_task is None:
            # Empty lines between requests begin none, and have just ended uvicorn's own patience.
            self._expect(self.shared.limits.header_seconds)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        self.scope["extensions"] = self._extensions
        self._expect(self.shared.limits.header_seconds)

    def on_url(self, url: bytes) -> None:
        """A part of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request goes to the application; only its body may still come."""
        self._expect(None)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words are not ours
        """What cannot be read as a request is answered, and the connection ends."""
        self._refuse(self._refusal)

    def _count(self, number: int) -> None:
        self._head_bytes += number
        if self._head_bytes > self.shared.limits.header_bytes:
            self._refusal = _HEADERS
            raise httptools.HttpParserError("too large")

    def _expect(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self._heard:
            self._refuse(_SLOW)
        elif not self.transport.is_closing():
            # Nothing was asked: an answer would be taken for the one to whatever is asked in this very moment.
            self.transport.close()

    def _refuse(self, refusal: Refused) -> None:
        self._expect(None)
        if self.transport is None or self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(refusal.raw())
        self.transport.close()


def _give_up_on_the_dead(sock: socket.socket | None) -> None:
    """Let the kernel end a connection whose other side takes nothing any more, half-open or not."""
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT") and sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_MILLISECONDS)
