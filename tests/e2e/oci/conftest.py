"""A real registry: Debian's docker-registry, on a free port, with its blobs in a temporary folder."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.cli.main import main
from weighbridge.engines.process import EngineProcess, free_port

CONFIGURATION = """
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: 127.0.0.1:{port}{http}}}
"""


@contextmanager
def running_registry(folder: Path, extra: str = "", http: str = "") -> Iterator[str]:
    """Start a registry, with more in its configuration and in the part `http` of it; gives `127.0.0.1:<port>`."""
    program = shutil.which("docker-registry")
    assert program, "docker-registry is not installed: run `make packages`"
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "config.yml"
    configuration.write_text(CONFIGURATION.format(root=folder / "root", port=port, http=http) + extra)
    process = EngineProcess("docker-registry", [program, "serve", configuration])
    try:
        scheme = "https" if "tls" in http else "http"
        process.wait_until(lambda: answers(f"{scheme}://127.0.0.1:{port}/v2/"), timeout=30)
        yield f"127.0.0.1:{port}"
    finally:
        process.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, verify=False).status_code in {200, 401}
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`127.0.0.1:<port>` of a registry without the referrers API."""
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


def weighbridge(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command with a user's arguments, in this process: starting it anew every time would take most of the time."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    command = ["weighbridge", *map(str, arguments)]
    with (
        mock.patch.dict(os.environ, {"NO_COLOR": "1"}),
        mock.patch.object(sys, "argv", command),
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


def succeed(*arguments: str | Path, stdin: str = "") -> str:
    result = weighbridge(*arguments, stdin=stdin)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@dataclass(frozen=True)
class Model:
    """A small model folder and what `package` wrote about it."""

    folder: Path
    package: Path
    key: Path


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "ci.pem"
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(pem)
    return file


@pytest.fixture
def model(tmp_path: Path, key: Path) -> Model:
    folder, package = tmp_path / "model", tmp_path / "package"
    (folder / "onnx").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(os.urandom(300_000))
    (folder / "onnx" / "wörter.txt").write_text("ein\nzwei\n", encoding="utf-8")
    (folder / "empty").touch()
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# tiny\n", encoding="utf-8")
    named = ("--model", "tiny", "--version", "1.0", "--at", "2026-01-01T00:00:00Z")
    succeed("package", folder, *named, "--output", package, "--key", key)
    return Model(folder, package, key)
