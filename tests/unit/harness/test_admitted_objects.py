"""What a cluster must hold before a fixture's objects can be shown to it."""

from weighbridge.harness.admitted_objects import (
    completed,
    definitions,
    items,
    marked,
    namespace_of,
    namespaces,
    possible,
)

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "models"}}


def test_lists_are_sent_item_by_item_however_deep():
    inner = {"apiVersion": "v1", "kind": "PodList", "items": [POD, "text"]}
    assert items([{"apiVersion": "v1", "kind": "List", "items": [POD, inner]}, POD]) == [POD, POD, "text", POD]
    assert items([{"kind": "List", "items": None}]) == [{"kind": "List", "items": None}]


def test_an_object_without_a_namespace_lies_in_the_default_one():
    assert namespace_of(POD) == "models"
    assert namespace_of({"kind": "Pod", "metadata": {}}) == "default"
    assert namespace_of({"kind": "ClusterRole", "metadata": {"namespace": "models"}}) == ""
    broken = ("text", {"kind": "Pod"}, {"kind": ["Pod"], "metadata": {"namespace": 1}})
    assert [namespace_of(each) for each in broken] == ["", "", ""]


def test_namespaces_are_bound_unless_they_are_exempt():
    objects = [
        POD,
        {**POD, "metadata": {"namespace": "kube-system"}},
        {**POD, "metadata": {"namespace": "Kube-System"}},
    ]
    found = {
        each["metadata"]["name"]: each["metadata"]["labels"] for each in namespaces(objects, "prod", {"kube-system"})
    }
    assert set(found) == {"models", "kube-system", "Kube-System"}
    assert found["models"]["weighbridge.dev/environment"] == "prod"
    assert "weighbridge.dev/environment" not in found["kube-system"]


def test_an_api_server_takes_no_namespace_of_any_name():
    names = ["models", "Kube-System", "kube-system\n", "a" * 64, "", "-a"]
    assert [possible({"metadata": {"name": name}}) for name in names] == [True, False, False, False, False, False]


def test_only_kinds_that_are_not_kubernetes_own_are_defined():
    kinds = [
        ("ray.io/v1", "RayCluster"), ("ray.io/v1alpha1", "RayCluster"), ("apps/v1", "Deployment"), ("v1", "Pod"),
        ("networking.k8s.io/v1", "Ingress"), ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"), ("ray.io/one", "A"), ("ray.io/v1", "a"), ("v1", ["Pod"]),
    ]  # fmt: skip
    found = definitions({"apiVersion": version, "kind": kind} for version, kind in kinds)
    assert [each["metadata"]["name"] for each in found] == [
        "httproutes.gateway.networking.k8s.io",
        "leaderworkersets.leaderworkerset.x-k8s.io",
        "rayclusters.ray.io",
    ]
    assert [each["name"] for each in found[2]["spec"]["versions"]] == ["v1", "v1alpha1"]


def test_a_mark_changes_nothing_that_an_author_writes():
    shown = marked({**POD, "metadata": {"name": "a", "labels": {"x": "y"}}}, 7)
    assert shown["metadata"] == {"name": "a", "labels": {"x": "y"}, "uid": "fixture-7", "namespace": "default"}


def test_only_a_selector_that_is_missing_is_added():
    template = {"metadata": {"labels": {"a": "b"}}}
    made = completed({"kind": "Deployment", "spec": {"template": template}})
    assert made["spec"] == {"template": template, "selector": {"matchLabels": {"a": "b"}}}
    for left in (POD, made, "text", {"kind": "Deployment", "spec": {"template": "text"}}, {"kind": ["Deployment"]}):
        assert completed(left) == left
