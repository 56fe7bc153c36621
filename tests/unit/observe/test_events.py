"""Events: of our form, projected to ASB v0.1, bounded."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from weighbridge import resources
from weighbridge.errors import InputError
from weighbridge.observe.events import MAX_BYTES, check_event, model_health, model_release, project

DIGEST = "sha256:" + "a" * 64
OURS = json.loads((resources.policies() / "schemas" / "event.json").read_text("utf-8"))
ASB = next(
    (
        path
        for parent in Path(__file__).resolve().parents
        for path in parent.glob("shared/asb/asb-security-schema-v0.1.json")
    ),
    None,
)
FOREIGN_SCHEMA = "ASB Security Schema v0.1 is not beside this checkout; events are checked against our own schema only"


def release(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "model_id": "kb-qa-001",
        "version": "2025.03.15",
        "artifact_digest": DIGEST,
        "attestations": ["vuln-scan-clean", "slsa-level2"],
        "at_ns": 1_768_435_200_000_000_000,
        "sbom_uri": "s3://ml-artifacts/qa-001/bom.json",
        "parent_run_id": "run-1",
        "environment": "prod",
        "applied_policies": ["REL-011"],
        "labels": {"approved_by": "mlsec"},
    }
    return model_release(**(given | changes))


def health(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "model_id": "kb-qa-001",
        "version": "2025.03.15",
        "artifact_digest": DIGEST,
        "check": "weights",
        "status": "unhealthy",
        "at_ns": 1,
        "differences": [("b", "missing"), ("a", "changed")],
    }
    return model_health(**(given | changes))


def test_the_fields_of_the_missions_example() -> None:
    event = release()
    assert (event["operation"]["category"], event["operation"]["name"]) == ("model_release", "publish")
    assert event["resource"]["model_release"] == {
        "model_id": "kb-qa-001",
        "version": "2025.03.15",
        "artifact_digest": DIGEST,
        "sbom_uri": "s3://ml-artifacts/qa-001/bom.json",
        "attestations": ["slsa-level2", "vuln-scan-clean"],
        "parent_run_id": "run-1",
    }
    assert event["timestamp"] == "2026-01-15T00:00:00Z"


def test_what_is_not_known_is_left_out() -> None:
    event = release(sbom_uri=None, parent_run_id=None, environment=None, applied_policies=(), labels=None)
    assert set(event["resource"]["model_release"]) == {"model_id", "version", "artifact_digest", "attestations"}
    assert {"env", "context", "decision"}.isdisjoint(event)


def test_health_names_a_hundred_files_and_counts_all() -> None:
    event = health(differences=[(f"{n:04}", "added") for n in range(250)])
    told = event["resource"]["model_health"]
    assert (len(told["differences"]), told["differences_total"]) == (100, 250)


def test_health_has_room_for_any_paths() -> None:
    """A path of 1,024 characters that each take six bytes, and bytes that are no text."""
    paths = [(f"{n}" + "\x01" * 1020, "added") for n in range(150)] + [("\udcff", "added")]
    told = health(differences=paths)["resource"]["model_health"]
    assert told["differences_total"] == 151
    assert 1 <= len(told["differences"]) < 100
    assert health(differences=[("\udcff", "added")])["resource"]["model_health"]["differences"][0]["path"] == "\\udcff"


def test_equal_events_have_one_id_and_others_another() -> None:
    assert release()["event_id"] == release()["event_id"]
    assert release()["event_id"] != release(environment="staging")["event_id"]
    assert release()["event_id"] != release(at_ns=1_768_435_201_000_000_000)["event_id"]


@pytest.mark.parametrize("event", [release(), health(), health(scores={"drift": 0.3}, differences=None)])
def test_events_are_what_the_published_schema_says(event: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(OURS).validate(event)


@pytest.mark.parametrize("event", [release(), health(), health(scores={"drift": 0.3})], ids=["release", "health", "s"])
def test_projections_are_asb_v0_1(event: dict[str, Any]) -> None:
    before = copy.deepcopy(event)
    projected = project(event)
    assert event == before
    assert projected["schema_version"] == "asb-sec-0.1"
    category = event["operation"]["category"]
    assert projected["operation"]["name"].startswith(f"{category}.")
    assert projected["resource"] == event["resource"]
    if ASB is None:
        pytest.skip(FOREIGN_SCHEMA)
    schema = jsonschema.Draft7Validator(json.loads(ASB.read_text("utf-8")))
    schema.validate(projected)
    assert not schema.is_valid({**projected, "operation": event["operation"]})


def test_a_projection_back_under_our_version_is_ours() -> None:
    """What ASB v0.1 has words for, we have the same words for."""
    event = release()
    generic = {**project(event), "schema_version": event["schema_version"]}
    del generic["resource"]["model_release"]
    check_event(generic)


@pytest.mark.parametrize(
    "changes",
    [
        {"artifact_digest": "sha256:A"},
        {"artifact_digest": "md5:" + "a" * 64},
        {"model_id": "Kb"},
        {"version": "../1"},
        {"sbom_uri": "not a uri"},
        {"attestations": ["slsa-level2\nforged"]},
        {"parent_run_id": "\x00"},
        {"labels": {"a": 1}},
        {"labels": {"a": "\ud800"}},
        {"channel": "telegraph"},
    ],
)
def test_malformed_fields_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        release(**changes)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "0.5", True])
def test_scores_are_numbers(score: Any) -> None:
    with pytest.raises(InputError):
        health(scores={"drift": score})


def test_too_large() -> None:
    with pytest.raises(InputError, match=f"more than {MAX_BYTES}"):
        release(labels={"a": "x" * MAX_BYTES})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("operation", "category"), "model_health"),
        (("operation", "category"), "admin"),
        (("operation", "category"), "made_up"),
        (("resource", "model_release", "surplus"), 1),
        (("resource", "llm"), {"messages": [{"role": "user", "content": ["a", "list"]}]}),
        (("schema_version",), "asb-sec-0.1"),
        (("event_id",), "1"),
        (("timestamp",), "yesterday"),
        (("surplus",), 1),
    ],
)
def test_altered_events_are_refused(path: tuple[str, ...], value: Any) -> None:
    event = release()
    place = event
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(InputError):
        check_event(event)
