"""The control plane, as an operator speaks to it: orders are sent, everything else is read.

Sending needs no identity, as an order's own signatures are judged. Reading needs a token: one that a key signs for each
request, or a reader's. What is read is the server's word, unless it is verified: control data by the release key, log
entries by the live key (`control/proof.py`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import ValidationError

from weighbridge.control.answers import EnvironmentList, EnvironmentView, OrderAnswer, OrderList
from weighbridge.control.ask import Unanswered, Unusable, complaint
from weighbridge.control.fleet_view import FleetView
from weighbridge.control.operator_token import LIFETIME_S, operator_token

if TYPE_CHECKING:
    from weighbridge.catalogue.names import Document
    from weighbridge.control.answers import OrderResult, ShownOrder
    from weighbridge.control.ask import Reply, Servers
    from weighbridge.keys import PrivateKey

D = TypeVar("D", bound="Document")
_JSON = {"Content-Type": "application/json"}
TOLERATED_S = 30.0
"""By how much this machine's clock may differ from the server's before that is said, and made up for, in seconds."""


class Identity:
    """Who reads: an operator by a key, a reader by a token, or nobody.

    Args:
        key: of somebody who may sign an order in an environment.
        token: a reader's; wins over the key.
    """

    def __init__(self, key: PrivateKey | None = None, token: str | None = None) -> None:
        self.ahead_ns = 0
        """By how much this machine's clock is ahead of the server's, where that was found to matter."""
        self._key = key
        self._token = token
        self._made: dict[tuple[str, str, bytes], tuple[float, str]] = {}

    def headers(self, method: str, target: str, body: bytes = b"") -> dict[str, str]:
        """What a request carries; a key signs again only when its last token for the same one nears its end."""
        if self._token is not None:
            return {"Authorization": f"Bearer {self._token}"}
        if self._key is None:
            return {}
        made_at, token = self._made.get((method, target, body), (0.0, ""))
        if time.monotonic() - made_at > LIFETIME_S / 2 or not token:
            made_at, token = time.monotonic(), operator_token(self._key, method, target, body, at_ns=self.now_ns())
            self._made[method, target, body] = (made_at, token)
        return {"Authorization": f"Bearer {token}"}

    def now_ns(self) -> int:
        """The time, by the server's clock where this machine's differs much."""
        return time.time_ns() - self.ahead_ns

    def correct(self, ahead_s: float | None) -> bool:
        """Go by the server's clock from now on, if this machine's differs so much that tokens are not believed.

        A server that lies about the time is believed about nothing by it: orders that restrict are taken whatever their
        age, and a token is good for the one thing that was read.

        Returns:
            Whether that changes anything.
        """
        if ahead_s is None or abs(ahead_s) <= TOLERATED_S or self.ahead_ns:
            return False
        self.ahead_ns = int(ahead_s * 1e9)
        self._made.clear()
        return True


class ControlClient:
    """The calls of one operator.

    Args:
        servers: the replicas, open.
        identity: who reads.

    Attributes:
        identity: who reads; also knows the time.
    """

    def __init__(self, servers: Servers, identity: Identity | None = None) -> None:
        self.servers = servers
        self.identity = identity or Identity()

    async def submit(self, envelope: bytes) -> tuple[tuple[OrderResult, ...], Reply]:
        """Send an order; the same order can be sent as often as one likes.

        Raises:
            Unanswered: nobody said what became of it.
        """
        # It needs no token; who shows one is not held up by strangers' requests from the same address.
        headers = {**_JSON, **self.identity.headers("POST", "/v1/orders", envelope)}
        reply = await self.servers.ask("POST", "/v1/orders", headers=headers, body=envelope, check=_says_what_became)
        return OrderAnswer.model_validate_json(reply.body).results, reply

    async def environments(self) -> tuple[str, ...]:
        """The environments that the server knows."""
        return (await self._document(EnvironmentList, "/v1/environments")).environments

    async def environment(self, name: str) -> EnvironmentView:
        """What live data of an environment says now, by the server's word."""
        return await self._document(EnvironmentView, f"/v1/environments/{quote(name, safe='')}")

    async def control(self, environment: str) -> bytes:
        """The control bundle of the newest release, unverified."""
        path = f"/v1/environments/{quote(environment, safe='')}/control.tar.gz"
        return await self._bytes(path, self.servers.limits.data_bytes)

    async def log(self, environment: str) -> bytes:
        """The environment's log, JSON Lines, unverified."""
        path = f"/v1/environments/{quote(environment, safe='')}/log.jsonl"
        return await self._bytes(path, self.servers.limits.data_bytes)

    async def orders(self, environment: str | None = None, *, everything: bool = False) -> tuple[ShownOrder, ...]:
        """Orders in force or pending; with `everything`, all of them."""
        query = {"environment": environment, "all": "true" if everything else None}
        return (await self._document(OrderList, _with_query("/v1/orders", query))).orders

    async def order(self, order_id: str) -> tuple[ShownOrder, ...]:
        """One order, an entry for each environment; empty if there is none."""
        try:
            return (await self._document(OrderList, f"/v1/orders/{quote(order_id, safe='')}")).orders
        except Absent:
            return ()

    async def fleet(
        self, environment: str, *, order: str | None = None, known: str = "", wait: float = 0.0
    ) -> tuple[FleetView | None, str]:
        """The fleet of an environment, and the tag of this view of it.

        Args:
            environment: whose fleet.
            order: with the progress of this order.
            known: the tag of the view that one has.
            wait: how many seconds the server may take for one that differs.

        Returns:
            None in place of the view, if it is the one that is known.
        """
        path = _with_query(f"/v1/environments/{quote(environment, safe='')}/fleet", {"order": order})
        headers = {"If-None-Match": known} if known else {}
        if known and wait:
            headers["Prefer"] = f"wait={int(wait)}"
        reply = await self._read(path, None, headers, wait if known else 0.0)
        tag = reply.headers.get("ETag", "")
        if reply.status == httpx.codes.NOT_MODIFIED:
            return None, known
        return _parsed(FleetView, reply), tag

    async def _document(self, model: type[D], target: str) -> D:
        return _parsed(model, await self._read(target))

    async def _bytes(self, target: str, limit: int) -> bytes:
        return (await self._read(target, limit)).body

    async def _read(
        self, target: str, limit: int | None = None, headers: dict[str, str] | None = None, wait: float = 0.0
    ) -> Reply:
        seen: list[float | None] = []

        def check(reply: Reply) -> None:
            seen.append(reply.ahead_s)
            _lets_us_read(reply)

        for last in (False, True):
            sent = {**self.identity.headers("GET", target), **(headers or {})}
            try:
                reply = await self.servers.ask("GET", target, headers=sent, limit=limit, wait=wait, check=check)
                break
            except Unanswered:
                # An operator whose machine is an hour off reads all the same, once the server has said what time it is.
                if last or not seen or not self.identity.correct(seen[-1]):
                    raise
        self.identity.correct(reply.ahead_s)
        if reply.status == httpx.codes.NOT_FOUND:
            raise Absent({reply.server: _status(reply)}, sent=False)
        return reply


class Absent(Unanswered):
    """The server knows no such thing."""


def _says_what_became(reply: Reply) -> None:
    try:
        OrderAnswer.model_validate_json(reply.body)
    except ValidationError as error:
        # Turned away at the door by a status of its own; else something that is no control plane may have passed it on.
        reason = _status(reply) or "answered what no control plane answers"
        raise Unusable(reason, sent=reply.status < 400) from error


def _lets_us_read(reply: Reply) -> None:
    if reply.status not in {httpx.codes.OK, httpx.codes.NOT_MODIFIED, httpx.codes.NOT_FOUND}:
        raise Unusable(_status(reply) or f"answered {reply.status}", sent=False)


def _with_query(path: str, query: dict[str, str | None]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _parsed(model: type[D], reply: Reply) -> D:
    try:
        return model.model_validate_json(reply.body)
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"answers in a form that is not known ({place}: {first['msg']})"
        raise Unanswered({reply.server: reason[:300]}, sent=False) from error


def _status(reply: Reply) -> str:
    """Why an answer is none, for people; "" if its status says that it is one."""
    if reply.status == httpx.codes.UNAUTHORIZED:
        clock = ""
        if reply.ahead_s is not None and abs(reply.ahead_s) > TOLERATED_S:
            word = "ahead of" if reply.ahead_s > 0 else "behind"
            clock = f"; this machine's clock is {abs(reply.ahead_s):.0f} s {word} the server's"
        return f"does not let us read: {complaint(reply.body) or 'give --key, or --token-file'}{clock}"
    if reply.status >= 400:
        return f"answered {reply.status}: {complaint(reply.body)}".removesuffix(": ")
    return ""
