"""A load client that measures well: one connection, kept alive, no library between the clock and the socket."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Self


class Connection:
    """One HTTP/1.1 connection to a loopback port."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Nothing to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._socket.close()

    def exchange(self, request: bytes) -> tuple[int, bytes, int]:
        """Send a request and read its answer: status, body, nanoseconds from the first byte out to the last one in."""
        start = time.perf_counter_ns()
        self._socket.sendall(request)
        data = self._socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        length = _content_length(data[:end])
        while len(data) < end + 4 + length:
            data += self._more()
        elapsed = time.perf_counter_ns() - start
        return int(data[9:12]), data[end + 4 :], elapsed

    def _more(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise ConnectionError("the gateway hung up")
        return part


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line[15:])
    raise ValueError("an answer of unknown length")


def post(path: str, document: Any, headers: dict[str, str] | None = None) -> bytes:
    """The bytes of a POST with a JSON body."""
    body = json.dumps(document).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: models.example.com",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def percentile(values: list[int], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * share))])
