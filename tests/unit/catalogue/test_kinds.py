"""`kinds` of weighbridge.yaml: what is refused, with its place, and what the rules are given of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from weighbridge.catalogue.kinds import Kind, path, table
from weighbridge.engines.opa import opa_eval
from weighbridge.registry.registry import workload_settings

if TYPE_CHECKING:
    from .conftest import Tree

REPOSITORY = Path(__file__).resolve().parents[3]
POLICIES = REPOSITORY / "policies" / "lib"
W = "weighbridge.yaml"
PLACE = "environments:\n  dev:"
POD = {"containers": [{"name": "server", "image": "x"}]}


def shown_example() -> dict[str, Any]:
    """What the page shows."""
    page = (REPOSITORY / "docs" / "reference" / "catalogue.md").read_text(encoding="utf-8")
    block = page.partition("### Kinds")[2].partition("```yaml\n")[2].partition("```")[0]
    kinds: dict[str, Any] = yaml.safe_load(block)["kinds"]
    return kinds


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        (
            "{apps/Deployment: {pods: [spec.template]}}",
            "Write the API group and the kind, such as argoproj.io/Rollout; Kubernetes' own kinds are known.",
        ),
        ("{e.com/X: {}}", "kinds.'e.com/X': needs `pods`, `pod_specs` or both. Say where the kind's pods lie."),
        ("{e.com/X: {pods: [spec..template]}}", "kinds.'e.com/X'.pods[0]: is 'spec..template'"),
        ("{e.com/X: {pods: ['spec[0].template']}}", "kinds.'e.com/X'.pods[0]: is 'spec[0].template'"),
        ("{e.com/X: {pods: ['a[*].b[*].c[*].d[*].e']}}", "leads through more than 3 lists"),
        ("{e.com/X: {pod_specs: [{metadata: spec}]}}", "kinds.'e.com/X'.pod_specs[0].spec: is missing"),
        (
            "{e.com/X: {pods: [a], images: [b]}}",
            "kinds.'e.com/X'.images: is not known here. Known: `pod_specs`, `pods`.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tree: Tree, kinds: str, problem: str) -> None:
    tree.edit(W, PLACE, f"kinds: {kinds}\n{PLACE}")
    (told,) = tree.problems()
    assert problem in told
    assert told.startswith(f"{W}:20:")


def test_the_page_shows_what_loads(tree: Tree) -> None:
    tree.edit(W, PLACE, f"{yaml.safe_dump({'kinds': shown_example()})}{PLACE}")
    settings = workload_settings(tree.load(), "prod")
    assert settings["kinds"]["batch.volcano.sh/Job"] == [{"template": ["spec", "tasks", "*", "template"]}]
    assert settings["kinds"]["example.com/Server"] == [
        {
            "spec": ["spec", "podSpec"],
            "labels": [["spec", "podMetadata", "labels"]],
            "annotations": [["spec", "podMetadata", "annotations"]],
        }
    ]


def test_paths() -> None:
    assert path("spec.groups[*].template") == ["spec", "groups", "*", "template"]
    assert path("spec.roles.*.template") == ["spec", "roles", "*", "template"]
    assert path("spec.a[*]") == ["spec", "a", "*"]


def subject(obj: dict[str, Any], kinds: dict[str, Any], part: int = 0) -> dict[str, Any]:
    """What the rules see of one of an object's pods."""
    call = "data.lib.weighbridge.workload.subject(input.object, input.kinds)"
    query = f"{call} with data.lib.weighbridge.part.index as {part}"
    folders = [POLICIES / name for name in ("workload", "part")]
    result: dict[str, Any] = opa_eval(query, folders, document={"object": obj, "kinds": kinds})
    return result


@pytest.mark.engines
def test_pods_are_found_where_the_catalogue_says() -> None:
    kinds = table({name: Kind.model_validate(value) for name, value in shown_example().items()})
    labels = {"model_id": "a", "model_version": "1"}
    job = {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "spec": {"tasks": [{"template": {"spec": POD}}, {"template": {"metadata": {"labels": labels}, "spec": POD}}]},
    }
    found = [subject(job, kinds, part) for part in (0, 1)]
    assert [(each["form"], each["parts"], each["pod"]["labels"]) for each in found] == [
        ("pod", 2, {}),
        ("pod", 2, labels),
    ]
    assert found[1]["pod"]["containers"][0]["field"] == ["spec", "tasks", 1, "template", "spec", "containers", 0]
    server = {
        "apiVersion": "example.com/v2",
        "kind": "Server",
        "spec": {"podSpec": POD, "podMetadata": {"labels": labels}},
    }
    told = subject(server, kinds)
    assert (told["form"], told["pod"]["labels"]) == ("pod", labels)
    assert subject(server, {})["form"] == "undescribed"
    stray = {**server, "spec": {**server["spec"], "sidecar": {"containers": [{"image": "evil"}]}}}
    assert subject(stray, kinds)["form"] == "undescribed"


@pytest.mark.engines
@pytest.mark.parametrize(
    "kinds", [{"apps/Deployment": []}, {"apps/Deployment": [{"template": ["decoy"]}]}, {"apps/Deployment": 1}]
)
def test_the_table_takes_nothing_away(kinds: dict[str, Any]) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"template": {"spec": POD}},
        "decoy": {"spec": POD},
    }
    told = subject(deployment, kinds)
    assert (told["form"], told["pod"]["path"]) == ("pod", ["spec", "template"])
