"""What users are promised of the request is what each point's `request.rego` gives, no more and no less."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from weighbridge.bundle.policies import CONFTEST, ENVOY, POINTS, WORKLOAD, declared_point, point_policies
from weighbridge.engines.opa import OpaServer
from weighbridge.evidence.request_fields import declaration
from weighbridge.harness.call_input import check_request
from weighbridge.harness.fixtures import read_fixtures
from weighbridge.points.envoy import BODY_FIELDS

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SECRET = "wb_prod_k7m2p9qa_" + "A" * 43
MODULE = """
package offered

import data.lib.weighbridge.request

all := {"environment": request.environment, "now_ns": request.now_ns, "subject": subject} if {
	subject := request.subject with input as input.object
}
"""
EVERY_FIELD = dict.fromkeys(BODY_FIELDS, "x") | {"body": "json"}
CALL = {
    "attributes": {
        "request": {
            "http": {
                "method": "POST",
                "path": f"/v1/chat/completions?key={SECRET}",
                "headers": dict.fromkeys(("authorization", "x-api-key", "api-key", "content-type"), SECRET),
            }
        },
        "metadataContext": {"filterMetadata": {"weighbridge.call": EVERY_FIELD}},
    }
}

pytestmark = pytest.mark.engines


def objects(point: str) -> list[Any]:
    """Everything that the fixtures hand to a point, and what nobody can read."""
    if point == ENVOY:
        found = read_fixtures([FIXTURES / "requests"])
        return [CALL, {}, *(check_request(each.document.request) for each in found if each.document.request)]
    strange = [None, 7, {"kind": "Pod", "apiVersion": "v1", "spec": {"containers": "x"}}]
    return [*strange, *(each.document.object for each in read_fixtures([FIXTURES / "pods"]) if each.document.object)]


def offered(point: str) -> Iterator[Any]:
    # The other step of a fixed registry: what it holds is no matter here.
    registry = "package weighbridge.registry\n\nenvironment := `prod`\n\nkinds := {}\n"
    modules = {**point_policies(declared_point(point), []), "offered.rego": MODULE, "registry.rego": registry}
    with OpaServer(modules=modules) as server:
        for each in objects(point):
            yield server.query("offered/all", {"object": each})


def paths(value: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """The declared fields that a document has."""
    fitting = [each for each in schema.get("anyOf", [schema]) if not list(validator(each).iter_errors(value))]
    for each in fitting:
        for entry in value if "items" in each else []:
            yield from paths(entry, each["items"], f"{at}[]")
        for name, below in each.get("properties", {}).items() if isinstance(value, dict) else ():
            if name in value:
                yield f"{at}.{name}"
                yield from paths(value[name], below, f"{at}.{name}")


def declared(schema: dict[str, Any], at: str = "") -> Iterator[str]:
    for each in schema.get("anyOf", [schema]):
        yield from declared(each["items"], f"{at}[]") if "items" in each else ()
        for name, below in each.get("properties", {}).items():
            yield f"{at}.{name}"
            yield from declared(below, f"{at}.{name}")


def validator(schema: dict[str, Any]) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("point", POINTS)
def test_every_point_gives_what_is_declared_and_nothing_else(point: str) -> None:
    seen: set[str] = set()
    for document in offered(point):
        validator(declaration()).validate(document)
        seen |= set(paths(document, declaration()))
    subjects = {each["title"]: each for each in declaration()["properties"]["subject"]["anyOf"]}
    expected = subjects["call" if point == ENVOY else "workload"]
    assert seen == {".environment", ".now_ns", ".subject", *declared(expected, ".subject")}


def test_every_form_of_a_workload_is_declared_and_given() -> None:
    subjects = {each["title"]: each for each in declaration()["properties"]["subject"]["anyOf"]}
    forms = subjects["workload"]["properties"]["form"]["enum"]
    for point in (WORKLOAD, CONFTEST):
        assert sorted({document["subject"]["form"] for document in offered(point)}) == forms


def test_no_header_is_among_it() -> None:
    document = next(offered(ENVOY))
    assert document["subject"]["call"] == EVERY_FIELD
    assert document["subject"]["path"] == "/v1/chat/completions"
    assert SECRET not in json.dumps(document)
