"""HTTP to several replicas of one control plane: the first good answer counts, and a dead or hung one holds nobody up.

A request goes to the first server; whenever that has failed, or has not answered within `Limits.patience`, the next is
asked as well, while the one before may still answer. No redirect is followed, nothing that is coded is read, and
neither size nor time of an answer is unbounded. Every exception of the HTTP library becomes an `Unanswered`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

import httpx

from weighbridge import __version__
from weighbridge.canonical import parse_json
from weighbridge.control.server_address import server_url, speaks_here, trusted
from weighbridge.errors import InputError, WeighbridgeError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

_REDIRECTS = range(300, 400)
_NO_SERVER = "Give --server URL, or set WEIGHBRIDGE_SERVER."


@dataclass(frozen=True)
class Limits:
    """Bounds of one request."""

    connect: float = 2.0
    """Seconds for a connection."""
    patience: float = 2.0
    """Seconds after which the next server is asked as well."""
    answer: float = 15.0
    """Seconds for a whole answer, of all servers together."""
    answer_bytes: int = 32 * 1024**2
    """Size of an answer, in bytes."""
    data_bytes: int = 512 * 1024**2
    """Size of control data or of a log, in bytes; 100,000 versions make about 60 MiB."""


LIMITS = Limits()


class Unanswered(WeighbridgeError):  # noqa: N818 -- it says what happened
    """No server gave a usable answer.

    Attributes:
        reasons: why, by server.
        sent: whether one of them may have taken what was sent.
    """

    exit_status = 1

    def __init__(self, reasons: Mapping[str, str], *, sent: bool) -> None:
        self.reasons = dict(reasons)
        self.sent = sent
        super().__init__("; ".join(f"{server}: {reason}" for server, reason in self.reasons.items()))


@dataclass(frozen=True)
class Reply:
    """The answer that counted."""

    server: str
    status: int
    headers: httpx.Headers
    body: bytes
    milliseconds: float
    """From the first sending of the request, to whichever server, to the end of this answer."""
    ahead_s: float | None
    """By how many seconds this machine's clock is ahead of the server's; None where it does not say."""


class Unusable(Exception):  # noqa: N818 -- it says what happened
    """One server's answer does not count, so the next one is asked.

    Attributes:
        reason: why, to be shown.
        sent: whether it may have taken what was sent all the same.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        self.reason = reason
        self.sent = sent
        super().__init__(reason)


class Servers:
    """The replicas, asked inside an `async with` block.

    Args:
        urls: of the servers, in the order in which they are asked.
        context: whose certificates are believed; the system's authorities without it.
        plain_http: whether HTTP without TLS may be spoken to others than this machine.
        limits: bounds.
        transport: instead of the network, for tests.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        context: ssl.SSLContext | None = None,
        plain_http: bool = False,
        limits: Limits = LIMITS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not urls:
            raise InputError.single("", "is missing", _NO_SERVER, field="--server")
        self.limits = limits
        bases = [server_url(url, plain_http=plain_http) for url in dict.fromkeys(urls)]
        context = context or trusted(None)
        self._clients = {
            str(base): httpx.AsyncClient(
                base_url=base,
                timeout=httpx.Timeout(None, connect=limits.connect),
                verify=context,
                # A proxy in the environment is for the world outside, and what is said to this machine is not for it.
                trust_env=not speaks_here(base),
                follow_redirects=False,
                headers={"User-Agent": f"weighbridge/{__version__}", "Accept-Encoding": "identity"},
                transport=transport,
            )
            for base in bases
        }
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for client in self._clients.values():
            await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        limit: int | None = None,
        wait: float = 0.0,
        check: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """The first answer that counts: of no broken server (5xx, 429), sending nobody elsewhere, and passing `check`.

        Args:
            method: of HTTP.
            target: path and query.
            headers: beside our own.
            body: what is sent.
            limit: largest body, in bytes.
            wait: seconds that the server was asked to wait for a change.
            check: raises `Unusable` for an answer that does not count.

        Raises:
            Unanswered: by none in time.
        """
        started = time.perf_counter()
        limit = limit or self.limits.answer_bytes
        request = _Request(method, target, dict(headers or {}), body, limit, check, started)
        reply = await _Race(self._clients, request, self.limits, wait).run()
        # Who has answered once is asked first from now on.
        self._clients = {reply.server: self._clients.pop(reply.server), **self._clients}
        return reply


@dataclass(frozen=True)
class _Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    limit: int
    check: Callable[[Reply], None] | None
    started: float


class _Race:
    """One request, to one server after the other until one has answered."""

    def __init__(
        self, clients: Mapping[str, httpx.AsyncClient], request: _Request, limits: Limits, wait: float
    ) -> None:
        self._clients = clients
        self._request = request
        self._patience = limits.patience + wait
        self._total = limits.answer + wait
        self._left = list(clients)
        self._running: dict[asyncio.Task[Reply], str] = {}
        self._reasons: dict[str, str] = {}
        self._sent = False

    async def run(self) -> Reply:
        deadline = time.monotonic() + self._total
        try:
            while self._left or self._running:
                if self._left:
                    server = self._left.pop(0)
                    self._running[asyncio.ensure_future(_answer(server, self._clients[server], self._request))] = server
                found = await self._next(deadline)
                if found is not None:
                    return found
                if time.monotonic() >= deadline:
                    break
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
        for server in self._running.values():
            self._reasons[server] = f"has not answered within {self._total:g} s"
            self._sent = True
        raise Unanswered(self._reasons, sent=self._sent)

    async def _next(self, deadline: float) -> Reply | None:
        left = max(0.0, deadline - time.monotonic())
        timeout = min(left, self._patience) if self._left else left
        done, _ = await asyncio.wait(self._running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            server = self._running.pop(task)
            try:
                return task.result()
            except Unusable as unusable:
                self._reasons[server] = unusable.reason
                self._sent = self._sent or unusable.sent
        return None


async def _answer(server: str, client: httpx.AsyncClient, request: _Request) -> Reply:
    try:
        async with client.stream(
            request.method, request.target, headers=request.headers, content=request.body or None
        ) as response:
            if response.status_code in _REDIRECTS and response.status_code != httpx.codes.NOT_MODIFIED:
                raise Unusable("sends us elsewhere, where nobody told us to go", sent=False)
            data = await _body(response, request.limit)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unusable(_said(f"cannot be reached: {str(error) or type(error).__name__}"), sent=False) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unusable(_said(f"broke off: {str(error) or type(error).__name__}"), sent=True) from error
    if response.status_code >= 500 or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        reason = f"answered {response.status_code}: {complaint(data)}"
        raise Unusable(_said(reason), sent=response.status_code >= 500)
    took = (time.perf_counter() - request.started) * 1000
    reply = Reply(server, response.status_code, response.headers, data, took, _ahead(response.headers))
    if request.check is not None:
        request.check(reply)
    return reply


async def _body(response: httpx.Response, limit: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unusable("answers with a content coding that nobody asked for", sent=True)
    data = bytearray()
    async for piece in response.aiter_raw():
        data += piece
        if len(data) > limit:
            raise Unusable(f"answers with more than {limit:,} bytes", sent=True)
    return bytes(data)


def complaint(data: bytes) -> str:
    """What an answer says is wrong, for people; "" if it says nothing that can be shown."""
    try:
        found = parse_json(data[: 64 * 1024], "answer")
    except InputError:
        return ""
    error = found.get("error", found) if isinstance(found, dict) else None
    if isinstance(error, str):
        return _said(error)
    parts = [error.get(name) for name in ("code", "message", "reason", "detail")] if isinstance(error, dict) else []
    return _said(" ".join(part for part in parts if isinstance(part, str)))


def _said(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)[:300]


def _ahead(headers: httpx.Headers) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
