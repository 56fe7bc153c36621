"""Where engines run: as processes of this machine. `engines.containers` runs the same in containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from weighbridge.engines import process
from weighbridge.engines.locate import require

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class Running(Protocol):
    """An engine that was started."""

    @property
    def running(self) -> bool:
        """Whether it still runs."""

    def output(self) -> str:
        """What it printed so far."""

    def wait_until(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Poll until `ready` says so; an `EngineError` if the engine ends before, or time runs out."""

    def stop(self) -> None:
        """End it."""


class Host(Protocol):
    """What starts engines. Arguments may name files: local paths, which mean the same to the engine."""

    def start(
        self, engine: str, arguments: Sequence[str | Path], *, environment: Mapping[str, str], log: Path
    ) -> Running:
        """Start an engine that goes on running."""

    def run(
        self,
        engine: str,
        arguments: Sequence[str | Path],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run an engine to its end; the caller judges its exit status."""


class LocalHost:
    """Engines found on this machine."""

    def start(
        self, engine: str, arguments: Sequence[str | Path], *, environment: Mapping[str, str], log: Path
    ) -> Running:
        """Start an engine that goes on running; OPA only with the Envoy plugin."""
        binary = require(engine, envoy_plugin=engine == "opa").path
        return process.EngineProcess(engine, [binary, *arguments], environment=environment, log=log)

    def run(
        self,
        engine: str,
        arguments: Sequence[str | Path],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run an engine to its end, by default with an empty environment."""
        return process.run([require(engine).path, *arguments], timeout=timeout, environment=environment)
