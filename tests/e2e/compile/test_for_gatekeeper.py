"""What compiling the example writes for Gatekeeper, shown to Gatekeeper's own engine."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.locate import require
from weighbridge.harness.admitted_objects import namespaces
from weighbridge.points.gatekeeper.approvals import approval
from weighbridge.points.gatekeeper.resources import resources

REPOSITORY = Path(__file__).resolve().parents[3]
CATALOGUE = REPOSITORY / "examples" / "catalogue"
POD = REPOSITORY / "tests" / "fixtures" / "pods" / "mod-014-pass-fresh.yaml"
AT = parse_time_ns("2026-01-15T00:00:00Z")
RELEASE, LIVE = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
Object = dict[str, Any]
Ask = Callable[[list[Object]], set[str]]

pytestmark = pytest.mark.engines


def compiled(folder: Path) -> Path:
    options = CompileOptions(folder, RELEASE, AT, live_key=LIVE, allow_example_keys=True, fixed_clock_ns=AT)
    compile_catalogue(CATALOGUE, options)
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("compiled") / "out")


@pytest.fixture
def applied(output: Path) -> list[Object]:
    asked = ("CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    return [each for each in resources(output, "prod") if each["kind"] not in asked]


@pytest.fixture
def pod() -> Object:
    found: Object = yaml.safe_load(POD.read_text(encoding="utf-8"))["object"]
    return found


@pytest.fixture
def codes(tmp_path: Path) -> Ask:
    def ask(objects: list[Object]) -> set[str]:
        (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, objects)), encoding="utf-8")
        command = [require("gator").path, "test", f"--filename={tmp_path}", "--output=json"]
        result = subprocess.run(command, capture_output=True, check=False)
        assert result.returncode in {0, 1}, result.stderr
        return {each["metadata"]["details"]["code"] for each in json.loads(result.stdout or "null") or []}

    return ask


def of(kind: str, objects: list[Object]) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def without(kind: str, objects: list[Object]) -> list[Object]:
    return [each for each in objects if each["kind"] != kind]


def test_what_is_approved_is_admitted(applied: list[Object], pod: Object, codes: Ask) -> None:
    around = [*applied, *namespaces([pod], "prod", [])]
    assert codes([*around, pod]) == set()
    assert codes([*around, {**pod, "metadata": {**pod["metadata"], "labels": {}}}]) == {"MOD-001"}


def test_missing_data_denies_what_serves_and_nothing_else(applied: list[Object], pod: Object, codes: Ask) -> None:
    around = [*without("LiveState", applied), *namespaces([pod], "prod", [])]
    assert codes([*around, pod]) == {"MOD-013"}
    namespace = pod["metadata"]["namespace"]
    harmless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace}}
    assert codes([*around, harmless]) == set()


def test_approvals_that_nobody_signed(applied: list[Object], pod: Object, codes: Ask) -> None:
    around = [*without("ModelApproval", applied), *namespaces([pod], "prod", [])]
    assert codes([*around, pod]) == {"MOD-002"}
    [genuine] = [each for each in of("ModelApproval", applied) if each["metadata"]["name"] == "prod.magika.3.3.0"]
    claims = {**genuine["spec"], "revision": "x", "orders": {"revoked": {}, "frozen": {}}, "images": {}, "sources": {}}
    by_hand = approval(claims, ec.generate_private_key(ec.SECP256R1()))
    assert by_hand["metadata"]["name"] == "prod.magika.3.3.0"
    assert codes([*around, by_hand, pod]) == {"MOD-019"}
    other = next(each for each in of("ModelApproval", applied) if each is not genuine)
    copied = {**other, "metadata": genuine["metadata"]}
    assert codes([*around, copied, pod]) == {"MOD-019"}


def test_a_namespace_that_nothing_binds(applied: list[Object], pod: Object, codes: Ask) -> None:
    unbound = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": pod["metadata"]["namespace"]}}
    stranger = {**pod, "metadata": {"name": "web", "namespace": unbound["metadata"]["name"]}}
    stranger["spec"] = {"containers": [{"name": "web", "image": "nginx"}]}
    assert codes([*applied, unbound, stranger]) == set()
    unknown = {**pod, "metadata": {**pod["metadata"], "labels": {"model_id": "x", "model_version": "1"}}}
    assert "MOD-002" in codes([*applied, unbound, unknown])


def test_what_is_synced_suffices(output: Path) -> None:
    files = [f"--filename={output / 'gatekeeper' / name}" for name in ("template.yaml", "syncset.yaml")]
    command = [require("gator").path, "sync", "test", "--force-omit-gvk-manifest"]
    assert subprocess.run([*command, *files], capture_output=True, check=False).returncode == 0
    # Without the SyncSet it would not.
    assert subprocess.run([*command, files[0]], capture_output=True, check=False).returncode == 1


def test_the_same_bytes_every_time(output: Path, tmp_path: Path) -> None:
    again = compiled(tmp_path / "again")
    found = {path.relative_to(output): path.read_bytes() for path in output.rglob("gatekeeper/**/*") if path.is_file()}
    assert len(found) > 20
    assert all((again / path).read_bytes() == data for path, data in found.items())
    listed = json.loads((output / "index.json").read_bytes())["files"]
    assert {path.as_posix() for path in found} <= set(listed)


def test_every_file_is_applied_or_meant_for_something_else(output: Path) -> None:
    for folder in (output / "gatekeeper", output / "prod" / "gatekeeper", output / "dev" / "gatekeeper"):
        applied = yaml.safe_load((folder / "kustomization.yaml").read_bytes())["resources"]
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")}
        left = present - set(applied) - {"kustomization.yaml"}
        assert left == ({"webhook.yaml", "helm-values.yaml"} if folder.parent == output else left & {"unbound.yaml"})
    assert "unbound.yaml" in (output / "prod" / "gatekeeper" / "kustomization.yaml").read_text("utf-8")
    assert "unbound.yaml" not in (output / "dev" / "gatekeeper" / "kustomization.yaml").read_text("utf-8")
