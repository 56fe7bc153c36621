"""Bundles by long polling, as OPA expects it: without a framework, since thousands wait here at once.

Order of steps: the path must be exactly one that `compile` and the publisher write; the client must be of that
environment; a request that names what is served now, and says how long it would wait, waits; the answer comes well
before that time ends, since OPA puts no other limit on it. Each answer has exactly OPA's media type, without which it
drops to polling, and forbids every cache to keep it.

Source: openpolicyagent.org, Bundle Service API; RFC 7240 (Prefer), RFC 9110 (If-None-Match).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from weighbridge.control.server.errors import NO_STORE, Refused, not_found
from weighbridge.control.server.gate import connection_of, header, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.control.server.gate import Gate, Scope
    from weighbridge.control.server.limits import Limits
    from weighbridge.control.server.waiters import Bundle, Source, Waiters

MEDIA_TYPE = b"application/vnd.openpolicyagent.bundles"
PREFIX = b"/bundles/"
_NAME = rb"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
_PATH = re.compile(
    rb"/bundles/((" + _NAME + rb")/(?:(?:envoy|workload)/)?(?:keys/[0-9a-f]{16}/)?(?:release|live)\.tar\.gz)"
)
_AMBIGUOUS = (b"..", b".-", b"-.")
_WAIT = re.compile(rb"(?:^|[;,\s])wait=(\d{1,6})(?=$|[;,\s])")
_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e]*")')
_SHARE = 0.8
"""Of the time that a client would wait, after which it is answered at the latest."""
_PIECE = 128 * 1024
_ALLOWED = ((b"allow", b"GET, HEAD"), (b"connection", b"close"))


class Bundles:
    """Serves bundles.

    Args:
        source: the plane.
        waiters: who waits.
        gate: who may ask.
        limits: how long waiting and reading may take.
    """

    def __init__(self, source: Source, waiters: Waiters, gate: Gate, limits: Limits) -> None:
        self._source = source
        self._waiters = waiters
        self._gate = gate
        self._limits = limits

    async def serve(self, scope: Scope, send: Any) -> None:
        """Answer one request below `/bundles/`.

        Raises:
            Refused: it is not answered with a bundle.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            raise Refused(405, "method_not_allowed", "A bundle can only be read.", _ALLOWED)
        path, environment = _parsed(scope["raw_path"])
        require(self._gate.client(scope), environment, "sidecar", "agent", "reader")
        known = _TAG.findall(header(scope, b"if-none-match"))
        bundle = self._found(path)
        seconds = _seconds(header(scope, b"prefer"), self._limits.longest_wait) if scope["method"] == "GET" else 0.0
        if seconds and bundle.etag.encode() in known:
            # While it waits nothing of the request is needed any more, and thousands wait; but for its credential.
            scope["headers"][:] = [pair for pair in scope["headers"] if pair[0] == b"authorization"]
            connection = connection_of(scope)
            if not await self._waiters.wait(path, bundle.etag, seconds, connection):
                return
            require(self._gate.again(scope), environment, "sidecar", "agent", "reader")
            bundle = self._found(path)
        await self._answer(scope, send, bundle, known)

    def _found(self, path: str) -> Bundle:
        bundle = self._source.bundle(path)
        if bundle is None:
            raise not_found()
        return bundle

    async def _answer(self, scope: Scope, send: Any, bundle: Bundle, known: Sequence[bytes]) -> None:
        etag = bundle.etag.encode()
        headers = [(b"content-type", MEDIA_TYPE), (b"etag", etag), (b"accept-ranges", b"none"), *NO_STORE]
        if self._waiters.closing:
            # What it asks next, another replica answers, or this one once it runs again.
            headers.append((b"connection", b"close"))
        if etag in known:
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body"})
            return
        headers.append((b"content-length", str(len(bundle.data)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
        elif len(bundle.data) <= _PIECE:
            await send({"type": "http.response.body", "body": bundle.data})
        else:
            await self._in_pieces(scope, send, memoryview(bundle.data))

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


def _parsed(raw_path: bytes) -> tuple[str, str]:
    """The plane's name of a bundle, and its environment. Only the path as it came counts: nothing is decoded."""
    match = _PATH.fullmatch(raw_path)
    if match is None or any(part in match.group(2) for part in _AMBIGUOUS):
        raise not_found()
    return match.group(1).decode(), match.group(2).decode()


def _seconds(prefer: bytes, longest: float) -> float:
    match = _WAIT.search(prefer)
    return min(longest, int(match.group(1)) * _SHARE) if match else 0.0
