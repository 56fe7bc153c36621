"""A real registry: Debian's docker-registry, on a free port, with its blobs in a temporary folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from weighbridge.engines.process import EngineProcess, free_port

CONFIGURATION = """
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: 127.0.0.1:{port}}}
"""


@contextmanager
def running_registry(folder: Path, extra: str = "") -> Iterator[str]:
    """Start a registry; gives `127.0.0.1:<port>`."""
    program = shutil.which("docker-registry")
    assert program, "docker-registry is not installed: run `make packages`"
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "config.yml"
    configuration.write_text(CONFIGURATION.format(root=folder / "root", port=port) + extra)
    process = EngineProcess("docker-registry", [program, "serve", configuration])
    try:
        process.wait_until(lambda: answers(f"http://127.0.0.1:{port}/v2/"), timeout=30)
        yield f"127.0.0.1:{port}"
    finally:
        process.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code in {200, 401}
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`127.0.0.1:<port>` of a registry without the referrers API."""
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host
