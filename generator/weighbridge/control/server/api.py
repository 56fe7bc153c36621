"""Orders, logs, receipts and the fleet: what operators, dashboards and clusters' agents ask.

Everything here is read with a credential, but for an order that is sent: its own signatures judge it.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from weighbridge.canonical import digest
from weighbridge.control.answers import EnvironmentList, OrderAnswer, OrderList
from weighbridge.control.server.app import as_refusal
from weighbridge.control.server.body import Gone, read_body
from weighbridge.control.server.bundles import seconds
from weighbridge.control.server.errors import NO_STORE, Refused, not_found
from weighbridge.control.server.gate import header, require
from weighbridge.control.server.reports import json_object

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from weighbridge.catalogue.names import Document
    from weighbridge.control.answers import ShownOrder
    from weighbridge.control.plane import ControlPlane
    from weighbridge.control.server.gate import Gate
    from weighbridge.control.server.identity import Identity
    from weighbridge.control.server.limits import Limits
    from weighbridge.control.server.metrics import Metrics
    from weighbridge.control.server.waiters import Waiters

_PLAIN = re.compile(rb"[A-Za-z0-9._/-]+")
_TICK_SECONDS = 0.25
_SEEN_SECONDS = 0.2
READERS = ("reader", "operator")
_PRESENT = frozenset({"in-force", "pending", "compiled-in"})


class Api:
    """The endpoints below `/v1`.

    Args:
        plane: answers.
        gate: who may ask.
        limits: how much.
        metrics: counts orders.
        waiters: know when the server ends.
    """

    def __init__(self, plane: ControlPlane, gate: Gate, limits: Limits, metrics: Metrics, waiters: Waiters) -> None:
        self._waiters = waiters
        self._plane = plane
        self._gate = gate
        self._limits = limits
        self._metrics = metrics
        self._views: dict[tuple[str, str | None], tuple[float, bytes, str]] = {}

    def routes(self) -> list[Route]:
        """For Starlette."""
        return [
            _route("/v1/orders", self.orders, "GET"),
            _route("/v1/orders", self.submit, "POST"),
            _route("/v1/orders/{id}", self.order, "GET"),
            _route("/v1/environments", self.environments, "GET"),
            _route("/v1/environments/{environment}", self.environment, "GET"),
            _route("/v1/environments/{environment}/fleet", self.fleet, "GET"),
            _route("/v1/receipts", self.receipt, "POST"),
        ]

    async def submit(self, request: Request) -> Response:
        """Take an order; what became of it is said for each environment that it names."""
        began = time.perf_counter()
        body = await read_body(request.receive, self._limits.order_bytes, self._limits.body_seconds)
        self._gate.order(request.scope, body)
        results = tuple(await self._plane.submit(body))
        self._metrics.order_seconds.observe(time.perf_counter() - began)
        for result in results:
            self._metrics.orders.labels(result.environment, result.outcome).inc()
        outcomes = {result.outcome for result in results}
        # A refusal is an answer like the others; its status is for whoever has only curl.
        status = 200 if outcomes & {"accepted", "known"} else 202 if "pending" in outcomes else 422
        return _json(OrderAnswer(results=results), status)

    async def orders(self, request: Request) -> Response:
        """Orders in force and pending; with `all=true` all of them."""
        identity = self._reader(request)
        everything = _flag(request, "all")
        asked = request.query_params.get("environment")
        if asked is not None:
            require(identity, asked, *READERS)
        environments = [asked] if asked is not None else self._seen(identity)
        shown = [order for environment in environments for order in self._plane.orders(environment)]
        found = [order for order in shown if everything or order.state in _PRESENT]
        return _json(OrderList(orders=tuple(sorted(found, key=_newest, reverse=True))))

    async def order(self, request: Request) -> Response:
        """One order, in each environment that this client may look at."""
        identity = self._reader(request)
        found = tuple(self._plane.order(request.path_params["id"]))
        seen = tuple(order for order in found if identity.sees(order.environment))
        if not seen:
            raise not_found()
        return _json(OrderList(orders=seen))

    async def environments(self, request: Request) -> Response:
        """Those that this client may look at."""
        identity = self._gate.anybody(request.scope)
        return _json(EnvironmentList(environments=tuple(self._seen(identity))))

    async def environment(self, request: Request) -> Response:
        """What live data of an environment says now: whoever routes an alias says where it points."""
        view = self._plane.environment(self._environment(request, *READERS))
        if view is None:
            raise not_found()
        return _json(view)

    async def fleet(self, request: Request) -> Response:
        """The fleet; with `Prefer: wait=N` and the tag of a view, once it differs from that."""
        environment = self._environment(request, *READERS)
        order = request.query_params.get("order")
        known = header(request.scope, b"if-none-match").decode("latin-1")
        until = time.monotonic() + seconds(header(request.scope, b"prefer"), self._limits.longest_wait)
        body, tag = await self._view(environment, order)
        while tag == known and time.monotonic() < until and not self._waiters.closing:
            if await request.is_disconnected():
                raise Gone
            await asyncio.sleep(_TICK_SECONDS)
            body, tag = await self._view(environment, order)
        if tag == known:
            return _bytes(b"", "application/json", 304, {"etag": tag})
        return _bytes(body, "application/json", 200, {"etag": tag})

    async def receipt(self, request: Request) -> Response:
        """Take an agent's receipt, for its own cluster."""
        identity = self._gate.client(request.scope)
        require(identity, identity.environment, "agent")
        body = await read_body(request.receive, self._limits.receipt_bytes, self._limits.body_seconds)
        document = json_object(body)
        for name, own in (("environment", identity.environment), ("cluster", identity.cluster)):
            if document.get(name, own) != own:
                raise Refused(403, "forbidden", f"The {name} is not the one that this credential is bound to.")
        await self._plane.receive_receipt(identity, document)
        self._metrics.reports.labels("receipt").inc()
        return _bytes(b"{}", "application/json")

    async def _view(self, environment: str, order: str | None) -> tuple[bytes, str]:
        """A view, at most a moment old, and its tag; however many watch, it is derived once."""
        key = (environment, order)
        at, body, tag = self._views.get(key, (0.0, b"", ""))
        if time.monotonic() - at > _SEEN_SECONDS:
            view = await self._plane.fleet(environment, () if order is None else (order,))
            # When it was looked at is not what it shows.
            tag = f'"{digest(view.model_dump_json(exclude={"at"}).encode())[7:39]}"'
            body = view.model_dump_json().encode()
            if len(self._views) > 64:
                self._views.clear()
            self._views[key] = (time.monotonic(), body, tag)
        return body, tag

    def _reader(self, request: Request) -> Identity:
        identity = self._gate.anybody(request.scope)
        if identity.role not in READERS:
            raise Refused(403, "forbidden", f"This is not for a {identity.role}.")
        return identity

    def _environment(self, request: Request, *roles: str) -> str:
        environment: str = request.path_params["environment"]
        require(self._gate.anybody(request.scope), environment, *roles)
        if environment not in self._plane.environments():
            raise not_found()
        return environment

    def _seen(self, identity: Identity) -> list[str]:
        return [name for name in sorted(self._plane.environments()) if identity.sees(name)]


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str) -> Route:
    return Route(path, guarded(endpoint), methods=[method])


def guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, whose path must have come as it is written, and whose failures are answered as all others are."""

    async def answer(request: Request) -> Response:
        try:
            plain = _PLAIN.fullmatch(request.scope["raw_path"]) is not None
            return await endpoint(request) if plain else refusal(not_found())
        except Gone:
            raise
        except Exception as error:
            return refusal(as_refusal(error))

    return answer


def refusal(refused: Refused) -> Response:
    """The answer that says why there is none."""
    response = Response(refused.body(), refused.status)
    response.raw_headers = refused.all_headers()
    return response


async def http_refusal(request: Request, error: Exception) -> Response:  # noqa: ARG001 -- Starlette's signature
    """What Starlette itself refuses, in our words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return refusal(Refused(405, "method_not_allowed", "This path is not for that method."))
    return refusal(not_found())


def _newest(order: ShownOrder) -> tuple[int, int]:
    return (order.accepted or order.issued_at, order.number or 0)


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "false")
    if value not in {"true", "false"}:
        raise Refused(400, "bad_request", f"`{name}` is true or false.")
    return bool(value == "true")


def _json(document: Document, status: int = 200) -> Response:
    return _bytes(document.model_dump_json(exclude_none=True).encode(), "application/json", status)


def _bytes(body: bytes | None, media_type: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    if body is None:
        raise not_found()
    response = Response(body, status, headers, media_type)
    response.raw_headers.extend(NO_STORE)
    return response
