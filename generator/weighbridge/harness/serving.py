"""A web application of ours on a loopback port, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn

from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.applications import Starlette

_START_SECONDS = 10.0


class AppServer:
    """The application, served inside a `with` block on a port that the system chooses.

    Args:
        app: what is served.
        port: 0 for any.

    Attributes:
        loop: the event loop that serves, for calls from other threads.
    """

    def __init__(self, app: Starlette, port: int = 0) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._port = port
        config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, name="weighbridge-app", daemon=True)

    def __enter__(self) -> Self:
        self._socket.bind(("127.0.0.1", self._port))
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise EngineError("a server of our own did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    @property
    def stopping(self) -> bool:
        """Whether the block is being left: whoever waits should answer."""
        return self._server.should_exit

    def _serve(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._socket])

        asyncio.run(serve())
