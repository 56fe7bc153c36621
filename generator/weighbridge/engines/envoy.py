"""A real Envoy on a bootstrap of ours, for as long as a `with` block lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import httpx
import yaml

from weighbridge.engines.host import LocalHost
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from weighbridge.engines.host import Host, Running

START_SECONDS = 30.0
VALIDATE_SECONDS = 60.0
# Without hot restart Envoy needs no shared memory, so many may run beside each other. The access log is flushed soon.
_OPTIONS = ("--disable-hot-restart", "--log-level", "warning", "--file-flush-interval-msec", "100")


class EnvoyServer:
    """Envoy, started and ready inside a `with` block.

    Args:
        bootstrap: what `points.envoy` wrote; its admin interface must be a Unix socket or loopback.
        folder: where its configuration and its log go; an existing folder of the caller's.
        concurrency: worker threads.
        host: what starts Envoy.
    """

    def __init__(self, bootstrap: str, *, folder: Path, concurrency: int = 1, host: Host | None = None) -> None:
        self._bootstrap = bootstrap
        self._folder = folder
        self._concurrency = concurrency
        self._host = host or LocalHost()
        self._process: Running | None = None

    def __enter__(self) -> Self:
        config = self._folder / "envoy.yaml"
        config.write_text(self._bootstrap, encoding="utf-8")
        admin = _admin_client(self._bootstrap)
        arguments = ["-c", str(config), "--concurrency", str(self._concurrency), *_OPTIONS]
        self._process = self._host.start("envoy", arguments, environment={}, log=self._folder / "envoy.log")
        try:
            self._process.wait_until(lambda: _ready(admin), timeout=START_SECONDS)
        except BaseException:
            self._process.stop()
            raise
        finally:
            admin.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop()

    @property
    def running(self) -> bool:
        """Whether it still runs: a crash under a hostile request would show here."""
        return self._process is not None and self._process.running

    def output(self) -> str:
        """What it printed."""
        return self._process.output() if self._process else ""


def _admin_client(bootstrap: str) -> httpx.Client:
    address = yaml.safe_load(bootstrap)["admin"]["address"]
    if "pipe" in address:
        transport = httpx.HTTPTransport(uds=address["pipe"]["path"])
        return httpx.Client(transport=transport, base_url="http://envoy", trust_env=False)
    socket = address["socket_address"]
    return httpx.Client(base_url=f"http://{socket['address']}:{socket['port_value']}", trust_env=False)


def _ready(admin: httpx.Client) -> bool:
    try:
        return admin.get("/ready").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def validate_bootstrap(path: Path, host: Host | None = None) -> None:
    """Let Envoy check a bootstrap without starting it.

    Raises:
        EngineError: Envoy refuses it; `detail` says why.
    """
    result = (host or LocalHost()).run("envoy", ["--mode", "validate", "-c", path, *_OPTIONS], timeout=VALIDATE_SECONDS)
    if result.returncode != 0:
        raise EngineError(f"envoy refuses {path.name}", (result.stderr + result.stdout).decode("utf-8", "replace"))
