"""What the control plane answers when it does not do what was asked: always the same JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus

NO_STORE = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"), (b"vary", b"*"))
"""Nothing here may be answered by a cache: an old live bundle is a lifted revocation. The older header is for what
speaks HTTP/1.0; `Vary: *` fits no later request, whatever else a cache makes of the rest."""


@dataclass
class Refused(Exception):  # noqa: N818 -- it is an answer
    """A request that is not served.

    Attributes:
        status: HTTP's.
        code: what programs compare.
        message: what people read; nothing that a client sent stands in it unbounded.
    """

    status: int
    code: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    def body(self) -> bytes:
        """The answer's JSON."""
        return json.dumps({"error": {"code": self.code, "message": self.message}}).encode()

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """The answer's headers, its own first."""
        length = str(len(self.body())).encode()
        return [
            (b"content-type", b"application/json"),
            (b"content-length", length),
            *NO_STORE,
            (b"x-content-type-options", b"nosniff"),
            *self.headers,
        ]

    def raw(self) -> bytes:
        """The whole HTTP/1.1 answer, for a connection that then ends."""
        head = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n".encode()
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in self.all_headers())
        return head + lines + b"connection: close\r\n\r\n" + self.body()


RETRY = ((b"retry-after", b"1"),)


def unauthorized() -> Refused:
    """No credential, or one that nobody knows; which of the two is not told."""
    challenge = ((b"www-authenticate", b'Bearer realm="weighbridge"'),)
    return Refused(401, "unauthorized", "Show a credential that this control plane knows.", challenge)


def forbidden(what: str) -> Refused:
    """Known, but not for this."""
    return Refused(403, "forbidden", what)


def not_found() -> Refused:
    """Nothing there."""
    return Refused(404, "not_found", "There is nothing at this path.")


def too_many(what: str) -> Refused:
    """Over a limit."""
    return Refused(429, "too_many", what, RETRY)


def too_large(limit: int) -> Refused:
    """A body over its bound."""
    return Refused(413, "too_large", f"The body is larger than {limit} bytes.", ((b"connection", b"close"),))


def unavailable(what: str) -> Refused:
    """Not now."""
    return Refused(503, "unavailable", what, RETRY)
