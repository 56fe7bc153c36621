"""A TCP proxy between OPA and its service that can do what networks do: fall silent, or be gone."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class TcpProxy:
    """Forwards connections to a URL's host inside a `with` block.

    Attributes:
        accepted: how many connections have been made.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silenced: set[socket.socket] = set()
        self._gone = False
        self.accepted = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.reset()

    def silence(self) -> None:
        """From now on nothing more passes over the connections that there are; both ends still take them for open.

        New connections work.
        """
        self._silenced.update(one for pair in self._pairs for one in pair)

    def reset(self) -> None:
        """End all connections that there are."""
        for pair in self._pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._pairs.clear()

    def gone(self, value: bool = True) -> None:
        """Whether every connection is refused, those that there are included."""
        self._gone = value
        if value:
            self.reset()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._gone:
                near.close()
                continue
            self.accepted += 1
            far = socket.create_connection(self._target)
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source not in self._silenced:
                    sink.sendall(data)
            if source not in self._silenced:
                sink.shutdown(socket.SHUT_WR)
