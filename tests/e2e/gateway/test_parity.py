"""What the harness builds as OPA's input is what the real Envoy asks: found by throwing bodies at both."""

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.harness.call_input import check_request
from weighbridge.harness.fixtures import Fixture, FixtureDocument, RequestFixture
from weighbridge.harness.points import exchange, request_bytes
from weighbridge.harness.stage import Stage

from .conftest import AT, CHAT, ROOT, Gateway

pytestmark = pytest.mark.engines

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.sampled_from(["content-type", "magika@3.3.0", "kb-qa", ""]),
)  # fmt: skip
keys = st.sampled_from(
    ["model", "stream", "stream_options", "include_usage", "max_tokens", "max_completion_tokens", "n", "x"]
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3), max_leaves=4
)
documents = st.dictionaries(keys, values, max_size=6)
bodies = st.one_of(
    documents.map(json.dumps),
    values.map(json.dumps),
    documents.map(lambda document: json.dumps(document)[:-1]),
    documents.map(lambda document: json.dumps(document) + " "),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
content_types = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "application/JSON", "application/json; charset=latin1",
     "text/json", "application/json;", "application/json ;charset=UTF8"]
)  # fmt: skip
paths = st.sampled_from([CHAT, "//v1//chat/completions", "/v1/./models?x=1&x=2", "/a/../v1/models/", "/v1/chat%20x"])
requests = st.builds(
    lambda path, body, content_type: RequestFixture(path=path, body=body, headers={"content-type": content_type}),
    paths, bodies, content_types,
)  # fmt: skip


def number(value):
    """Metadata holds doubles, however a log writes them."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def asked(document):
    """What of an input must be the same, however a log writes it."""
    http = document["attributes"]["request"]["http"]
    call = document["attributes"].get("metadataContext", {}).get("filterMetadata", {}).get("weighbridge.call", {})
    shown = {key: number(value) for key, value in call.items() if not isinstance(value, str) or key == "body"}
    headers = {name: http["headers"].get(name) for name in ("content-type", "content-length")}
    return {"method": http["method"], "path": http["path"].split("?")[0], "call": shown, "headers": headers,
            "size": http.get("size"), "parsed_path": document["parsed_path"]}  # fmt: skip


@pytest.fixture(scope="module")
def open_gateway(tmp_path_factory):
    """The gateway, but for the log's mask: what is compared here is what the log of a real one must never hold."""
    at_ns = parse_time_ns(AT)
    folder = tmp_path_factory.mktemp("parity")
    with Stage(ROOT / "examples" / "catalogue", "prod", at_ns=at_ns, now_ns=at_ns, folder=folder) as stage:
        mask = stage.output / "prod" / "guard" / "mask.rego"
        assert "package system.log" in mask.read_text()
        mask.write_text("package system.log\n\nmask contains pointer if some pointer in input.nowhere\n")
        document = {"environment": "prod", "request": {"path": CHAT}, "expect": {"allowed": True}}
        stage.set_live(Fixture("baseline", FixtureDocument.model_validate(document)))
        yield Gateway(stage)


@settings(
    # Not made smaller: a batch holds many requests, and the failure names the one.
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=st.lists(requests, min_size=30, max_size=60))
def test_the_harness_asks_what_envoy_asks(open_gateway, batch):
    gateway = open_gateway
    server = gateway.stage.bundle_server()
    sent = {}
    for request in batch:
        _, headers, _ = exchange(gateway.port, request_bytes(request, gateway.port))
        sent[headers["x-weighbridge-decision-id"]] = request
    assert server.wait_for(lambda each: sent.keys() <= {event["decision_id"] for event in each.decisions}, timeout=20)
    for event in server.decisions:
        if event["decision_id"] in sent:
            request = sent[event["decision_id"]]
            assert asked(event["input"]) == asked(check_request(request)), request
