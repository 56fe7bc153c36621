"""Who may ask what, and how often: each request passes here first.

Order of steps: whoever shows a credential must be known by it; then their share of requests and connections is counted;
then it is for the caller to compare role and environment. Without a credential only an address can be counted.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from weighbridge.control.operator_token import verify_operator_token
from weighbridge.control.server.errors import RETRY, Refused, forbidden, too_many, unauthorized
from weighbridge.control.server.identity import MAX_CREDENTIAL, Directory, Identity, bearer
from weighbridge.control.server.limits import Buckets, Limits
from weighbridge.control.server.protocol import KEY, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weighbridge.keys import PublicKey

Scope = Any
"""ASGI's."""


def connection_of(scope: Scope) -> Connection | None:
    """The connection of a request; None where the application is called without a server, as in tests."""
    found: Connection | None = scope.get("extensions", {}).get(KEY, {}).get("connection")
    return found


def header(scope: Scope, name: bytes) -> bytes:
    """A header's value, empty without one.

    Raises:
        Refused: it is there twice, and who reads the first is not told what who reads the last is.
    """
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        close = ((b"connection", b"close"),)
        raise Refused(400, "bad_request", f"The header {name.decode()} is there twice.", close)
    found: bytes = values[0] if values else b""
    return found


def target(scope: Scope) -> str:
    """Path and query, exactly as they came."""
    query = scope.get("query_string", b"")
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return (raw + b"?" + query if query else raw).decode("latin-1")


class Gate:
    """Recognises and counts.

    Args:
        directory: the clients; may be replaced at any time.
        operators: gives the keys, by fingerprint, that may order anything, by environment.
        limits: how much each may ask.
    """

    def __init__(
        self, directory: Directory, operators: Callable[[], Mapping[str, Mapping[str, PublicKey]]], limits: Limits
    ) -> None:
        self.directory = directory
        self._operators = operators
        self._limits = limits
        self._known = Buckets(limits.sidecar_rate, limits.sidecar_burst)
        self._strangers = Buckets(limits.anonymous_rate, limits.anonymous_burst)
        self._orders = Buckets(limits.order_rate, limits.order_burst)

    def client(self, scope: Scope) -> Identity:
        """The sidecar, agent or reader who asks, by token or certificate.

        Raises:
            Refused: nobody known, or over their limit.
        """
        identity = self._recognised(scope)
        if identity is None:
            self.stranger(scope)
            raise unauthorized()
        return self._counted(scope, identity)

    def again(self, scope: Scope) -> Identity:
        """Who asked, for a request that has waited: meanwhile they may have been taken off the list.

        Raises:
            Refused: nobody known any more.
        """
        identity = self._recognised(scope) or self._operator(scope, b"")
        if identity is None:
            raise unauthorized()
        return identity

    def anybody(self, scope: Scope, body: bytes = b"") -> Identity:
        """Whoever may read: a client, or an operator by a token for this very request.

        Raises:
            Refused: nobody known, or over their limit.
        """
        identity = self._recognised(scope) or self._operator(scope, body)
        if identity is None:
            self.stranger(scope)
            raise unauthorized()
        return self._counted(scope, identity)

    def order(self, scope: Scope, body: bytes) -> None:
        """Count an order: of the operator who shows a token with it, else of the address.

        An order needs no credential, its signatures judge; but whoever shows one is not held up by strangers who come
        from the same address.

        Raises:
            Refused: over the limit.
        """
        try:
            identity = self._operator(scope, body)
        except Refused:
            identity = None
        key = ("operator", identity.name) if identity else ("address", _address(scope))
        if not self._orders.take(key):
            raise too_many("There are too many orders at once; try again in a second.")

    def stranger(self, scope: Scope) -> None:
        """Count a request without a credential.

        Raises:
            Refused: over the limit.
        """
        if not self._strangers.take(_address(scope)):
            close = (*RETRY, (b"connection", b"close"))
            raise Refused(429, "too_many", "There are too many requests without a credential.", close)

    def _recognised(self, scope: Scope) -> Identity | None:
        connection = connection_of(scope)
        shown = header(scope, b"authorization")
        directory = self.directory
        by_certificate = None
        if connection is not None and connection.certificate is not None:
            by_certificate = directory.by_certificate(connection.certificate)
        if not shown:
            return by_certificate
        by_token = directory.by_bearer(bearer(shown))
        if by_token is not None and by_certificate is not None and by_token != by_certificate:
            raise forbidden("The token and the client certificate belong to different clients.")
        return by_token

    def _operator(self, scope: Scope, body: bytes) -> Identity | None:
        shown = header(scope, b"authorization")
        token = bearer(shown)
        if token.count(b".") != 2 or len(token) > MAX_CREDENTIAL:
            return None
        operators = self._operators()
        known = {fingerprint: key for keys in operators.values() for fingerprint, key in keys.items()}
        try:
            fingerprint = verify_operator_token(
                token.decode("ascii", "replace"),
                known,
                method=scope["method"],
                target=target(scope),
                body=body,
                at_ns=time.time_ns(),
            )
        except ValueError as error:
            self.stranger(scope)
            refused = unauthorized()
            raise Refused(401, refused.code, f"The operator's token {error}.", refused.headers) from error
        environments = frozenset(name for name, keys in operators.items() if fingerprint in keys)
        return Identity(fingerprint, "operator", environments, sidecars=1)

    def _counted(self, scope: Scope, identity: Identity) -> Identity:
        if not self._known.take(identity.name, identity.sidecars):
            raise too_many("There are too many requests of this client.")
        connection = connection_of(scope)
        if connection is not None and not connection.hold(identity):
            close = (*RETRY, (b"connection", b"close"))
            raise Refused(429, "too_many", "There are too many connections of this client.", close)
        return identity


def require(identity: Identity, environment: str, *roles: str) -> None:
    """Refuse who may not do this here.

    Raises:
        Refused: another role, or another environment.
    """
    if identity.role not in roles:
        raise forbidden(f"This is not for a {identity.role}.")
    if not identity.sees(environment):
        raise forbidden("This credential is bound to another environment.")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
