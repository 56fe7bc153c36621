"""What an environment says of mutual TLS and of its gateway: strict when it is read, and what rules are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from weighbridge.catalogue.exposure import Exposure
from weighbridge.catalogue.mutual_tls import MutualTls, unsaid
from weighbridge.catalogue.workloads import Workloads

if TYPE_CHECKING:
    from .conftest import Tree

W = "weighbridge.yaml"


def test_nothing_said_demands_no_mutual_tls_and_names_no_gateway() -> None:
    said = Workloads().model_dump(mode="json")
    assert said["mutual_tls"] is None
    assert not any(said["exposure"].values())


def test_what_is_said_is_handed_on() -> None:
    said = {"by": "istio", "mesh_wide": True, "revisions": ["stable", "1-27"]}
    assert MutualTls.model_validate(said).model_dump(mode="json") == said
    exposed = {
        "gateways": ["ingress/weighbridge"],
        "gateway_namespaces": ["ingress"],
        "ingress_classes": ["weighbridge"],
        "addresses": ["10.0.0.0/24", "2001:db8::/64"],
        "private_by_default": True,
    }
    assert Exposure.model_validate(exposed).model_dump(mode="json") == exposed


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"by": "Istio"},
        {"by": None},
        {"by": "certificates", "mesh_wide": True},
        {"by": "none", "mesh_wide": True},
        {"by": "linkerd", "revisions": ["stable"]},
        {"by": "istio", "revisions": ["*"]},
        {"by": "istio", "revisions": [""]},
        {"by": "istio", "mesh_wide": "yes"},
        {"by": "istio", "strict": True},
    ],
)
def test_mutual_tls_that_is_not_understood_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        MutualTls.model_validate(said)


@pytest.mark.parametrize(
    "said",
    [
        {"gateways": ["weighbridge"]},
        {"gateways": ["ingress/*"]},
        {"gateways": "ingress/weighbridge"},
        {"gateway_namespaces": ["*"]},
        {"gateway_namespaces": ["Ingress"]},
        {"ingress_classes": [""]},
        {"addresses": ["10.0.0.1"]},
        {"addresses": ["everywhere/0"]},
        {"private_by_default": 1},
        {"open": True},
    ],
)
def test_exposure_that_is_not_understood_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        Exposure.model_validate(said)


def test_the_place_of_what_is_wrong(tree: Tree) -> None:
    said = "    requires: []\n    workloads: {mutual_tls: {by: ipsec}, exposure: {gateway: [a/b]}}\n"
    tree.edit(W, "    requires: []\n", said)
    gateway, by = sorted(tree.problems(), key=lambda problem: "mutual_tls" in problem)
    assert ": environments.dev.workloads.mutual_tls.by: is 'ipsec'. Allowed: " in by
    assert ": environments.dev.workloads.exposure.gateway: is not known here. Did you mean `gateways`?" in gateway


def test_an_environment_that_says_nothing_is_named(tree: Tree) -> None:
    tree.edit(W, "    requires: []\n", "    requires: []\n    workloads: {mutual_tls: {by: none}}\n")
    (warning,) = unsaid(tree.load().configuration.environments)
    assert warning.startswith("environment prod says nothing about mutual TLS")
