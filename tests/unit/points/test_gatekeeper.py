"""What is written for Gatekeeper: rules verbatim, approvals that are signed one by one, sizes that a cluster takes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from weighbridge import resources as shipped
from weighbridge.bundle.gatekeeper import _check_names
from weighbridge.bundle.policies import GATEKEEPER, declared_point, point_policies
from weighbridge.engines.opa import opa_parse
from weighbridge.errors import InputError
from weighbridge.keys import b64url, bundle_algorithm
from weighbridge.points.gatekeeper.approvals import (
    CHUNK_BYTES,
    MAX_TOKEN_BYTES,
    approval,
    approval_claims,
    approval_files,
    live_state,
)
from weighbridge.points.gatekeeper.constraints import constraints, strictest, unbound_constraints, verification
from weighbridge.points.gatekeeper.definitions import definitions, sync_set
from weighbridge.points.gatekeeper.names import EFFECTS
from weighbridge.points.gatekeeper.policies import admission_policies
from weighbridge.points.gatekeeper.template import ENTRY, constraint_template, inline_references, synced_kinds
from weighbridge.points.gatekeeper.webhook import helm_values, webhook_patch

KUBECTL_ANNOTATION_BYTES = 256 * 1024
ETCD_BYTES = 1024 * 1024


def record(number: int) -> dict[str, Any]:
    return {
        "model": f"model-{number}",
        "version": "1.0",
        "approved": True,
        "digest": f"sha256:{number:064x}",
        "not_after": 2**63 - 1,
        "images": {f"sha256:{image:064x}": {} for image in range(3)},
        "sources": {f"hf://acme/model-{number}@{number:040x}": True},
        "required": ["packaged", "slsa-level2"],
        "missing": [],
        "reasons": [],
    }


def registry(count: int = 1) -> dict[str, Any]:
    records = {f"{each['model']}@{each['version']}": each for each in map(record, range(count))}
    orders = {"revoked": {"sha256:x": {"id": "1"}}, "frozen": {"model-0@1.0": {"id": "2"}}}
    return {
        "environment": "prod",
        "point": "workload",
        "records": records,
        "orders": orders,
        "modes": {},
        "waivers": {},
        "labels": {"model_id": "model_id", "model_version": "model_version"},
    }


@pytest.fixture(scope="module")
def key() -> EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def modules() -> dict[str, bytes]:
    return {path: text.encode() for path, text in point_policies(declared_point(GATEKEEPER), []).items()}


def payload(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_the_rules_are_there_word_for_word() -> None:
    given = modules()
    template = yaml.safe_load(constraint_template(given, synced_kinds(istio=True)))
    [target] = template["spec"]["targets"]
    [code] = target["code"]
    assert (code["engine"], code["source"]["version"]) == ("Rego", "v1")
    assert code["source"]["rego"].encode() == given.pop(ENTRY)
    assert [each.encode() for each in code["source"]["libs"]] == [text for _, text in sorted(given.items())]
    for text in code["source"]["libs"]:
        assert "import rego.v1" not in text
        assert "\npackage lib.weighbridge." in f"\n{text}"


def test_what_is_synced_is_what_the_template_asks_for() -> None:
    for istio in (True, False):
        kinds = synced_kinds(istio=istio)
        template = yaml.safe_load(constraint_template(modules(), kinds))
        asked = json.loads(template["metadata"]["annotations"]["metadata.gatekeeper.sh/requires-sync-data"])
        flat = {(e["groups"][0], e["versions"][0], e["kinds"][0]) for same in asked for e in same}
        assert flat == {(e["group"], e["version"], e["kind"]) for e in sync_set(kinds)["spec"]["gvks"]}
        assert ("security.istio.io" in {group for group, _, _ in flat}) is istio


def test_every_level_of_a_schema_has_a_type() -> None:
    template = yaml.safe_load(constraint_template(modules(), synced_kinds(istio=False)))
    schemas = [template["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"]]
    schemas += [each["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for each in definitions()]
    while schemas:
        schema = schemas.pop()
        assert schema["type"]
        schemas += schema.get("properties", {}).values()
        schemas += [schema[name] for name in ("items", "additionalProperties") if name in schema]


@pytest.mark.engines
def test_rules_name_data_in_imports_alone() -> None:
    base = shipped.policies()
    for path in modules():
        assert inline_references(opa_parse(base / path)) == [], path


@pytest.mark.engines
@pytest.mark.parametrize(
    "rule",
    [
        "deny contains x if some x in data.lib.weighbridge.request.subject",
        "deny := [x | x := data.lib.weighbridge.request.now_ns]",
        'deny contains data.lib.weighbridge["request"].environment if true',
    ],
)
def test_a_reference_that_gatekeeper_would_not_find(tmp_path: Path, rule: str) -> None:
    path = tmp_path / "x.rego"
    path.write_text(f"package lib.x\n\n{rule}\n", encoding="utf-8")
    assert inline_references(opa_parse(path))
    path.write_text("package lib.x\n\nimport data.lib.weighbridge.request\n\na := data.inventory.cluster\n", "utf-8")
    assert inline_references(opa_parse(path)) == []


def test_an_approval_says_what_the_registry_says(key: EllipticCurvePrivateKey) -> None:
    document = registry()
    claims = approval_claims(document, "model-0@1.0", "sha256:r")
    made = approval(claims, key)
    assert made["metadata"]["name"] == "prod.model-0.1.0"
    said = payload(made["spec"]["token"])
    assert said == {
        **document["records"]["model-0@1.0"],
        "environment": "prod",
        "revision": "sha256:r",
        "orders": {"revoked": {}, "frozen": {"model-0@1.0": {"id": "2"}}},
    }
    head = made["spec"]["token"].split(".")[0]
    assert head == b64url(b'{"alg":"ES256","kid":"release"}')


@pytest.mark.parametrize("private", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_the_algorithm_is_the_keys(private: Any) -> None:
    algorithm = bundle_algorithm(private, "the key")
    assert verification(private.public_key(), algorithm)["algorithm"] in {"ES384", "RS256"}
    claims = approval_claims(registry(), "model-0@1.0", "r")
    assert approval(claims, private) == approval(claims, private)


def test_ten_thousand_approvals(key: EllipticCurvePrivateKey) -> None:
    document = registry(10_000)
    files = dict(approval_files(document, "sha256:r", key))
    assert sorted(files) == list(files)
    assert max(map(len, files.values())) < CHUNK_BYTES + KUBECTL_ANNOTATION_BYTES
    names = set()
    for data in files.values():
        for text in data.decode().split("---\n")[1:]:
            resource = json.loads(text)
            names.add(resource["metadata"]["name"])
            assert len(text) < KUBECTL_ANNOTATION_BYTES
    assert len(names) == 10_000
    few = registry(50)
    assert dict(approval_files(few, "r", key)) == dict(approval_files(few, "r", key))


def test_a_resource_too_large_for_a_cluster(key: EllipticCurvePrivateKey) -> None:
    claims = approval_claims(registry(), "model-0@1.0", "r")
    large = {**claims, "sources": {f"https://example.com/{number}": True for number in range(40_000)}}
    with pytest.raises(InputError, match=r"prod.model-0.1.0.*at most"):
        approval(large, key)
    with pytest.raises(InputError, match="LiveState prod"):
        live_state("prod", "a" * (MAX_TOKEN_BYTES + 1))
    assert MAX_TOKEN_BYTES < ETCD_BYTES


def test_one_name_for_two_approvals() -> None:
    _check_names(["prod", "dev"], ["a@1", "prod.a@1"])
    with pytest.raises(InputError, match=r"both named a.b.c.1"):
        _check_names(["a", "a.b"], ["b.c@1", "c@1"])


def test_constraints(key: EllipticCurvePrivateKey) -> None:
    known = {"release": verification(key.public_key(), "ES256"), "live": verification(key.public_key(), "ES256")}
    [bound] = constraints(registry(), "r", known)
    [unbound] = unbound_constraints(registry(), "r", known, ["prod", "dev"])
    assert bound["spec"]["match"]["namespaceSelector"]["matchExpressions"][0]["values"] == ["prod"]
    assert bound["spec"]["match"]["scope"] == "Namespaced"
    assert unbound["spec"]["match"]["namespaceSelector"]["matchExpressions"][0]["operator"] == "NotIn"
    for each in (bound, unbound):
        parameters = each["spec"]["parameters"]
        assert not {"records", "orders", "point"} & set(parameters)
        assert parameters["keys"] == known
        assert parameters["revision"] == "r"
    softened = {**registry(), "modes": {"POD-001": [{"from": 0, "mode": "warn"}]}}
    actions = {each["spec"]["enforcementAction"]: each for each in constraints(softened, "r", known)}
    assert set(actions) == set(EFFECTS)
    shown = [effect for each in actions.values() for effect in each["spec"]["parameters"]["effects"]]
    assert sorted(shown) == ["deny", "dry-run", "waived", "warn"]
    assert len({each["metadata"]["name"] for each in actions.values()} | {unbound["metadata"]["name"]}) == 4


def test_the_strictest_environments() -> None:
    assert strictest({"dev": None, "staging": "dev", "prod": "staging"}) == ["prod"]
    assert strictest({"dev": None, "eu": "dev", "us": "dev"}) == ["eu", "us"]
    assert strictest({"prod": None}) == ["prod"]


def test_the_webhook_fails_closed_and_leaves_the_cluster_alive() -> None:
    patch = webhook_patch(["monitoring"])
    [webhook] = patch["webhooks"]
    assert webhook["failurePolicy"] == "Fail"
    exempt = webhook["namespaceSelector"]["matchExpressions"][1]["values"]
    assert exempt == ["gatekeeper-system", "kube-node-lease", "kube-system", "monitoring"]
    asked = webhook["rules"][0]["resources"]
    assert {"*", "pods/ephemeralcontainers", "pods/resize"} == set(asked)
    expressions = " ".join(each["expression"] for each in webhook["matchConditions"])
    for needed in ("coordination.k8s.io", "authorization.k8s.io", "apiextensions.k8s.io", "'events'", "'nodes'"):
        assert needed in expressions
    for judged in ("'pods'", "'services'", "rbac.authorization.k8s.io", "networking.k8s.io", "'apps'"):
        assert judged not in expressions
    values = helm_values(["monitoring"])
    assert values["validatingWebhookFailurePolicy"] == "Fail"
    assert values["validatingWebhookMatchConditions"] == webhook["matchConditions"]


def test_admission_policies_come_with_their_bindings() -> None:
    found = admission_policies(
        {"model_id": "model_id", "model_version": "model_version"}, ["sha256:a"], ["monitoring"], ["prod"]
    )
    policies = [each for each in found if each["kind"] == "ValidatingAdmissionPolicy"]
    bindings = [each for each in found if each["kind"] == "ValidatingAdmissionPolicyBinding"]
    names = [each["metadata"]["name"] for each in policies]
    assert names == ["weighbridge-namespaces", "weighbridge-approvals", "weighbridge-rules", "weighbridge-pods"]
    assert [each["spec"]["policyName"] for each in bindings] == names
    assert {each["spec"]["failurePolicy"] for each in policies} == {"Fail"}
    assert all(each["spec"]["validationActions"] == ["Deny"] for each in bindings)
