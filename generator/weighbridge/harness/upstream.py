"""What stands in for every model's server: it says that a call arrived, and by which route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from weighbridge.points.envoy import ROUTE_HEADER

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

ARRIVED = "x-harness-arrived"
"""Response header that only this server sets: the route by which a call came."""


async def _arrived(request: Request) -> Response:
    body = await request.body()
    route = request.headers.get(ROUTE_HEADER, "")
    seen = {"headers": request.headers.items(), "path": request.url.path, "bytes": len(body)}
    return JSONResponse(seen, headers={ARRIVED: route})


def upstream_app() -> Starlette:
    """The application, answering every method and path."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", _arrived, methods=methods)])
