"""A small bundle service: what a sidecar needs, on loopback, in this process.

It serves bundles with long polling as OPA expects it (the media type exactly `application/vnd.openpolicyagent.bundles`,
an answer well before the `wait` that OPA asked for) and keeps the statuses and decision logs that OPA posts.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any, Self

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from weighbridge.errors import EngineError
from weighbridge.harness.serving import AppServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from starlette.requests import Request

_BUNDLE = "application/vnd.openpolicyagent.bundles"
_LONGEST_WAIT_SECONDS = 20.0
_STEP_SECONDS = 0.5
_KEPT = 10_000
"""How many statuses and how many decisions are kept."""


class BundleServer:
    """The service, running inside a `with` block.

    Args:
        folder: existing folder in which the token for OPA is written.

    Attributes:
        statuses: what OPA posted as status, the latest last.
        decisions: decision log events, in order of arrival.
    """

    def __init__(self, folder: Path) -> None:
        self.token_file = folder / "token"
        self.statuses: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self._token = secrets.token_urlsafe(24)
        self._bundles: dict[str, tuple[bytes, str]] = {}
        self._changed = asyncio.Condition()
        self._arrived = threading.Condition()
        routes = [
            Route("/bundles/{name:path}", self._bundle),
            Route("/status", self._status, methods=["POST"]),
            Route("/logs", self._logs, methods=["POST"]),
        ]
        self._server = AppServer(Starlette(routes=routes))

    def __enter__(self) -> Self:
        # The mode at creation: at no time can anybody else read it, and no link that lies there is followed.
        self.token_file.unlink(missing_ok=True)
        with os.fdopen(os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._token.encode("ascii"))
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Where OPA reaches it."""
        return f"http://{self._server.address}"

    def publish(self, name: str, data: bytes) -> None:
        """Serve these bytes below `/bundles/<name>`; sidecars that wait for it get it at once."""
        self._bundles[name] = (data, f'"{hashlib.sha256(data).hexdigest()}"')
        self._wake()

    def withdraw(self, name: str) -> None:
        """Serve that bundle no longer."""
        self._bundles.pop(name, None)
        self._wake()

    def _wake(self) -> None:
        async def wake() -> None:
            async with self._changed:
                self._changed.notify_all()

        loop = self._server.loop
        if loop is not None and not loop.is_closed():
            asyncio.run_coroutine_threadsafe(wake(), loop)

    def wait_for(self, arrived: Callable[[BundleServer], bool], *, timeout: float) -> bool:
        """Wait until a status or decision log makes `arrived` true; whether it did within `timeout` seconds."""
        with self._arrived:
            return self._arrived.wait_for(lambda: arrived(self), timeout)

    def wait_for_revision(self, bundle: str, revision: str, *, labels: dict[str, str], timeout: float) -> None:
        """Wait until a sidecar with these labels reports that it activated a revision.

        Raises:
            EngineError: it did not; with the last error that it reported.
        """

        def active(server: BundleServer) -> bool:
            latest = server.last_status(labels)
            activated: str | None = latest.get("bundles", {}).get(bundle, {}).get("active_revision")
            return activated == revision

        if not self.wait_for(active, timeout=timeout):
            latest = self.last_status(labels).get("bundles", {}).get(bundle, {})
            detail = json.dumps({key: latest.get(key) for key in ("active_revision", "code", "message", "errors")})
            raise EngineError(f"no sidecar activated {bundle} {revision} within {timeout:g} s", detail)

    def last_status(self, labels: dict[str, str]) -> dict[str, Any]:
        """The latest status of a sidecar with these labels; empty if there is none."""
        matching = (status for status in reversed(self.statuses) if labels.items() <= status.get("labels", {}).items())
        return next(matching, {})

    def _allowed(self, request: Request) -> bool:
        expected = f"Bearer {self._token}"
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode())

    async def _bundle(self, request: Request) -> Response:
        if not self._allowed(request):
            return Response(status_code=401)
        name: str = request.path_params["name"]
        known = request.headers.get("if-none-match", "")
        deadline = time.monotonic() + _wait_seconds(request.headers.get("prefer", ""))
        current = self._bundles.get(name)
        while current and current[1] == known and time.monotonic() < deadline and not self._server.stopping:
            # In short steps, so that the server can stop while OPA waits.
            async with self._changed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), min(_STEP_SECONDS, deadline - time.monotonic()))
            current = self._bundles.get(name)
        if current is None:
            return Response(status_code=404)
        headers = {"etag": current[1], "content-type": _BUNDLE}
        if current[1] == known:
            return Response(status_code=304, headers=headers)
        return Response(current[0], headers=headers)

    async def _status(self, request: Request) -> Response:
        return await self._keep(request, self.statuses)

    async def _logs(self, request: Request) -> Response:
        return await self._keep(request, self.decisions)

    async def _keep(self, request: Request, kept: list[dict[str, Any]]) -> Response:
        if not self._allowed(request):
            return Response(status_code=401)
        body = await request.body()
        try:
            document = json.loads(gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body)
        except (ValueError, OSError, EOFError, zlib.error):
            return Response(status_code=400)
        with self._arrived:
            kept.extend(document if isinstance(document, list) else [document])
            del kept[:-_KEPT]
            self._arrived.notify_all()
        return Response("{}", media_type="application/json")


def _wait_seconds(prefer: str) -> float:
    # A half-open connection would hold OPA for ever, so the answer comes well before it stops waiting.
    match = re.search(r"\bwait=(\d{1,6})\b", prefer)
    return min(_LONGEST_WAIT_SECONDS, int(match.group(1)) * 0.8) if match else 0.0
