"""`weighbridge test`, the pytest plugin and `weighbridge run`, as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "examples" / "catalogue"
KEYS = {
    key["id"]: key["key"]
    for key in yaml.safe_load((ROOT / "examples/example-only-tenant-keys.yaml").read_text())["keys"]
}
HEAD = f"environment: prod\nat: 2026-01-15T00:00:00Z\ncatalogue: {CATALOGUE}\n"
CALL = f"request:\n  path: /v1/chat/completions\n  headers: {{authorization: Bearer {KEYS['k7m2p9qa']}}}\n"
BODY = "  body: {model: content-type, max_tokens: 16}\n"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "namespace": "m"},
    "spec": {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "image": "registry.example.com/x",
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    },
}
REVOKED = "live: {revoked: [magika@3.3.0]}\n"
GOOD = {
    "allowed.yaml": f"{HEAD}{CALL}{BODY}expect: {{allowed: true}}\n",
    "revoked.yaml": f"{HEAD}{REVOKED}{CALL}{BODY}expect: {{allowed: false, codes: [INF-014]}}\n",
    "text.yaml": f"{HEAD}{CALL}  body: '{{'\nexpect: {{allowed: false, codes: [INF-002], points: [envoy]}}\n",
    "pod.yaml": f"{HEAD}object: {json.dumps(POD)}\nexpect: {{allowed: false, codes: [MOD-001, MOD-008]}}\n",
}


def weighbridge(*arguments, cwd=None):
    command = [sys.executable, "-m", "weighbridge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=180)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "fixtures"
    folder.mkdir()
    for name, text in GOOD.items():
        (folder / name).write_text(text)
    return folder


def test_what_holds_passes_in_every_form(folder):
    result = weighbridge("test", folder, "--format", "json", "--jobs", "2")
    report = json.loads(result.stdout)
    assert result.returncode == 0, report
    points = {Path(each["file"]).name: set(each["points"]) for each in report["fixtures"]}
    assert points["allowed.yaml"] == {"opa", "envoy"}
    assert points["pod.yaml"] == {"conftest", "check", "workload"}
    assert result.stderr == ""


def test_missing_and_surplus_codes_fail(folder):
    text = (folder / "revoked.yaml").read_text()
    (folder / "revoked.yaml").write_text(text.replace("INF-014", "INF-015"))
    (folder / "pod.yaml").write_text((folder / "pod.yaml").read_text().replace("MOD-001, ", ""))
    (folder / "allowed.yaml").unlink()
    (folder / "text.yaml").unlink()
    result = weighbridge("test", folder, "--format", "junit")
    assert result.returncode == 1
    suite = ET.fromstring(result.stdout)
    # One more for each fixture says which points nobody asked.
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "2")
    said = "".join(failure.text for failure in suite.iter("failure"))
    for part in ("envoy: misses INF-015", "opa: has INF-014", "conftest: has MOD-001", "workload: has MOD-001"):
        assert part in said


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--engine", "docker", "--opa-image", "a", "--envoy-image", "b"], "no Docker daemon answers"),
        (["--engine", "docker", "--opa-image", "a"], "--envoy-image"),
        (["--catalogue", "nowhere"], "nowhere"),
        (["--catalogue", str(CATALOGUE)], "f.yaml asks for nowhere"),
    ],
)
def test_what_cannot_run_is_told_and_no_failure_of_a_fixture(tmp_path, arguments, part):
    path = tmp_path / "f.yaml"
    text = GOOD["allowed.yaml"].replace(f"catalogue: {CATALOGUE}\n", "")
    path.write_text(text.replace("environment: prod", "environment: nowhere") if "asks" in part else text)
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    command = [sys.executable, "-m", "weighbridge", "test", str(path), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert result.returncode == 2
    assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_the_plugin_runs_users_fixtures(folder):
    (folder / "broken.yaml").write_text("environment: prod\n")
    wrong = GOOD["allowed.yaml"].replace("allowed: true", "allowed: false, codes: [INF-016]")
    (folder / "wrong.yaml").write_text(wrong)
    (folder.parent / "elsewhere.yaml").write_text("no: fixture\n")
    (folder.parent / "pytest.ini").write_text("[pytest]\nweighbridge_fixtures = fixtures\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder.parent)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent, timeout=180)
    assert "4 passed" in result.stdout, result.stdout
    assert "2 failed" in result.stdout
    assert "misses INF-016" in result.stdout
    assert "expect: is missing" in result.stdout
    assert "Traceback" not in result.stdout


def write_key(path, key, *, private):
    pem = serialization.Encoding.PEM
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    plain = serialization.NoEncryption()
    data = (
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        if private
        else key.public_key().public_bytes(pem, form)
    )
    path.write_bytes(data)
    return path


def test_a_gateway_runs_on_what_compile_wrote_until_it_is_told_to_stop(tmp_path):
    release, live = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    at_ns = time.time_ns() - 10**9 * 86400
    output = tmp_path / "bundles"
    options = CompileOptions(
        output=output, release_key=release, live_key=live, at_ns=at_ns, environments=("prod",), allow_example_keys=True
    )
    compile_catalogue(CATALOGUE, options)
    keys = ["--release-key", write_key(tmp_path / "r.pub", release, private=False)]
    keys += ["--live-key", write_key(tmp_path / "l.pem", live, private=True)]
    command = [
        sys.executable,
        "-m",
        "weighbridge",
        "run",
        output,
        "--environment",
        "prod",
        *keys,
        "--logs",
        tmp_path / "logs",
    ]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().split()[-1]
            headers = {"authorization": f"Bearer {KEYS['k7m2p9qa']}"}
            answer = httpx.get(f"{url}/v1/models", headers=headers, trust_env=False, timeout=30)
            # Live data was compiled a day ago: only because it is issued anew does it count.
            assert (answer.status_code, answer.json()["object"]) == (200, "list")
            assert httpx.get(f"{url}/v1/models", trust_env=False).json()["error"]["code"] == "INF-007"
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_gateway_without_bundles_says_so(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    public = write_key(tmp_path / "k.pub", key, private=False)
    result = weighbridge("run", tmp_path, "--environment", "prod", "--release-key", public, "--live-key", public)
    assert result.returncode == 2
    assert "Compile with" in result.stderr


def test_a_gateway_tells_an_address_and_keys_that_do_not_fit(tmp_path):
    release, live = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    output = tmp_path / "bundles"
    options = CompileOptions(
        output=output, release_key=release, live_key=live, at_ns=time.time_ns(), environments=("prod",),
        allow_example_keys=True,
    )  # fmt: skip
    compile_catalogue(CATALOGUE, options)
    first, second = (
        write_key(tmp_path / f"{name}.pub", key, private=False) for name, key in (("r", release), ("l", live))
    )
    command = ["run", output, "--environment", "prod"]
    result = weighbridge(*command, "--release-key", first, "--live-key", second, "--listen", "nowhere")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: --listen: 'nowhere' is no `host:port`")
    result = weighbridge(*command, "--release-key", second, "--live-key", first)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("is not the key that signed the") == 2
