"""Policy and data, pushed to a real registry, as the real conftest pulls them, and judged by what was pulled."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.locate import require

from .conftest import succeed, weighbridge

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[3]
POD = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: models}
spec: {containers: [{name: web, image: nginx}]}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at_ns = parse_time_ns("2026-01-15T00:00:00Z")
    output = tmp_path_factory.mktemp("policy") / "bundles"
    options = CompileOptions(
        output=output, release_key=ec.generate_private_key(ec.SECP256R1()), at_ns=at_ns, environments=("prod",),
        allow_example_keys=True, fixed_clock_ns=at_ns,
    )  # fmt: skip
    compile_catalogue(ROOT / "examples" / "catalogue", options)
    return output


def conftest(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    command = [require("conftest").path, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_conftest_pulls_what_was_pushed_and_says_the_same(registry: str, compiled: Path, tmp_path: Path) -> None:
    said = json.loads(
        succeed("push-policy", compiled, f"oci://{registry}/policy:prod", "--environment", "prod", "--format", "json")
    )
    again = json.loads(
        succeed("push-policy", compiled, f"oci://{registry}/policy:again", "--environment", "prod", "--format", "json")
    )
    assert said["digest"] == again["digest"]
    pulled = conftest(
        "pull", "--tls=false", "--policy", "out", f"oci://{registry}/policy@{said['digest']}", folder=tmp_path
    )
    assert pulled.returncode == 0, pulled.stderr
    out = tmp_path / "out"
    assert (out / "index.json").read_bytes() == (compiled / "index.json").read_bytes()
    (tmp_path / "pod.yaml").write_text(POD)
    folders = ("-p", out / "prod" / "conftest" / "policy", "-d", out / "prod" / "conftest" / "data")
    tested = conftest("test", *folders, "--output", "json", "pod.yaml", folder=tmp_path)
    assert tested.returncode == 1, tested.stderr
    judged = weighbridge("check", tmp_path / "pod.yaml", "--bundle", out, "--environment", "prod", "--format", "json")
    assert judged.returncode == 1, judged.stderr
    codes = {each["code"] for each in json.loads(judged.stdout)["results"][0]["violations"]}
    reports = json.loads(tested.stdout)
    assert {failure["msg"][:7] for report in reports for failure in report["failures"]} == codes
    assert "MOD-001" in codes


def test_a_folder_that_was_changed_is_not_pushed(registry: str, compiled: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    subprocess.run(["cp", "-r", compiled, target], check=True)
    path = next((target / "bundles" / "prod" / "conftest" / "data").glob("records-*"))
    path.write_text(path.read_text() + "\n")
    done = weighbridge("push-policy", target / "bundles", f"oci://{registry}/changed:1", "--environment", "prod")
    assert done.returncode == 2
    assert "differs from index.json" in done.stderr
