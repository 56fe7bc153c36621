"""`weighbridge generate hardened`: what it mends is what the rules then admit, and it changes nothing else."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.cli.main import cli
from weighbridge.errors import InputError
from weighbridge.harden.harden import harden
from weighbridge.points.check import Checker
from weighbridge.points.manifests import parse_manifests

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
ADMITTED = (EXAMPLES / "pods" / "admitted.yaml").read_text(encoding="utf-8")
SOFT = """# What people write.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: magika   # the name
  namespace: models
spec:
  selector:
    matchLabels: {app: magika}
  template:
    metadata:
      labels: {app: magika, model_id: magika, model_version: "3.3.0"}
      annotations: {sidecar.istio.io/inject: "false"}
    spec:
      hostNetwork: true
      containers:
      - name: server
        image: registry.example.com/serving/onnx:2026.1
        args: ['--port=8000', --trust-remote-code, "--weights=/models"]
        ports: [{containerPort: 8000, hostPort: 80}]
        resources: {limits: {cpu: 1, memory: 1Gi}}
        securityContext:
          privileged: true
          capabilities: {add: [SYS_ADMIN, NET_BIND_SERVICE]}
        volumeMounts:
        - {name: weights, mountPath: /models, readOnly: true}
      volumes:
      - name: weights
        image:
          reference: registry.example.com/models/magika@WEIGHTS
---
apiVersion: v1
kind: Service
metadata: {name: magika, namespace: models}
spec:
  type: LoadBalancer
  ports: [{port: 80}]
""".replace("WEIGHTS", "sha256:e46347939e62da671d448cb53143730c9dcf26bb5695fb74bb57495bfc41770b")

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("compiled") / "out"
    options = CompileOptions(
        output=output,
        release_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=AT_NS,
        environments=("prod",),
        allow_example_keys=True,
        fixed_clock_ns=AT_NS,
    )
    compile_catalogue(EXAMPLES / "catalogue", options)
    return output


def hardened(bundle: Path, text: str, *arguments: str) -> Result:
    fixed = ["generate", "hardened", "-", "--bundle", str(bundle), "--environment", "prod"]
    return CliRunner().invoke(cli, [*fixed, *arguments], input=text)


def codes(result: Result) -> set[str]:
    return {line.split(": ")[1].split()[1] for line in result.stderr.splitlines()}


def test_what_is_good_stays_as_it_is(bundle: Path) -> None:
    result = hardened(bundle, ADMITTED)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_everything_mechanical_is_mended(bundle: Path) -> None:
    result = hardened(bundle, SOFT, "--whole")
    assert (result.exit_code, result.stderr) == (0, "")
    again = hardened(bundle, result.stdout)
    assert (again.exit_code, again.stdout) == (0, "")


def test_comments_order_and_quotes_stay(bundle: Path) -> None:
    after = hardened(bundle, SOFT, "--whole").stdout.splitlines()
    kept = [
        "# What people write.",
        "  name: magika   # the name",
        "        args: ['--port=8000', \"--weights=/models\"]",
    ]
    assert [line for line in kept if line not in after] == []
    assert "        ports: [{containerPort: 8000}]" in after
    assert "  ports: [{port: 80}]" in after


def test_the_diff_can_be_applied(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "soft.yaml"
    file.write_text(SOFT, encoding="utf-8")
    fixed = ["generate", "hardened", str(file), "--bundle", str(bundle), "--environment", "prod"]
    result = CliRunner().invoke(cli, fixed)
    (tmp_path / "change.diff").write_text(result.stdout, encoding="utf-8")
    subprocess.run(["patch", "--quiet", str(file), str(tmp_path / "change.diff")], check=True)
    assert file.read_text(encoding="utf-8") == hardened(bundle, SOFT, "--whole").stdout


def deployment() -> dict[str, Any]:
    document: dict[str, Any] = next(iter(yaml.safe_load_all(SOFT)))
    return document


def test_what_only_a_person_knows_is_left_and_told(bundle: Path) -> None:
    workload = deployment()
    container = workload["spec"]["template"]["spec"]["containers"][0]
    del container["resources"]
    container["env"] = [{"name": "API_KEY", "value": "s3cr3t-s3cr3t"}]
    result = hardened(bundle, yaml.safe_dump(workload), "--whole")
    assert result.exit_code == 1
    assert codes(result) == {"POD-020", "POD-021"}
    assert yaml.safe_load(result.stdout)["spec"]["template"]["spec"]["containers"][0]["env"] == container["env"]


@pytest.mark.parametrize(
    ("labels", "left"), [({}, "MOD-001"), ({"model_id": "magika", "model_version": "9.9.9"}, "MOD-002")]
)
def test_no_version_is_guessed(bundle: Path, labels: dict[str, str], left: str) -> None:
    workload = deployment()
    workload["spec"]["template"]["metadata"]["labels"] = labels
    result = hardened(bundle, yaml.safe_dump(workload), "--whole")
    assert left in codes(result)
    assert "artifact-digest" not in result.stdout


def test_lists_and_json(bundle: Path) -> None:
    several = {"apiVersion": "v1", "kind": "List", "items": list(yaml.safe_load_all(SOFT))}
    result = hardened(bundle, json.dumps(several), "--whole")
    assert (result.exit_code, codes(result)) == (0, set())
    document = json.loads(result.stdout)
    assert document["items"][1]["spec"]["type"] == "ClusterIP"
    result = hardened(bundle, yaml.safe_dump(several))
    assert result.exit_code == 0


def test_several_elements_of_one_list(bundle: Path) -> None:
    workload = deployment()
    spec = workload["spec"]["template"]["spec"]
    spec["containers"][0]["securityContext"]["capabilities"]["add"] = [
        "SYS_ADMIN",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "ALL",
    ]
    other = copy.deepcopy(spec["containers"][0])
    other |= {"name": "other", "args": ["--trust-remote-code", "--trust_remote_code", "--port=1"]}
    spec["containers"].append(other)
    result = hardened(bundle, yaml.safe_dump(workload), "--whole")
    containers = yaml.safe_load(result.stdout)["spec"]["template"]["spec"]["containers"]
    assert [each["securityContext"]["capabilities"]["add"] for each in containers] == [["NET_BIND_SERVICE"]] * 2
    assert containers[1]["args"] == ["--port=1"]
    assert codes(result) == set()


@pytest.mark.parametrize(
    "spec",
    [None, [], "x", {"containers": [{"name": "a", "image": "a", "securityContext": []}]},
     {"containers": [{"name": "a", "image": "a", "securityContext": {"capabilities": "all"}}]},
     {"containers": [{"name": "a", "image": "a", "securityContext": "none", "volumeMounts": "all"}], "volumes": 7}],
)  # fmt: skip
def test_what_cannot_be_mended_is_no_crash(bundle: Path, spec: Any) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    result = hardened(bundle, yaml.safe_dump(pod))
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit | InputError)


def test_what_cannot_be_read(bundle: Path) -> None:
    assert isinstance(hardened(bundle, "a: [").exception, InputError)
    missing = ["generate", "hardened", "nowhere.yaml", "--bundle", str(bundle), "--environment", "prod"]
    assert isinstance(CliRunner().invoke(cli, missing).exception, InputError)


def test_nothing_gets_worse(bundle: Path) -> None:
    """Every workload among the fixtures: no requirement is violated that was not before."""
    folder = EXAMPLES.parent / "tests" / "fixtures" / "pods"
    fixtures = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("pod-0*-fail-*.yaml"))]
    objects = [each["object"] for each in fixtures if "object" in each and "catalogue" not in each]
    assert len(objects) > 20
    text = yaml.safe_dump_all(objects)
    with Checker(bundle, "prod") as checker:
        before = checker.check(parse_manifests(text.encode(), "all"))
        after = harden(text, "all", checker).report
    pairs = list(zip(before.results, after.results, strict=True))
    assert [new for old, new in pairs if not said(new) <= said(old)] == []
    assert sum(len(said(new)) for _, new in pairs) < sum(len(said(old)) for old, _ in pairs) / 2


def said(found: Any) -> set[str]:
    return {violation.code for violation in found.violations}
