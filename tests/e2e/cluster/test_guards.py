"""What the API server itself guards, whoever has which rights: namespaces, our resources, pods without Gatekeeper."""

import pytest

from weighbridge.engines.cluster.client import ApiError, until
from weighbridge.engines.cluster.cluster import CONSTRAINTS, admission

from .conftest import deployment, plain_pod, pod

pytestmark = pytest.mark.engines
BINDING = "weighbridge.dev/environment"
IGNORE = "admission.gatekeeper.sh/ignore"
MODELS = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "models"}}


def refused(call):
    with pytest.raises(ApiError) as caught:
        call()
    return admission(caught.value)


@pytest.mark.parametrize("labels", [{BINDING: None}, {BINDING: "staging"}, {BINDING: ""}, {IGNORE: "true"}])
def test_nobody_relabels_a_namespace_out_of_its_environment(site, labels):
    tenant = site.cluster.plane.client("tenant")
    said = refused(lambda: tenant.patch(MODELS, {"metadata": {"labels": labels}}))
    assert said.by == "policy", said
    assert site.admin.get("v1", "Namespace", "models")["metadata"]["labels"][BINDING] == "prod"


@pytest.mark.parametrize("subresource", ["status", "finalize"])
def test_no_part_of_a_namespace_is_a_way_around(site, subresource):
    """Kubernetes takes labels by these, too."""
    tenant = site.cluster.plane.client("tenant")
    for labels in ({}, {BINDING: "staging"}, {BINDING: "prod", IGNORE: "true"}):
        present = site.admin.get("v1", "Namespace", "models")
        present["metadata"]["labels"] = {"kubernetes.io/metadata.name": "models", **labels}
        said = refused(lambda present=present: tenant.replace(present, subresource=subresource))
        assert said.by == "policy", said
    present = site.admin.get("v1", "Namespace", "models")
    assert present["metadata"]["labels"][BINDING] == "prod"
    assert tenant.replace(present, subresource=subresource)


def test_nobody_makes_a_namespace_of_an_environment_or_an_ignored_one(site):
    for label, value in ((BINDING, "prod"), (IGNORE, "true")):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine", "labels": {label: value}}}
        assert site.cluster.ask(namespace, "tenant").by == "policy"
    free = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine", "labels": {"team": "a"}}}
    assert site.cluster.ask(free, "tenant").allowed


def test_administrators_bind_namespaces_and_even_they_cannot_have_one_ignored(site):
    administrator = site.cluster.plane.client("administrator")
    assert administrator.patch(MODELS, {"metadata": {"labels": {"team": "a"}}})
    said = refused(lambda: administrator.patch(MODELS, {"metadata": {"labels": {IGNORE: "true"}}}))
    assert not said.allowed
    bound = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new", "labels": {BINDING: "prod"}}}
    assert site.cluster.ask(bound, "administrator").allowed


def test_rights_on_our_resources_are_not_enough_to_change_them(site):
    tenant = site.cluster.plane.client("tenant")
    constraint = next(each for (kind, _), each in site.installed.items() if kind == "WeighbridgeWorkload")
    for each in (
        constraint,
        site.original("ConstraintTemplate", "weighbridgeworkload"),
        site.original("ModelApproval", "prod.magika.3.3.0"),
        site.original("LiveState", "prod"),
    ):
        assert refused(lambda each=each: tenant.delete(each)).by == "policy"
        change = {"metadata": {"labels": {"mine": "yes"}}}
        assert refused(lambda each=each, change=change: tenant.patch(each, change)).by == "policy"
    softer = {"spec": {"enforcementAction": "dryrun"}}
    assert refused(lambda: tenant.patch(constraint, softer)).by == "policy"
    assert site.admin.get(CONSTRAINTS, "WeighbridgeWorkload", constraint["metadata"]["name"])


def test_while_gatekeeper_is_away_nothing_that_serves_passes(site):
    gatekeeper = site.cluster.gatekeeper
    gatekeeper.stop()
    try:
        for each in (pod(), deployment(pod()), plain_pod("plain")):
            said = site.cluster.ask(each, "tenant")
            assert (said.allowed, said.by) == (False, "kubernetes")
            assert "failed calling webhook" in said.message
        # What the API server sees by itself, it says by itself.
        assert site.cluster.ask(plain_pod("models"), "tenant").by == "policy"
        # The cluster goes on living, and Gatekeeper can come back.
        for each in (
            plain_pod("kube-system"),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "models"}},
            pod(namespace="gatekeeper-system"),
        ):
            assert site.cluster.ask(each, "tenant").allowed, each
    finally:
        gatekeeper.start()
        until(lambda: site.cluster.ask(pod(), "tenant").allowed, "judged again")
    assert "MOD-005" in site.codes(pod(annotations={}))
