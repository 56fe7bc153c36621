"""`weighbridge impact`: dumps as kubectl prints them, held against the example's catalogue and against its past."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from weighbridge.cli.main import cli
from weighbridge.errors import InputError

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
CATALOGUE = EXAMPLES / "catalogue"

pytestmark = pytest.mark.engines


def impact(catalogue: Path, *arguments: str, stdin: bytes = b"") -> Result:
    fixed = ["--environment", "prod", "--allow-example-keys"]
    at = [] if "--at" in arguments else ["--at", "2026-01-15T00:00:00Z"]
    return CliRunner().invoke(cli, ["impact", str(catalogue), *fixed, *at, *arguments], input=stdin)


def deployment() -> dict[str, Any]:
    documents = yaml.safe_load_all((EXAMPLES / "pods" / "admitted.yaml").read_text(encoding="utf-8"))
    return next(each for each in documents if each and each["kind"] == "Deployment")


def rolled_out(**labels: str) -> list[dict[str, Any]]:
    """A Deployment with its ReplicaSet and two Pods, as they come out of a cluster."""
    top = deployment()
    top["metadata"] |= {"uid": "1", "labels": labels}
    template = top["spec"]["template"]
    owned: list[dict[str, Any]] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "magika-1", "uid": "2"},
         "spec": {"template": template}},
        *({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
           "metadata": {**template["metadata"], "name": f"magika-1-{i}", "uid": f"3{i}"}} for i in range(2)),
    ]  # fmt: skip
    for each, owner in zip(owned, ("1", "2", "2"), strict=True):
        reference = {"apiVersion": "apps/v1", "kind": "any", "name": "any", "uid": owner, "controller": True}
        each["metadata"] = {**each["metadata"], "namespace": "models", "ownerReferences": [reference]}
    return [top, *copy.deepcopy(owned)]


def dumped(objects: list[Any]) -> bytes:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}).encode()


def report(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_what_is_good_stays(tmp_path: Path) -> None:
    (tmp_path / "dump.yaml").write_bytes(dumped(rolled_out()))
    result = impact(CATALOGUE, str(tmp_path / "dump.yaml"))
    assert (result.exit_code, result.stdout) == (0, "prod: 1 workloads, 0 would be denied\n")


def test_a_deployment_is_told_once_with_its_owner() -> None:
    objects = rolled_out(owner="search")
    for each in (objects[0]["spec"]["template"], objects[1]["spec"]["template"], *objects[2:]):
        each["spec"]["hostNetwork"] = True
    result = impact(CATALOGUE, "-", "--format", "json", stdin=dumped(objects))
    assert result.exit_code == 1
    requirement = next(each for each in report(result)["requirements"] if each["code"] == "POD-003")
    assert list(requirement["owners"]) == ["search"]
    assert [each["name"] for each in requirement["owners"]["search"]] == ["magika"]
    assert report(result)["summary"] == {"workloads": 1, "denied": 1}


def test_a_pod_that_was_changed_on_its_way_is_seen() -> None:
    objects = rolled_out()
    objects[3]["spec"]["containers"].append({"name": "injected", "image": "sidecar:latest"})
    result = impact(CATALOGUE, "-", stdin=dumped(objects))
    assert result.exit_code == 1
    assert "MOD-008" in result.stdout
    assert "Deployment models/magika" in result.stdout
    assert "  namespace models\n" in result.stdout


def test_the_clock_is_the_questions() -> None:
    later = impact(CATALOGUE, "-", "--at", "2027-01-15T00:00:00Z", "--format", "json", stdin=dumped(rolled_out()))
    assert {each["code"] for each in report(later)["requirements"]} >= {"MOD-003"}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize(
    ("namespaces", "workloads"),
    [
        ([namespace("models", **{"weighbridge.dev/environment": "dev"})], 0),
        ([namespace("models")], 0),
        ([namespace("models", **{"weighbridge.dev/environment": "prod"})], 1),
        ([namespace("other", **{"weighbridge.dev/environment": "dev"})], 1),
    ],
)
def test_namespaces_of_other_environments_are_left_alone(namespaces: list[Any], workloads: int) -> None:
    result = impact(CATALOGUE, "-", "--format=json", stdin=dumped([*namespaces, *rolled_out()]))
    assert report(result)["summary"]["workloads"] == workloads


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which one commit has made prod's pods `restricted`; trust is unsigned."""
    catalogue = tmp_path / "repository" / "catalogue"
    shutil.copytree(CATALOGUE, catalogue)
    (catalogue / "weighbridge.yaml.dsse").unlink()
    configuration = catalogue / "weighbridge.yaml"
    strict = configuration.read_text(encoding="utf-8")
    head, prod = strict.split("\n  prod:\n")
    assert prod.count("    workloads:\n") == 1
    lenient = prod.replace("    workloads:\n", "    workloads:\n      pod_security: privileged\n")
    configuration.write_text(f"{head}\n  prod:\n{lenient}", encoding="utf-8")
    git(tmp_path / "repository", "init", "--quiet")
    git(tmp_path / "repository", "add", ".")
    git(tmp_path / "repository", "commit", "--quiet", "-m", "before")
    configuration.write_text(strict, encoding="utf-8")
    return catalogue


def test_against_another_commit(repository: Path) -> None:
    objects = rolled_out()
    del objects[0]["spec"]["template"]["spec"]["automountServiceAccountToken"]
    tagged = deployment()
    tagged["metadata"]["name"] = "tagged"
    tagged["spec"]["template"]["spec"]["containers"][0]["image"] = "serve:latest"
    result = impact(repository, "-", "--against", "HEAD", stdin=dumped([objects[0], tagged]))
    assert result.exit_code == 1
    assert "    new   Deployment models/magika: " in result.stdout
    assert "    Deployment models/tagged: " in result.stdout
    assert result.stdout.endswith("prod: 2 workloads, 2 would be denied, 1 new denials\n")
    assert impact(repository, "-", "--against", "HEAD", stdin=dumped([tagged])).exit_code == 0


def test_what_is_no_longer_denied_is_told(repository: Path) -> None:
    objects = rolled_out()
    del objects[0]["spec"]["template"]["spec"]["automountServiceAccountToken"]
    git(repository, "commit", "--quiet", "-am", "after")
    lenient = subprocess.run(
        ["git", "-C", str(repository), "show", "HEAD~1:./weighbridge.yaml"], check=True, capture_output=True
    )
    (repository / "weighbridge.yaml").write_bytes(lenient.stdout)
    result = impact(repository, "-", "--against", "HEAD", stdin=dumped(objects[:1]))
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "no longer: deny POD-023 Deployment models/magika")


@pytest.mark.parametrize("revision", ["no-such-commit", "--output=/dev/null", "HEAD:catalogue"])
def test_commits_that_are_none(repository: Path, revision: str) -> None:
    result = impact(repository, "-", f"--against={revision}", stdin=dumped(rolled_out()))
    assert isinstance(result.exception, InputError)
    assert "--against" in str(result.exception)


@pytest.mark.parametrize(
    "strange",
    [
        {"kind": 7},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"ownerReferences": [7, {"controller": True}]}, "spec": None},
        {"apiVersion": "v1", "kind": "Pod", "metadata": "x"},
    ],
)
def test_what_cannot_be_understood_counts_as_denied(strange: Any) -> None:
    result = impact(CATALOGUE, "-", "--format=json", stdin=dumped([strange]))
    assert [each["code"] for each in report(result)["requirements"]] == ["MOD-010"]


def test_owners_in_a_circle_come_to_an_end() -> None:
    def pod(uid: str, owner: str) -> dict[str, Any]:
        reference = {"uid": owner, "controller": True}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": uid, "uid": uid, "ownerReferences": [reference]},
        }

    assert impact(CATALOGUE, "-", stdin=dumped([pod("a", "b"), pod("b", "a"), pod("c", "c")])).exit_code == 1


@pytest.mark.parametrize("arguments", [[], ["-", "--kubeconfig", "nowhere"]])
def test_a_dump_or_a_cluster(arguments: list[str]) -> None:
    assert impact(CATALOGUE, *arguments).exit_code == 2


def test_a_cluster_that_cannot_be_asked(tmp_path: Path) -> None:
    user = {"name": "u", "user": {"token": "t"}}
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [user],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }  # fmt: skip
    (tmp_path / "config").write_text(yaml.safe_dump(document), encoding="utf-8")
    for arguments in (["--kubeconfig", str(tmp_path / "config")], ["--kubeconfig", str(tmp_path / "none")]):
        assert isinstance(impact(CATALOGUE, *arguments).exception, InputError)
