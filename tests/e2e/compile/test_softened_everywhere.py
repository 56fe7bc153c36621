"""Modes and waivers through every point, to the nanosecond: none honours what another refuses."""

import copy
from typing import Any

import pytest

from weighbridge.canonical import canonical, digest
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.evidence.predicates import WAIVER
from weighbridge.evidence.statement import statement_json
from weighbridge.harness.fixtures import USUAL_POINTS, Fixture, FixtureDocument
from weighbridge.harness.run import HarnessOptions, run_fixtures

Workshop = Any
Json = dict[str, Any]
AT = "2026-01-15T00:00:00Z"
END = "2026-01-20T00:00:00Z"
BEFORE_END = "2026-01-19T23:59:59.999999999Z"
IMAGE = f"registry.example.com/qa@sha256:{'a' * 64}"
OTHER = f"registry.example.com/qa@sha256:{'b' * 64}"
POINTS = (*USUAL_POINTS, "gator")

pytestmark = pytest.mark.engines


def waive(workshop: Workshop, name: str, scope: Json, codes: list[str], **changes: Any) -> None:
    predicate = {
        "codes": codes,
        "environment": "prod",
        "scope": scope,
        "reason": "a test",
        "not_before": AT,
        "not_after": END,
        **changes,
    }
    payload = statement_json(WAIVER, predicate, [(WAIVER, digest(canonical(predicate)))])
    envelope = sign_envelope(PAYLOAD_TYPE, payload, [workshop.key("mlsec")])
    workshop.write(f"waivers/{name}.json", envelope_json(envelope))


def pod(artifact: str, name: str, kind: str = "Pod", **spec: Any) -> Json:
    """A hardened pod that serves qa@1.0.0, but for its root file system, which can be written to."""
    container = {
        "name": "serve",
        "image": IMAGE,
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    template = {
        "metadata": {
            "labels": {"model_id": "qa", "model_version": "1.0.0"},
            "annotations": {"weighbridge.dev/artifact-digest": artifact},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            **spec,
        },
    }
    if kind == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], **_named(name)}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": _named(name),
        "spec": {"selector": {"matchLabels": {"model_id": "qa"}}, "template": template},
    }


def _named(name: str) -> Json:
    return {"name": name, "namespace": "models"}


def helper(workshop_image: str) -> Json:
    """A second container that violates the same requirement."""
    found = copy.deepcopy(pod("", "x")["spec"]["containers"][0])
    return {**found, "name": "helper", "image": workshop_image}


def fixture(name: str, object_: Json, codes: list[str], now: str, environment: str = "prod") -> Fixture:
    document = {
        "environment": environment,
        "at": AT,
        "now": now,
        "object": object_,
        "expect": {"allowed": not codes, "codes": codes},
    }
    return Fixture(f"{name} in {environment} at {now}", FixtureDocument.model_validate(document))


def test_to_the_nanosecond_at_every_point(workshop: Workshop) -> None:
    """One waived deployment and what it makes, its look-alikes, and two modes, at four moments."""
    signers = workshop.configuration["trust"]["signers"]
    signers["mlsec"]["waives"] = ["POD-021", "POD-022"]
    announced = {"POD-022": {"mode": "enforce", "from": END}}
    workshop.configure({"environments.staging.enforcement": announced, "support_images": [f"sha256:{'d' * 64}"]})
    artifact = workshop.version()
    image = IMAGE.partition("@")[2]
    deployment = {"namespace": "models", "kind": "Deployment", "name": "qa", "images": [image]}
    waive(workshop, "deployment", deployment, ["POD-022"])
    waive(workshop, "later", {"artifact": artifact}, ["POD-022"], not_before=END, not_after="2026-01-20T12:00:00Z")
    waive(workshop, "elsewhere", {"artifact": artifact}, ["POD-022"], environment="dev")
    waive(workshop, "of-another", {"artifact": f"sha256:{'e' * 64}"}, ["POD-022"])
    waive(workshop, "of-another-code", {"artifact": artifact}, ["POD-021"])
    fixtures = []
    for now, waived in ((AT, []), (BEFORE_END, []), (END, ["POD-022"])):
        # From its end on the waiver of the artifact has begun, which covers what serves it under any name.
        other = [] if waived else ["POD-022"]
        fixtures += [
            fixture("the deployment", pod(artifact, "qa", "Deployment"), [], now),
            fixture("its pod", pod(artifact, "qa-7d9c6f5b48-x2bcd"), [], now),
            fixture("another deployment", pod(artifact, "qa-two", "Deployment"), other, now),
            fixture("another's pod", pod(artifact, "qa-two-7d9c6f5b48-x2bcd"), other, now),
            fixture("a pod of the same name", pod(artifact, "qa"), other, now),
        ]
    added = pod(artifact, "qa", "Deployment", initContainers=[helper(OTHER)])
    support = pod(artifact, "qa", "Deployment", initContainers=[helper(OTHER.replace("b" * 64, "d" * 64))])
    fixtures += [
        fixture("an image more", added, ["MOD-008", "POD-022"], AT),
        fixture("a support image more", support, [], AT),
        fixture("in no namespace", {**pod(artifact, "qa"), "metadata": {"name": "qa"}}, ["MOD-001", "POD-022"], AT),
        fixture("announced", pod(artifact, "any"), [], BEFORE_END, "staging"),
        fixture("enforced", pod(artifact, "any"), ["POD-022"], END, "staging"),
    ]
    options = HarnessOptions(catalogue=str(workshop.root), points=POINTS)
    outcomes = run_fixtures(fixtures, options)
    assert {outcome.fixture.file: outcome.failures for outcome in outcomes if outcome.failures} == {}
    assert {tuple(sorted(outcome.judgements)) for outcome in outcomes} == {
        tuple(sorted(set(POINTS) - {"opa", "envoy"}))
    }
