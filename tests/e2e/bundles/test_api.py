"""Whoever reaches OPA's API puts no policy into it, before or after the bundles are there, and reads nothing out of
it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.engines

ALLOW = b'package weighbridge.points.envoy\n\ndecision := {"allowed": true}\n'
REQUESTS = {
    "put a policy": ("PUT", "/v1/policies/x", {"content": ALLOW}),
    "put a policy under an odd path": ("PUT", "/v1//policies/x", {"content": ALLOW}),
    "put a policy under an encoded path": ("PUT", "/v1/%70olicies/x", {"content": ALLOW}),
    "put a policy below an open path": (
        "PUT",
        "/v1/data/weighbridge/guard/decision/../../../../policies/x",
        {"content": ALLOW},
    ),
    "put into what may be asked": ("PUT", "/v1/data/weighbridge/guard/decision", {"json": {"allowed": True}}),
    "delete the guard": ("DELETE", "/v1/policies/guard/guard.rego", {}),
    "list policies": ("GET", "/v1/policies", {}),
    "put live data": ("PUT", "/v1/data/weighbridge/live", {"json": {}}),
    "patch live data": ("PATCH", "/v1/data/weighbridge/live", {"json": [{"op": "add", "path": "x", "value": 1}]}),
    "put the bundles' manifests": ("PUT", "/v1/data/system/bundles", {"json": {}}),
    "read everything": ("GET", "/v1/data", {}),
    "read the grants": ("GET", "/v1/data/weighbridge/registry/grants", {}),
    "read by the old API": ("POST", "/v0/data/weighbridge/registry", {"json": {}}),
    "read the decision with GET": ("GET", "/v1/data/weighbridge/guard/decision", {}),
    "ask the point past the guard": ("POST", "/v1/data/weighbridge/points/envoy/decision", {"json": {}}),
    "ask anything": ("POST", "/v1/query", {"json": {"query": "x = data.weighbridge.registry"}}),
    "ask anything with GET": ("GET", "/v1/query?q=data.weighbridge.registry", {}),
    "compile anything": ("POST", "/v1/compile", {"json": {"query": "data.weighbridge.registry"}}),
    "the default decision": ("POST", "/", {"json": {}}),
    "read the configuration": ("GET", "/v1/config", {}),
    "read the status": ("GET", "/v1/status", {}),
    "profile": ("GET", "/debug/pprof/heap", {}),
}


@pytest.mark.parametrize(("method", "path", "options"), REQUESTS.values(), ids=REQUESTS.keys())
def test_before_activation_the_api_takes_nothing(bare_site, method: str, path: str, options: dict) -> None:
    response = bare_site.api(method, path, **options)
    assert response.status_code in {401, 404, 405}, response.text
    assert (bare_site.ask(), bare_site.ask(bare_site.STRANGER)) == ("INF-022", "INF-022")


@pytest.mark.parametrize(("method", "path", "options"), REQUESTS.values(), ids=REQUESTS.keys())
def test_after_activation_it_takes_nothing_either(site, method: str, path: str, options: dict) -> None:
    response = site.api(method, path, **options)
    assert response.status_code in {401, 404, 405}, response.text
    assert (site.ask(), site.ask(site.STRANGER)) == ("allowed", "INF-009")


def test_it_says_that_it_is_well_and_counts(site) -> None:
    assert site.api("GET", "/health").status_code == 200
    assert site.api("GET", "/metrics").status_code == 200
