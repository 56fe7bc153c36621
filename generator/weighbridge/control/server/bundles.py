"""Bundles, and what else is published, by long polling: without a framework, since thousands wait here at once.

Order of steps: the path must be exactly one that is published; the client must be of that environment; a request that
names what is served now, and says how long it would wait, waits; the answer comes well before that time ends, since OPA
puts no other limit on it. A bundle has exactly OPA's media type, without which OPA drops to polling, and every answer
forbids caches to keep it.

Source: openpolicyagent.org, Bundle Service API; RFC 7240 (Prefer), RFC 9110 (If-None-Match).
"""

from __future__ import annotations

import asyncio
import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

from weighbridge.control.server.errors import NO_STORE, Refused, not_found
from weighbridge.control.server.gate import connection_of, header, require
from weighbridge.control.server.waiters import Waiters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.control.plane_parts import Served
    from weighbridge.control.server.gate import Gate, Scope
    from weighbridge.control.server.limits import Limits
    from weighbridge.control.server.waiters import Source

_NAME = rb"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
_KEY = rb"(?:keys/[0-9a-f]{16}/)?"
_BUNDLE = re.compile(
    rb"/bundles/((" + _NAME + rb")/(?:(?:envoy|workload)/" + _KEY + rb"release|" + _KEY + rb"live)\.tar\.gz)"
)
_FILE = re.compile(
    rb"/v1/environments/((" + _NAME + rb")/(?:" + _KEY + rb"(?:control\.tar\.gz|livestate\.jws|approvals)|log\.jsonl))"
)
_AMBIGUOUS = (b"..", b".-", b"-.")
_WAIT = re.compile(rb"(?:^|[;,\s])wait=(\d{1,6})(?=$|[;,\s])")
_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e]*")')
_SHARE = 0.8
"""Of the time that a client would wait, after which it is answered at the latest."""
_PIECE = 128 * 1024
_ALLOWED = ((b"allow", b"GET, HEAD"),)


class Wanted(NamedTuple):
    """What a path names."""

    path: str
    """As the plane has it."""
    environment: str
    roles: tuple[str, ...]
    """Who may read it."""


def wanted(raw_path: bytes) -> Wanted | None:
    """What is asked for; None for any other path. Only the path as it came counts: nothing is decoded."""
    bundle = _BUNDLE.fullmatch(raw_path)
    match = bundle or _FILE.fullmatch(raw_path)
    if match is None or any(part in match.group(2) for part in _AMBIGUOUS):
        return None
    roles = ("agent", "reader", "operator")
    return Wanted(match.group(1).decode(), match.group(2).decode(), (*roles, "sidecar") if bundle else roles)


class Bundles:
    """Serves what is published.

    Args:
        source: the plane.
        gate: who may ask.
        limits: how long waiting and reading may take.

    Attributes:
        waiters: who waits.
    """

    def __init__(self, source: Source, gate: Gate, limits: Limits) -> None:
        self._source = source
        self.waiters = Waiters(source, self.whole)
        self._gate = gate
        self._limits = limits

    async def serve(self, scope: Scope, send: Any, what: Wanted) -> None:
        """Answer one request.

        Raises:
            Refused: it is not answered with what is published.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            raise Refused(405, "method_not_allowed", "This can only be read.", _ALLOWED)
        require(self._gate.anybody(scope), what.environment, *what.roles)
        known = _TAG.findall(header(scope, b"if-none-match"))
        served = self._found(what.path)
        patience = seconds(header(scope, b"prefer"), self._limits.longest_wait) if scope["method"] == "GET" else 0.0
        if patience and served.etag.encode() in known:
            # While it waits nothing of the request is needed any more, and thousands wait; but for its credential.
            scope["headers"][:] = [pair for pair in scope["headers"] if pair[0] == b"authorization"]
            connection = connection_of(scope)
            if connection is not None and not connection.waited:
                # OPA takes back an error that it reported when it is answered: who comes back soon hears something.
                connection.waited = True
                patience = min(patience, self._limits.first_wait)
            if not await self.waiters.wait(what.path, served.etag, patience, connection):
                return
            require(self._gate.again(scope), what.environment, *what.roles)
            served = self._found(what.path)
        await self._answer(scope, send, served, known)

    def _found(self, path: str) -> Served:
        served = self._source.bundle(path)
        if served is None:
            raise not_found()
        return served

    def whole(self, served: Served) -> bytes | None:
        """The whole answer with what is served; None for what is to be sent piece by piece, or as the server ends."""
        if len(served.data) > _PIECE or self.waiters.closing:
            return None
        length = (b"content-length", str(len(served.data)).encode())
        lines = (name + b": " + value + b"\r\n" for name, value in (*_headers(served), length, _date()))
        return b"HTTP/1.1 200 OK\r\n" + b"".join(lines) + b"\r\n" + served.data

    async def _answer(self, scope: Scope, send: Any, served: Served, known: Sequence[bytes]) -> None:
        etag = served.etag.encode()
        headers = _headers(served)
        if self.waiters.closing:
            # What it asks next, another replica answers, or this one once it runs again.
            headers.append((b"connection", b"close"))
        if etag in known:
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body"})
            return
        headers.append((b"content-length", str(len(served.data)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
        elif len(served.data) <= _PIECE:
            await send({"type": "http.response.body", "body": served.data})
        else:
            await self._in_pieces(scope, send, memoryview(served.data))

    async def _in_pieces(self, scope: Scope, send: Any, data: memoryview) -> None:
        """Send no faster than it is read, and not for ever."""
        limit = self._limits.write_seconds + len(data) / self._limits.write_pace
        try:
            async with asyncio.timeout(limit):
                for start in range(0, len(data), _PIECE):
                    more = start + _PIECE < len(data)
                    piece = bytes(data[start : start + _PIECE])
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            connection = connection_of(scope)
            if connection is not None:
                connection.abort()


def _headers(served: Served) -> list[tuple[bytes, bytes]]:
    media_type = (b"content-type", served.content_type.encode())
    return [media_type, (b"etag", served.etag.encode()), (b"accept-ranges", b"none"), *NO_STORE]


def _date() -> tuple[bytes, bytes]:
    return (b"date", formatdate(usegmt=True).encode())


def seconds(prefer: bytes, longest: float) -> float:
    """How long a request waits at most; 0 where it does not ask to wait.

    Args:
        prefer: the header.
        longest: the most.
    """
    match = _WAIT.search(prefer)
    return min(longest, int(match.group(1)) * _SHARE) if match else 0.0
