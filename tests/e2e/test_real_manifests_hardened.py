"""Serving manifests that nobody here wrote: Gatekeeper's engine judges them as `check` does, and most can be mended.

The files are not ours, so they are read where they lie, beside the checkout; where they do not, these tests say so.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.harden.harden import harden
from weighbridge.harness import points
from weighbridge.harness.fixtures import Expectation, Fixture, FixtureDocument
from weighbridge.harness.gator_point import gator
from weighbridge.harness.stage import Stage
from weighbridge.points.manifests import parse_manifests

REPOSITORY = Path(__file__).resolve().parents[2]
SERVING = REPOSITORY.parent / "shared" / "real" / "serving"
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
ADMITTED = yaml.safe_load((REPOSITORY / "examples" / "pods" / "admitted.yaml").read_text(encoding="utf-8"))
BUILT_IN = {"DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"}
WHOLE_CLUSTER = {"NET-010", "NET-011"}
"""Rights in the whole cluster are judged before they are merged, as its controllers write some as well."""

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not SERVING.is_dir(), reason="the real manifests do not lie in real/ beside us"),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with Stage(REPOSITORY / "examples" / "catalogue", "prod", at_ns=AT_NS, now_ns=AT_NS, folder=folder) as stage:
        yield stage


def serving() -> list[tuple[str, Any]]:
    """Every object, and where it stands."""
    found = []
    for file in sorted(SERVING.rglob("*.yaml")):
        manifests = parse_manifests(file.read_bytes(), file.name)
        found += [(f"{file.name} {manifest.document}", manifest.value) for manifest in manifests]
    assert len(found) >= 60
    return found


def test_gatekeepers_engine_says_what_check_says(stage: Stage) -> None:
    fixtures = [
        Fixture(name, FixtureDocument.model_construct(object=value, expect=Expectation.model_construct(allowed=True)))
        for name, value in serving()
        # They would take the place of the namespaces that the harness binds to the environment.
        if value["kind"] != "Namespace"
    ]
    checked, judged = points.check(stage, fixtures), gator(stage, fixtures)
    kinds = {each.file: each.objects[0]["kind"] for each in fixtures}
    for name, said in judged.items():
        apart = WHOLE_CLUSTER if kinds[name] in {"ClusterRole", "ClusterRoleBinding"} else set()
        assert set(said.codes) == set(checked[name].codes) - apart, name


def test_every_denial_says_what_to_do(stage: Stage) -> None:
    """A message names the object or the version, says what is wrong, and in another sentence what to do."""
    manifests = [
        each for file in sorted(SERVING.rglob("*.yaml")) for each in parse_manifests(file.read_bytes(), str(file))
    ]
    violations = [each for result in stage.checker().check(manifests).results for each in result.violations]
    assert len(violations) > 200
    for violation in violations:
        what, _, fix = violation.message.partition(". ")
        assert "/" in what or "@" in what, violation
        assert len(fix.split()) >= 2, violation


def test_a_hardened_counterpart_is_admitted(stage: Stage) -> None:
    """Each of Kubernetes' own kinds, once it is an approved version's and mended by machine."""
    chosen = [
        as_approved(value)
        for _, value in serving()
        if value["kind"] in BUILT_IN and value["metadata"].get("namespace") != "kube-system"
    ]
    assert len(chosen) >= 14
    hardened = harden(yaml.safe_dump_all(chosen, sort_keys=False), "counterparts.yaml", stage.checker())
    left = {result.document: {each.code for each in result.violations} for result in hardened.report.results}
    assert len(left) == len(chosen)
    assert len([codes for codes in left.values() if not codes]) >= 0.9 * len(chosen), left


def as_approved(value: Any) -> Any:
    """The same workload, but of the example's approved version: what no machine can know."""
    workload = copy.deepcopy(value)
    approved = ADMITTED["spec"]["template"]
    template = workload if workload["kind"] == "Pod" else workload["spec"]["template"]
    named = {key: text for key, text in approved["metadata"]["labels"].items() if key.startswith("model_")}
    for metadata in (workload["metadata"], template.setdefault("metadata", {})):
        metadata["labels"] = {**(metadata.get("labels") or {}), **named}
    template["metadata"]["annotations"] = approved["metadata"]["annotations"]
    pod, good = template["spec"], approved["spec"]
    pod.pop("initContainers", None)
    pod["volumes"] = copy.deepcopy(good["volumes"])
    for container in pod["containers"]:
        server = good["containers"][0]
        container["image"], container["args"] = server["image"], server["args"]
        container["volumeMounts"] = copy.deepcopy(server["volumeMounts"])
        container["resources"] = copy.deepcopy(server["resources"])
        for key in ("command", "env", "envFrom"):
            container.pop(key, None)
    return workload
