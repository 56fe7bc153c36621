"""The process: plane, application and listening socket, from the first to the last moment.

Order of steps: raise the number of open files; start the plane, which verifies all that it has; listen; say where. At
the end: be not ready, so that a balancer sends nothing more; close the listening socket; answer whoever waits; finish
what has begun; stop the mirrors, then the plane. A second signal ends the process at once: what was accepted is on the
disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from weighbridge.control.mirror.targets import targets
from weighbridge.control.plane import ControlPlane
from weighbridge.control.plane_parts import PlaneSettings
from weighbridge.control.server.api import Api, http_refusal
from weighbridge.control.server.app import App
from weighbridge.control.server.bundles import Bundles
from weighbridge.control.server.clients import read_clients
from weighbridge.control.server.decision_logs import DecisionLogs
from weighbridge.control.server.gate import Gate
from weighbridge.control.server.health import Health
from weighbridge.control.server.identity import Directory
from weighbridge.control.server.limits import Limits
from weighbridge.control.server.log import LOG
from weighbridge.control.server.metrics import Metrics
from weighbridge.control.server.mirrors import Mirrors
from weighbridge.control.server.protocol import Connections
from weighbridge.control.server.reports import Reports
from weighbridge.control.server.tls import reload_files
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weighbridge.control.server.settings import ServeSettings
    from weighbridge.control.server.waiters import Waiters
    from weighbridge.keys import PublicKey

_DRAIN_SECONDS = 0.5
"""Between being not ready and listening no more."""
_FINISH_SECONDS = 3
"""For requests that have begun."""
_BACKLOG = 4096
_SEND_BUFFER = 256 * 1024


class Server:
    """One server around one plane.

    Args:
        settings: what it is told.
        plane: started; the caller stops it.
        limits: how much each client may ask.

    Attributes:
        waiters: who waits.
        gate: who may ask.
        app: the application, for tests without a socket.
    """

    def __init__(self, settings: ServeSettings, plane: ControlPlane, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._settings = settings
        self._plane = plane
        self._limits = limits
        self._uvicorn: _Uvicorn | None = None
        self.connections = Connections(limits)
        self.gate = Gate(Directory.of(settings.clients), self._operators, limits)
        bundles = Bundles(plane, self.gate, limits)
        self.waiters = bundles.waiters
        self._metrics = Metrics(plane.registry)
        self._decisions = None if settings.decision_logs is None else DecisionLogs(settings.decision_logs)
        self._mirrors = Mirrors([targets(spec) for spec in settings.publish], plane)
        self._watch()
        api = Api(plane, self.gate, limits, self._metrics, self.waiters)
        health = Health(plane, self.gate, self._metrics, self.waiters)
        handlers: dict[Any, Any] = {HTTPException: http_refusal}
        rest = Starlette(routes=[*api.routes(), *health.routes()], exception_handlers=handlers)
        rest.router.redirect_slashes = False
        self.app = App(
            bundles,
            Reports(plane, self.gate, limits, self._decisions, self._metrics),
            rest,
            self._metrics,
        )

    async def run(self, listening: socket.socket) -> None:
        """Serve until `end` is called."""
        config = uvicorn.Config(
            self.app,
            http=self.connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=int(self._limits.idle_seconds),
            timeout_graceful_shutdown=_FINISH_SECONDS,
        )
        self._uvicorn = _Uvicorn(config, self._settings, self._limits, self.waiters)
        self._mirrors.start()
        try:
            await self._uvicorn.serve([listening])
        finally:
            await self._mirrors.stop()
            if self._decisions is not None:
                await self._decisions.stop()

    def reload(self) -> None:
        """Read clients and certificates again; what cannot be used leaves the old ones in force."""
        try:
            directory = Directory.of(read_clients(self._settings.clients_file))
            if self._settings.tls is not None and self._settings.tls_files is not None:
                reload_files(self._settings.tls, self._settings.tls_files)
        except InputError as error:
            LOG.error("not reloaded", extra={"fields": {"why": str(error)}})
            return
        self.gate.directory = directory
        self.waiters.wake_all()
        LOG.info("reloaded", extra={"fields": {"clients": len(directory.names)}})

    def end(self) -> None:
        """Begin to end; called again, end at once."""
        if self.waiters.draining or self._uvicorn is None:
            os._exit(1)
        LOG.info("ending")
        self.waiters.draining = True
        asyncio.get_running_loop().call_later(_DRAIN_SECONDS, setattr, self._uvicorn, "should_exit", True)

    def _operators(self) -> Mapping[str, Mapping[str, PublicKey]]:
        controls = {name: self._plane.control(name) for name in self._plane.environments()}
        return {
            name: {fingerprint(key): key for authority in control.authority.values() for key in authority.keys.values()}
            for name, control in controls.items()
            if control is not None
        }

    def _watch(self) -> None:
        watch = self._metrics.watch
        watch("weighbridge_serve_waiters", "Requests that wait for news.", lambda: len(self.waiters))
        watch("weighbridge_serve_connections", "Open connections.", lambda: self.connections.total)
        watch("weighbridge_serve_mirror_lag_seconds", "How far the slowest mirror is behind.", self._mirrors.lag)
        if self._decisions is not None:
            decisions = self._decisions
            watch("weighbridge_serve_decisions", "Decision log events since the start.", lambda: decisions.written)


class _Uvicorn(uvicorn.Server):
    """uvicorn, but for how it takes TLS connections, signals and its leave."""

    def __init__(self, config: uvicorn.Config, settings: ServeSettings, limits: Limits, waiters: Waiters) -> None:
        super().__init__(config)
        self._settings = settings
        self._limits = limits
        self._waiters = waiters

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; a TLS handshake has seconds and not, as it would by default, a minute."""
        config, loop = self.config, asyncio.get_running_loop()
        await self.lifespan.startup()

        def connection() -> asyncio.Protocol:
            protocol: Any = config.http_protocol_class
            made: asyncio.Protocol = protocol(config=config, server_state=self.server_state, app_state={}, _loop=loop)
            return made

        tls = self._settings.tls
        patience = None if tls is None else self._limits.handshake_seconds
        self.servers = [
            await loop.create_server(connection, sock=sock, ssl=tls, backlog=_BACKLOG, ssl_handshake_timeout=patience)
            for sock in sockets or []
        ]
        self.started = True
        port = self.servers[0].sockets[0].getsockname()[1]
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        url = f"{'http' if tls is None else 'https'}://{host}:{port}"
        LOG.info("listening", extra={"fields": {"url": url}})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more first, so that who is answered now asks elsewhere; then end the waiting."""
        for server in self.servers:
            server.close()
        self._waiters.close()
        await super().shutdown(sockets)
        LOG.info("ended")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are handled above."""
        yield


def bind(settings: ServeSettings) -> socket.socket:
    """The listening socket.

    Raises:
        InputError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Its connections have the same: else the kernel takes megabytes for each reader that does not read.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        address, reason = f"{settings.host}:{settings.port}", error.strerror or str(error)
        fix = "Give another address, or end what uses this one."
        raise InputError.single("", f"is {address}: {reason}", fix, field="--listen") from error
    listening.setblocking(False)
    return listening


async def serve(settings: ServeSettings) -> None:
    """Run a server until it is told to end.

    Raises:
        InputError: something that it was told is not acceptable.
        EngineError: the database cannot be used.
    """
    _raise_open_files()
    parts = PlaneSettings(
        database=settings.database,
        live_keys=settings.live_keys,
        release_keys=settings.release_keys,
        bundles=settings.bundles,
        log_keys=settings.past_live_keys,
        pss=settings.pss,
    )
    with contextlib.closing(bind(settings)) as listening:
        async with ControlPlane(parts) as plane:
            server, loop = Server(settings, plane), asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.end)
            loop.add_signal_handler(signal.SIGHUP, server.reload)
            # Ten thousand connections are half a million objects; looking through all takes longer than an order may.
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            await server.run(listening)


def _raise_open_files() -> None:
    """Each connection is one; most systems give a process few of those that it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
