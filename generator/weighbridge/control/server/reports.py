"""What sidecars post in OPA's own formats: statuses and decision logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.control.server.body import read_body, unpack
from weighbridge.control.server.decision_log import check_environment
from weighbridge.control.server.errors import Refused, not_found
from weighbridge.control.server.gate import header, require
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.control.plane import ControlPlane
    from weighbridge.control.server.decision_logs import DecisionLogs
    from weighbridge.control.server.gate import Gate, Scope
    from weighbridge.control.server.identity import Identity
    from weighbridge.control.server.limits import Limits
    from weighbridge.control.server.metrics import Metrics

STATUS_PATHS = frozenset({b"/status", b"/status/"})
"""OPA posts to `/status` and, with a partition, below it; partitions are not used here."""
LOG_PATHS = frozenset({b"/logs", b"/logs/"})
_METRICS = b',"metrics":{"prometheus":'


class Reports:
    """Takes reports.

    Args:
        plane: keeps statuses.
        gate: who may report.
        limits: how much.
        log: where decision logs go; None if they are not taken.
        metrics: counts them.
    """

    def __init__(
        self, plane: ControlPlane, gate: Gate, limits: Limits, log: DecisionLogs | None, metrics: Metrics
    ) -> None:
        self._plane = plane
        self._gate = gate
        self._limits = limits
        self._log = log
        self._metrics = metrics

    async def status(self, scope: Scope, receive: Any, send: Any) -> None:
        """Take a sidecar's status.

        Raises:
            Refused: it is none, or not this client's to give.
        """
        identity = self._sidecar(scope)
        limit = self._limits.status_bytes
        body = await read_body(receive, limit, self._limits.body_seconds)
        coding = header(scope, b"content-encoding") or b"identity"
        document = json_object(without_metrics(unpack(body, {b"content-encoding": coding}, limit)))
        check_environment(document, identity.environment)
        await self._plane.receive_status(identity, document)
        self._metrics.reports.labels("status").inc()
        await _taken(send)

    async def logs(self, scope: Scope, receive: Any, send: Any) -> None:
        """Take a sidecar's decisions.

        Raises:
            Refused: they are none, not this client's to give, or there is no room for them.
        """
        identity = self._sidecar(scope)
        if self._log is None:
            raise not_found()
        body = await read_body(receive, self._limits.log_bytes, self._limits.body_seconds)
        # Where it cannot be written, OPA keeps it and tries again, for as long as its buffer lasts.
        await self._log.append(identity, body, header(scope, b"content-encoding") or b"identity")
        self._metrics.reports.labels("decisions").inc()
        await _taken(send)

    def _sidecar(self, scope: Scope) -> Identity:
        if scope["method"] != "POST":
            closed = ((b"allow", b"POST"), (b"connection", b"close"))
            raise Refused(405, "method_not_allowed", "Only POST is taken here.", closed)
        identity = self._gate.client(scope)
        require(identity, identity.environment, "sidecar")
        return identity


def without_metrics(data: bytes) -> bytes:
    """A status up to OPA's own metrics: 60 KB that nobody reads here, and parsing them would cost a hundred times more.

    Inside a text the quotes would be escaped, so these bytes are a member; where it is another one than the outermost,
    what is left is no JSON, and the whole is read.
    """
    front, metrics, _ = data.partition(_METRICS)
    if not metrics:
        return data
    short = front + b"}"
    try:
        json.loads(short)
    except ValueError:
        return data
    return short


def json_object(data: bytes) -> dict[str, Any]:
    """A body that must be a JSON object.

    Raises:
        Refused: it is none.
    """
    try:
        document = parse_json(data, "body")
    except InputError as error:
        raise Refused(400, "bad_request", f"The body {error.problems[0].message}.") from error
    if not isinstance(document, dict):
        raise Refused(400, "bad_request", "The body is no JSON object.")
    return document


async def _taken(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
