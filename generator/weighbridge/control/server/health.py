"""Whether the process lives, whether it should get requests, what it measures, and how all of it is spoken to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from weighbridge.control.server.api import guarded
from weighbridge.control.server.errors import NO_STORE, Refused
from weighbridge.control.server.metrics import CONTENT_TYPE
from weighbridge.control.server.openapi import document

if TYPE_CHECKING:
    from starlette.requests import Request

    from weighbridge.control.plane import ControlPlane
    from weighbridge.control.server.gate import Gate
    from weighbridge.control.server.metrics import Metrics
    from weighbridge.control.server.waiters import Waiters

_READ = ["GET"]


class Health:
    """The endpoints.

    Args:
        plane: knows whether it is ready.
        gate: who may read metrics.
        metrics: what is measured.
        waiters: know when the server ends.
    """

    def __init__(self, plane: ControlPlane, gate: Gate, metrics: Metrics, waiters: Waiters) -> None:
        self._plane = plane
        self._gate = gate
        self._metrics = metrics
        self._waiters = waiters
        self._description = json.dumps(document()).encode()

    def routes(self) -> list[Route]:
        """For Starlette."""
        return [
            Route("/health", guarded(self.health), methods=_READ),
            Route("/ready", guarded(self.ready), methods=_READ),
            Route("/metrics", guarded(self.metrics), methods=_READ),
            Route("/openapi.json", guarded(self.description), methods=_READ),
        ]

    async def health(self, request: Request) -> Response:  # noqa: ARG002 -- an endpoint's signature
        """The process answers."""
        return _answer(b'{"status": "ok"}')

    async def ready(self, request: Request) -> Response:  # noqa: ARG002 -- an endpoint's signature
        """Whether this replica should get requests; if not, why."""
        reasons = list(self._plane.not_ready())
        if self._waiters.draining:
            reasons.append("the server ends")
        body = json.dumps({"ready": not reasons, "reasons": reasons}).encode()
        return _answer(body, status=503 if reasons else 200)

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        identity = self._gate.anybody(request.scope)
        if identity.role != "reader":
            raise Refused(403, "forbidden", f"This is not for a {identity.role}.")
        return _answer(self._metrics.text(), CONTENT_TYPE)

    async def description(self, request: Request) -> Response:  # noqa: ARG002 -- an endpoint's signature
        """This interface, for programs."""
        return _answer(self._description)


def _answer(body: bytes, media_type: str = "application/json", status: int = 200) -> Response:
    response = Response(body, status)
    response.raw_headers.extend([(b"content-type", media_type.encode()), *NO_STORE])
    return response
