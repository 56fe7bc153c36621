"""The generated CronJob goes through our own gate, as a support image, and its arguments do what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engines
IMAGE_DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def weighbridge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "weighbridge", *arguments]
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `compile` wrote from a catalogue that lists our image as a support image, and a packaged model."""
    place = tmp_path_factory.mktemp("cronjob")
    (place / "model").mkdir()
    (place / "model" / "README.md").write_text("---\nlicense: mit\n---\n# m\n")
    (place / "model" / "model.onnx").write_bytes(b"weights")
    assert weighbridge(place, "init", "catalogue", "--with-keys", "keys").returncode == 0
    configuration = place / "catalogue" / "weighbridge.yaml"
    configuration.write_text(configuration.read_text() + f"support_images: [{IMAGE_DIGEST}]\n")
    for arguments in (
        (
            "package",
            "model",
            "--model",
            "m",
            "--version",
            "1",
            "--key",
            "keys/ci.pem",
            "--output",
            "catalogue/models/m/1",
        ),
        ("compile", "catalogue", "--release-key", "keys/root.pem", "--output", "bundles"),
    ):
        result = weighbridge(place, *arguments)
        assert result.returncode == 0, result.stderr
    return place


def generated(place: Path, image: str, digest: str = "", *more: str) -> str:
    digest = digest or json.loads((place / "catalogue/models/m/1/manifest.json").read_text())["artifact_digest"]
    result = weighbridge(
        place, "generate", "cronjob", "--image", f"registry.example.com/weighbridge@{image}", "--claim", "weights",
        "--namespace", "models", "--model", "m@1", "--digest", digest, *more,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def checked(place: Path, text: str) -> subprocess.CompletedProcess[str]:
    (place / "cronjob.yaml").write_text(text)
    return weighbridge(place, "check", "cronjob.yaml", "--bundle", "bundles", "--environment", "prod")


def test_our_own_gate_admits_it(place: Path) -> None:
    result = checked(place, generated(place, IMAGE_DIGEST))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "prod: 1 allowed, 0 denied" in result.stdout


def test_an_image_that_is_no_support_image_is_denied(place: Path) -> None:
    result = checked(place, generated(place, OTHER))
    assert result.returncode == 1
    assert "MOD-001" in result.stdout


def test_its_arguments_do_what_they_say(place: Path, tmp_path: Path) -> None:
    """The arguments as they stand in the CronJob, with the folder of this test in place of the mounted volume."""

    def run(text: str) -> subprocess.CompletedProcess[str]:
        pod = yaml.safe_load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        arguments = [given.replace("/weights", str(place / "model"), 1) for given in pod["containers"][0]["args"][2:]]
        return weighbridge(place, "weights", "verify", *arguments)

    assert run(generated(place, IMAGE_DIGEST, "", "--event", "-")).returncode == 0
    failed = run(generated(place, IMAGE_DIGEST, OTHER, "--event", "-"))
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["resource"]["model_health"]["status"] == "unhealthy"
