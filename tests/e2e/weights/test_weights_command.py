"""`weights verify` as a CronJob runs it: processes, exit status, events, and a catalogue whose trust is verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engines
CARD = "---\nlicense: mit\n---\n# m\n"


def weighbridge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "weighbridge", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with one packaged version, its signed trust, and the weights in use beside it."""
    place = tmp_path_factory.mktemp("weights")
    (place / "weights").mkdir()
    (place / "weights" / "README.md").write_text(CARD)
    (place / "weights" / "model.onnx").write_bytes(b"weights")
    for arguments in (
        ("init", "catalogue", "--with-keys", "keys"),
        (
            "package",
            "weights",
            "--model",
            "m",
            "--version",
            "1",
            "--key",
            "keys/ci.pem",
            "--output",
            "catalogue/models/m/1",
        ),
        ("trust", "sign", "catalogue", "--key", "keys/root.pem"),
    ):
        result = weighbridge(place, *arguments)
        assert result.returncode == 0, result.stderr
    return place


CATALOGUE = ("--catalogue", "catalogue", "--model", "m@1", "--root", "keys/root.pub")


def test_against_the_catalogue(place: Path) -> None:
    result = weighbridge(
        place, "weights", "verify", "weights", *CATALOGUE, "--format", "json", "--rate-limit", "1MiB/s"
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["status"] == "healthy"
    assert report["vouched_by"].startswith("package statement by ci, trust sha256:")


def test_events(place: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "model.onnx").write_bytes(b"WEIGHTS")
    (tmp_path / "w" / "evil.py").write_bytes(b"")
    events = tmp_path / "events.jsonl"
    result = weighbridge(
        place, "weights", "verify", str(tmp_path / "w"), *CATALOGUE,
        "--event", f"file:{events}", "--node", "node-7", "--environment", "prod", "--at", "2030-01-15T00:00:00Z",
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert result.stdout.splitlines()[0] == "added    evil.py: has 0 bytes; no such file was packaged"
    (event,) = [json.loads(line) for line in events.read_text().splitlines()]
    health = event["resource"]["model_health"]
    assert event["operation"]["category"] == "model_health"
    assert (health["status"], health["node"], event["env"]) == ("unhealthy", "node-7", "prod")
    assert health["differences"] == [{"path": "evil.py", "kind": "added"}, {"path": "model.onnx", "kind": "changed"}]


def test_an_event_on_standard_output_stands_alone(place: Path) -> None:
    result = weighbridge(place, "weights", "verify", "weights", *CATALOGUE, "--event", "-")
    assert json.loads(result.stdout)["resource"]["model_health"]["status"] == "healthy"
    assert "m@1 sha256:" in result.stderr


def test_nobody_to_tell_is_a_failure(place: Path, tmp_path: Path) -> None:
    result = weighbridge(place, "weights", "verify", "weights", *CATALOGUE, "--event", f"file:{tmp_path}")
    assert result.returncode == 1
    assert "the event could not be written" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_cannot_be_read_is_told_too(place: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    result = weighbridge(place, "weights", "verify", "none", *CATALOGUE, "--event", f"file:{events}")
    assert result.returncode == 2
    assert json.loads(events.read_text())["resource"]["model_health"]["status"] == "unknown"


def test_an_edited_catalogue_is_not_believed(place: Path, tmp_path: Path) -> None:
    """Whoever holds the catalogue makes manifest and artifact.json fit other weights; the signed statement does not."""
    subprocess.run(["cp", "-r", place / "catalogue", place / "keys", tmp_path], check=True)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "README.md").write_text(CARD)
    (tmp_path / "weights" / "model.onnx").write_bytes(b"evil")
    assert (
        weighbridge(tmp_path, "package", "weights", "--model", "m", "--version", "1", "--output", "evil").returncode
        == 0
    )
    for name in ("manifest.json", "artifact.json"):
        (tmp_path / "catalogue/models/m/1" / name).write_bytes((tmp_path / "evil" / name).read_bytes())
    result = weighbridge(tmp_path, "weights", "verify", "weights", *CATALOGUE)
    assert result.returncode == 1, result.stderr
    assert "the catalogue's manifest is not to be believed" in result.stdout
    assert "unknown" in result.stdout


def test_another_root_is_not_believed(place: Path) -> None:
    result = weighbridge(
        place, "weights", "verify", "weights", "--catalogue", "catalogue", "--model", "m@1", "--root", "keys/ci.pub"
    )
    assert result.returncode == 2
    assert "is not signed by the root key" in result.stderr
