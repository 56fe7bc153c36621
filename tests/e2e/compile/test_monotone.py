"""Two properties, tried for every combination there is.

Taking away evidence that is good never turns refused into approved. Adding an order that restricts never turns denied
into allowed, at the gateway nor for a workload.
"""

import itertools
import json
import shutil
from typing import Any

import pytest

from weighbridge.bundle.live import first_live, live_document
from weighbridge.bundle.policies import declared_point, point_policies
from weighbridge.canonical import digest
from weighbridge.engines.opa import OpaServer
from weighbridge.harness.call_input import check_request
from weighbridge.harness.fixtures import RequestFixture
from weighbridge.registry.orders import resolve_orders
from weighbridge.registry.registry import envoy_registry, workload_registry

pytestmark = pytest.mark.engines
Workshop = Any
AT_NS = 1768435200 * 10**9
NAME = "qa@1.0.0"
KEY = "wb_prod_k7m2p9qa_" + "x" * 43
FILES = (
    "package.json",
    "evaluation.json",
    "approval-mlsec.json",
    "approval-product.json",
    "promotion-staging.json",
    "promotion-prod.json",
)
SCAN = "scan"
NEEDED = {
    "dev": {"package.json"},
    "staging": {"package.json", "evaluation.json", "promotion-staging.json"},
    "prod": {*FILES, SCAN},
}


def test_less_evidence_never_approves_more(workshop: Workshop) -> None:
    """Every subset of the evidence, each as a version of its own."""
    parts = (*FILES, SCAN)
    subsets = [set(chosen) for size in range(len(parts) + 1) for chosen in itertools.combinations(parts, size)]
    for number, subset in enumerate(subsets):
        workshop.version(f"m{number}@1", weights=b"%d" % number, image=f"{number:064x}")
        for name in set(FILES) - subset:
            (workshop.root / f"models/m{number}/1/evidence/{name}").unlink()
        if SCAN not in subset:
            (workshop.root / f"images/{number:064x}/evidence/scan.json").unlink()
    records = workshop.judge().records
    for environment, needed in NEEDED.items():
        for number, subset in enumerate(subsets):
            record = records[environment][f"m{number}@1"]
            assert record.approved is (needed <= subset), (environment, subset, record.reasons)
            assert record.approved is not bool(record.reasons)


def decisions(workshop: Workshop, orders: tuple[int, ...], judged: Any) -> dict[str, bool]:
    """What the gateway and the workload point say to a few requests, with these of the orders in the catalogue."""
    kinds = (("revoke", NAME), ("freeze", NAME), ("suspend", "acme"), ("revoke-key", "k7m2p9qa"))
    shutil.rmtree(workshop.root / "orders", ignore_errors=True)
    for index in orders:
        workshop.order(*kinds[index], "oncall")
    catalogue = judged.catalogue
    restrictions = resolve_orders(workshop.judge(only=NAME).catalogue, AT_NS).restrictions["prod"]
    records = judged.records["prod"]
    environment = catalogue.configuration.environments["prod"]
    live = live_document(first_live("prod", environment, revision="r", at_ns=AT_NS))
    registries = {
        "envoy": envoy_registry(catalogue, "prod", records, restrictions, at_ns=AT_NS),
        "workload": workload_registry(catalogue, "prod", "workload", records, restrictions),
    }
    answers = {}
    for point, inputs in (("envoy", calls()), ("workload", pods(judged))):
        modules = {
            path: text.replace("now_ns := time.now_ns()", f"now_ns := {AT_NS}")
            for path, text in point_policies(declared_point(point), ()).items()
        }
        data = {"weighbridge": {"registry": registries[point], "live": live}}
        with OpaServer(modules=modules, data=data) as engine:
            for name, document in inputs.items():
                decision = engine.query(f"weighbridge/points/{point}/decision", document)
                # What the gateway answers by itself is a refusal with status 200 to Envoy.
                answers[name] = decision["allowed"] or decision.get("http_status") == 200
    return answers


def calls() -> dict[str, Any]:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    found = {}
    for model in (NAME, "qa-now", "qa@2.0.0", "other"):
        body = {"model": model, "messages": [], "max_tokens": 10}
        request = {"method": "POST", "path": "/v1/chat/completions", "headers": headers, "body": body}
        found[f"call {model}"] = check_request(RequestFixture.model_validate(request))
    found["models"] = check_request(
        RequestFixture.model_validate({"method": "GET", "path": "/v1/models", "headers": headers})
    )
    return found


def pods(judged: Any) -> dict[str, Any]:
    version = judged.catalogue.versions[NAME]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "serve",
            "namespace": "models",
            "labels": {"model_id": "qa", "model_version": "1.0.0"},
            "annotations": {"weighbridge.dev/artifact-digest": version.artifact_digest},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "serve",
                    "image": f"registry.example.com/serve@sha256:{'a' * 64}",
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
    unlabelled = json.loads(json.dumps(pod))
    del unlabelled["metadata"]["labels"]
    return {"pod": pod, "unlabelled pod": unlabelled}


def test_more_restrictions_never_allow_more(workshop: Workshop) -> None:
    tenants = json.loads((workshop.root / "tenants.yaml").read_text())
    tenants["tenants"]["acme"]["environments"]["prod"]["keys"][0]["sha256"] = digest(KEY.encode())
    workshop.write("tenants.yaml", json.dumps(tenants))
    judged = workshop.judge()
    subsets = [chosen for size in range(5) for chosen in itertools.combinations(range(4), size)]
    answers = {chosen: decisions(workshop, chosen, judged) for chosen in subsets}
    # Without orders what should work works, or the rest would prove nothing.
    assert answers[()] == {
        f"call {NAME}": True,
        "call qa-now": True,
        "call qa@2.0.0": False,
        "call other": False,
        "models": True,
        "pod": True,
        "unlabelled pod": False,
    }
    for fewer, more in itertools.product(subsets, repeat=2):
        if set(fewer) <= set(more):
            for request, allowed in answers[more].items():
                assert answers[fewer][request] or not allowed, (fewer, more, request)
    for index, blocked in (
        (0, f"call {NAME}"),
        (1, "call qa-now"),
        (2, "models"),
        (3, f"call {NAME}"),
        (0, "pod"),
        (1, "pod"),
    ):
        assert answers[(index,)][blocked] is False, (index, blocked)
