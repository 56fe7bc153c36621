"""The application: a short way for what sidecars ask, Starlette for everything else.

A thousand sidecars wait here and come back within the same instant, each with a status, so their requests pass no
framework. Whatever fails on either way is answered with the same JSON, and no answer may be kept by a cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.control.plane_parts import ReportRefusedError, UnavailableError
from weighbridge.control.server.body import Gone
from weighbridge.control.server.bundles import wanted
from weighbridge.control.server.errors import Refused, unavailable
from weighbridge.control.server.log import LOG
from weighbridge.control.server.reports import LOG_PATHS, STATUS_PATHS

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from weighbridge.control.server.bundles import Bundles
    from weighbridge.control.server.gate import Scope
    from weighbridge.control.server.metrics import Metrics
    from weighbridge.control.server.reports import Reports

_INTERNAL = Refused(500, "internal", "The control plane failed; its log says why.")


class App:
    """ASGI.

    Args:
        bundles: serves them.
        reports: takes statuses and decision logs.
        rest: all other paths.
        metrics: counts refusals.
    """

    def __init__(self, bundles: Bundles, reports: Reports, rest: Starlette, metrics: Metrics) -> None:
        self._bundles = bundles
        self._reports = reports
        self._rest = rest
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except Gone:
            return
        except Exception as error:
            # All refuse before they answer; once an answer has begun, uvicorn ends the connection.
            await self._refuse(scope, send, as_refusal(error))

    async def _serve(self, scope: Scope, receive: Any, send: Any) -> None:
        raw_path = scope["raw_path"]
        what = wanted(raw_path)
        if what is not None:
            await self._bundles.serve(scope, send, what)
        elif raw_path in STATUS_PATHS:
            await self._reports.status(scope, receive, send)
        elif raw_path in LOG_PATHS:
            await self._reports.logs(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Any, refused: Refused) -> None:
        self._metrics.refused.labels(refused.code).inc()
        headers = refused.all_headers()
        if scope["method"] not in {"GET", "HEAD"} and not any(name == b"connection" for name, _ in headers):
            # The rest of its body, if there is any, is not waited for.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await send({"type": "http.response.body", "body": refused.body()})


def as_refusal(error: Exception) -> Refused:
    """What is answered to whoever asked, in place of what went wrong."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, UnavailableError):
        return unavailable(str(error))
    if isinstance(error, ReportRefusedError):
        return Refused(422, "refused", str(error))
    LOG.error("a request failed", exc_info=error)
    return _INTERNAL
