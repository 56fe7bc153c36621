"""The published JSON Schemas: up to date, valid, and of one mind with the models."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from pydantic import ValidationError

from weighbridge import resources
from weighbridge.catalogue.configuration import Configuration, Tenants
from weighbridge.catalogue.schemas import MODELS, schemas, text
from weighbridge.catalogue.yaml_document import parse_yaml
from weighbridge.observe.events import model_health, model_release
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from pydantic import BaseModel

    from .conftest import Tree

DIGEST = "sha256:" + "a" * 64
TIME = "2026-01-01T00:00:00Z"
ORDER = {
    "id": "0f3c1a52-6a3e-4f43-9d55-0b7f3f0e8f11",
    "kind": "revoke",
    "target": DIGEST,
    "environments": ["prod"],
    "reason": "leaked",
    "issued_at": TIME,
}
WAIVER = {
    "codes": ["POD-022", "IMG-004"],
    "environment": "prod",
    "reason": "until the next release",
    "not_before": TIME,
    "not_after": "2026-02-01T00:00:00Z",
}
FOREIGN_EVENT = {
    "schema_version": "weighbridge-event-1",
    "event_id": ORDER["id"],
    "timestamp": TIME,
    "tenant_id": "acme",
    "app_id": "kb",
    "subject": {"user": {"id": "u", "type": "human", "roles": ["r"], "groups": ["g"], "attributes": {"a": "b"}}},
    "operation": {
        "category": "llm_completion",
        "name": "chat",
        "direction": "both",
        "request_id": "r",
        "stage": "pre",
        "model": {"name": "m", "provider": "local", "mode": "chat"},
    },
    "resource": {
        "llm": {"messages": [{"role": "user", "content": "hi"}], "input_tokens": 1, "output_tokens": 2},
        "rag": {"query": "q", "top_k": 3, "filters": {"a": 1}, "candidates": [{"doc_id": "d", "score": 0.5}]},
        "agent_tool": {"tool_name": "t", "args": {"a": 1}},
    },
    "context": {"trace_id": "t", "span_id": "s", "risk_signals": {"a": 0.1}, "labels": {"a": "b"}},
    "decision": {"effect": "deny", "applied_policies": ["p"], "actions": ["throttle"], "risk_level": "low"},
}
PROFILE = {
    "config_digest": DIGEST,
    "platform": "linux/amd64",
    "layers": [{"diff_id": DIGEST, "size": 1, "entries": 1}],
    "base": {"family": "wolfi"},
    "minimal": False,
    "user": {"given": "5", "uid": 5, "numeric": True},
    "env_values": {"PATH": "/bin"},
    "shells": [{"path": "/bin/sh", "name": "sh", "by": "link", "layer": 0}],
    "setuid": [{"path": "/su", "mode": "4755", "owner": 0, "setuid": True, "setgid": False, "layer": 0}],
    "cuda": [{"version": "12.4", "source": "library", "where": "/x"}],
    "os_packages": [{"name": "musl", "version": "1", "manager": "apk"}],
    "python_packages": [{"name": "torch", "version": "2"}],
    "weights": [{"path": "/w", "format": "onnx", "layer": 0, "hidden": False}],
    "secrets": [{"path": "/s", "kind": "jwt", "hidden": True}],
    "unread": [{"path": "/p", "reason": "is too large"}],
}
FINE: dict[str, list[Any]] = {
    "image-profile-v1": [
        {
            "at": TIME,
            "tool": {"name": "weighbridge", "version": "1"},
            "name": "a",
            "digest": DIGEST,
            "images": [PROFILE],
        }
    ],
    "card": [{}, {"source": "a/b", "lineage": {"parent_run_id": "x"}, "images": [{"digest": DIGEST}]}],
    "package-v1": [{"manifest_sha256": DIGEST, "card_sha256": DIGEST, "at": TIME}],
    "evaluation-v1": [
        {"metrics": {"f1": 0.5}, "dataset": {"uri": "https://example.com/d", "digest": DIGEST}, "finished_at": TIME}
    ],
    "approval-v1": [{"environment": "prod", "manifest_sha256": DIGEST, "at": TIME}],
    "promotion-v1": [{"from": "dev", "to": "prod", "at": TIME, "record_sha256": DIGEST}],
    "event": [
        model_release(
            model_id="a",
            version="1",
            artifact_digest=DIGEST,
            attestations=["x"],
            at_ns=1,
            sbom_uri="s3://b/bom.json",
            parent_run_id="run",
            environment="prod",
            applied_policies=["REL-011"],
            labels={"approved_by": "b"},
        ),
        model_health(
            model_id="a",
            version="1",
            artifact_digest=DIGEST,
            check="weights",
            status="unhealthy",
            at_ns=1,
            observed_digest=DIGEST,
            differences=[("model.bin", "changed")],
            scores={"drift": 0.5},
            node="gpu-1",
        ),
        FOREIGN_EVENT,
    ],
    "publication-v1": [
        {"sources": [f"oci://registry.example.com/m@{DIGEST}"], "at": TIME},
        {"sources": [f"hf://acme/m@{'a' * 40}", "s3://models/m?versionId=7"], "at": TIME},
    ],
    "executable-content-v1": [
        {
            "scanners": [{"name": "weighbridge", "version": "0.1.0"}],
            "at": TIME,
            "manifest_sha256": DIGEST,
            "files": 1,
            "executable": [{"path": "a.pt", "kind": "pickle", "detail": "imports nothing"}],
            "findings": [{"path": "a.pt", "about": "content", "message": "is cut off"}],
        }
    ],
    "order-v1": [ORDER, {**ORDER, "kind": "route", "to": "a@1", "expects": "a@0", "expires": TIME}],
    "waiver-v1": [
        {**WAIVER, "scope": {"artifact": DIGEST}},
        {**WAIVER, "scope": {"namespace": "models", "kind": "Deployment", "name": "qa", "images": [DIGEST]}},
    ],
}
FAULTS: list[Any] = [
    None,
    True,
    -1,
    1.5,
    "",
    "A B",
    "..",
    "a..b",
    "a\nb",
    [],
    [1],
    {},
    {"x": 1},
    "2026-01-01",
    "sha256:A",
]


@pytest.fixture
def fine(tree: Tree) -> dict[str, list[Any]]:
    catalogue = tree.load()
    version = catalogue.versions["kb-qa-001@2025.03.15"]
    return {
        **FINE,
        "configuration": [parse_yaml(tree.path("weighbridge.yaml").read_text(), "f").value],
        "tenants": [parse_yaml(tree.path("tenants.yaml").read_text(), "f").value],
        "manifest": [version.manifest.model_dump(by_alias=True, exclude_none=True, mode="json")],
    }


def test_the_published_schemas_are_those_of_the_models() -> None:
    folder = resources.policies() / "schemas"
    for name, schema in schemas().items():
        assert (folder / name).read_text("utf-8") == text(schema), (
            f"run `python -m weighbridge.catalogue.schemas`: {name}"
        )


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schemas_are_valid_and_closed(name: str) -> None:
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    if name != "artifact.json":
        assert schema["additionalProperties"] is False


BEYOND = (
    "needs exactly one",
    "go together",
    "must lie before",
    "port is none",
    "needs `min`",
    "but `files` have",
    "given twice",
    "badly formed hexadecimal UUID",
    "is not relative, or has an empty",
    "control character",
    "needs `artifact`, or",
    "has both an artifact and a workload",
    "`not_after` must lie after `not_before`",
)
"""What the model's validators say that no schema can."""


def accepts_model(model: type[BaseModel], value: Any) -> bool:
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


def spoiled(value: Any) -> list[Any]:
    """The value with each of its parts in turn replaced, removed, or joined by an unknown key."""
    found: list[Any] = list(FAULTS)
    if isinstance(value, dict):
        found.append({**value, "unknown_key": 1})
        found += [{**value, key: other} for key, item in value.items() for other in spoiled(item)]
        found += [{other: item for other, item in value.items() if other != key} for key in value]
        found += [{**value, "B\n": next(iter(value.values()))}] if value else []
    if isinstance(value, list):
        found += [
            [*value[:index], other, *value[index + 1 :]]
            for index in range(len(value))
            for other in spoiled(value[index])
        ]
    return found


def test_schema_and_model_agree(fine: dict[str, list[Any]]) -> None:
    """What a schema refuses, the model refuses; what only the model refuses needs more than one value to be told."""
    accepted = refused = 0
    for name, model in MODELS.items():
        validator = jsonschema.Draft202012Validator(schemas()[f"{name}.json"])
        for value in fine[name]:
            assert validator.is_valid(value), name
            assert accepts_model(model, value), name
            for other in spoiled(copy.deepcopy(value)):
                by_schema, by_model = validator.is_valid(other), accepts_model(model, other)
                accepted, refused = accepted + by_model, refused + (not by_model)
                if by_schema and not by_model:
                    with pytest.raises(ValidationError) as caught:
                        model.model_validate(other)
                    assert any(word in str(caught.value) for word in BEYOND), (name, other, str(caught.value))
                assert by_schema or not by_model, (name, other)
    assert accepted > 100
    assert refused > 1000


def test_artifact(tree: Tree) -> None:
    validator = jsonschema.Draft202012Validator(schemas()["artifact.json"])
    assert validator.is_valid([["a", 1, "0" * 64]])
    for wrong in ([], [["a", 1]], [["a", "1", "0" * 64]], [["a", 1, "0" * 64, 1]], {}, [["", 1, "0" * 64]]):
        assert not validator.is_valid(wrong)
    assert tree.load()


def test_every_document_is_there() -> None:
    assert {Configuration, Tenants, Manifest} <= set(MODELS.values())
