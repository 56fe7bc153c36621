"""The same engines in containers, from images that the user names.

Containers share this machine's network and see the harness's folder under its own path, so the same arguments and
addresses hold inside and outside. A daemon on another machine cannot work, and is told apart by that.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from docker.models.containers import Container

_STOP_SECONDS = 5
_TAIL_LINES = 50


class ContainerHost:
    """Starts engines in containers.

    Args:
        images: image by engine name.
        folder: the folder with every file that arguments name; existing, and on the daemon's machine.

    Raises:
        EngineError: no daemon answers.
    """

    def __init__(self, images: Mapping[str, str], folder: Path) -> None:
        self._images = images
        self._folder = folder
        try:
            self._client = docker.from_env()
            self._client.ping()
        except (DockerException, RequestException) as error:
            where = os.environ.get("DOCKER_HOST", "the default socket")
            message = f"no Docker daemon answers at {where}. Start one, set DOCKER_HOST, or use `--engine local`."
            raise EngineError(message, str(error)) from error

    def start(
        self, engine: str, arguments: Sequence[str | Path], *, environment: Mapping[str, str], log: Path
    ) -> ContainerProcess:
        """Start a container that goes on running; `log` gets its output when it stops."""
        return ContainerProcess(engine, self._create(engine, arguments, environment), log)

    def run(
        self,
        engine: str,
        arguments: Sequence[str | Path],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a container to its end."""
        container = self._create(engine, arguments, environment or {})
        try:
            status = int(container.wait(timeout=timeout)["StatusCode"])
            output, errors = container.logs(stderr=False), container.logs(stdout=False)
        except (DockerException, RequestException) as error:
            raise EngineError(f"the container of {engine} did not end well", str(error)) from error
        finally:
            container.remove(force=True)
        return subprocess.CompletedProcess([engine], status, output, errors)

    def _create(self, engine: str, arguments: Sequence[str | Path], environment: Mapping[str, str]) -> Container:
        if engine not in self._images:
            raise EngineError(f"no image was named for {engine}. Give `--{engine}-image IMAGE`.")
        options: dict[str, Any] = {
            "network_mode": "host",
            "user": f"{os.getuid()}:{os.getgid()}",
            "environment": dict(environment),
            "volumes": {str(self._folder): {"bind": str(self._folder), "mode": "rw"}},
            "working_dir": str(self._folder),
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "labels": {"dev.weighbridge": "harness"},
        }
        command = [str(argument) for argument in arguments]
        try:
            container: Container = self._client.containers.run(self._images[engine], command, detach=True, **options)
        except (DockerException, RequestException) as error:
            raise EngineError(f"{self._images[engine]} could not be started as {engine}", str(error)) from error
        return container


class ContainerProcess:
    """A running container."""

    def __init__(self, name: str, container: Container, log: Path) -> None:
        self._name = name
        self._container = container
        self._log = log
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        if self._stopped:
            return False
        try:
            self._container.reload()
        except (DockerException, RequestException):
            return False
        return str(self._container.status) in {"created", "running"}

    def output(self) -> str:
        """What it printed so far."""
        if self._stopped:
            return self._log.read_text(encoding="utf-8")
        return self._container.logs(tail=_TAIL_LINES).decode("utf-8", "replace")

    def wait_until(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Poll until `ready` says so.

        Raises:
            EngineError: the container ended before, or `timeout` seconds went by.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise EngineError(f"the container of {self._name} ended before it was ready", self.output())
            if time.monotonic() > deadline:
                raise EngineError(f"the container of {self._name} was not ready within {timeout:g} s", self.output())
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop and remove it."""
        if self._stopped:
            return
        self._log.write_text(self.output(), encoding="utf-8")
        self._stopped = True
        self._container.stop(timeout=_STOP_SECONDS)
        self._container.remove(force=True)
