"""The fast way to a decision and the requirements in full agree, whatever call, registry and live data are drawn."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from weighbridge.bundle.policies import ENVOY, declared_point, point_policies
from weighbridge.engines.opa import OpaServer

NOW = 1_000
SECRET = "A" * 43
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -1, 0.5, 10**40, "", "x", "2000", [], {}, ["x"]]
)
END = st.one_of(st.sampled_from([NOW - 1, NOW, NOW + 1, 9_223_372_036_854_775_807]), ODD)
VERSIONS = ("a@1", "a@2", "b@1")
DIGESTS = {name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in VERSIONS}
KEYS = {name: f"wb_prod_{name}_{SECRET}" for name in ("key00001", "key00002")}
ORDER = st.one_of(ODD, st.fixed_dictionaries({"id": st.just("o")}, optional={"expires": END}))

# The live document is judged by its data alone: the tests hand both in as input.
MODULE = """
package property

import data.weighbridge.points.envoy

answers := {"decided": decided, "explained": explained}

decided := d if {
	d := envoy.decision with input as input.call
		with data.weighbridge.registry as input.registry
		with data.weighbridge.live as input.live
		with data.lib.weighbridge.request.now_ns as 1000
}

explained := d if {
	d := envoy.explained with input as input.call
		with data.weighbridge.registry as input.registry
		with data.weighbridge.live as input.live
		with data.lib.weighbridge.request.now_ns as 1000
}
"""

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def opa() -> Iterator[OpaServer]:
    with OpaServer(modules={**point_policies(declared_point(ENVOY), []), "property.rego": MODULE}) as server:
        yield server


def usually(value: Any, otherwise: st.SearchStrategy[Any] = ODD) -> st.SearchStrategy[Any]:
    """Mostly the good value: else no drawn call would ever be allowed, and nothing compared."""
    return st.integers(0, 47).flatmap(lambda drawn: otherwise if drawn == 29 else st.just(value))


def blocked(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.integers(0, 11).flatmap(
        lambda drawn: st.dictionaries(st.sampled_from(names), ORDER, max_size=2) if drawn == 7 else st.just({})
    )


@st.composite
def registries(draw: st.DrawFn) -> dict[str, Any]:
    orders = {
        "revoked": draw(blocked(tuple(DIGESTS.values()))),
        "frozen": draw(blocked(VERSIONS)),
        "suspended": draw(blocked(("acme", "small"))),
        "keys": draw(blocked(tuple(KEYS))),
    }
    records = {name: draw(record(name, orders)) for name in VERSIONS if draw(usually(True, st.just(False)))}
    grants = {hashlib.sha256(key.encode()).hexdigest(): draw(grant(name, orders)) for name, key in KEYS.items()}
    return {
        "environment": draw(usually("prod", st.sampled_from(["dev", "", None, 1]))),
        "point": draw(usually("envoy", st.sampled_from(["workload", None]))),
        "records": records,
        "routes": {"alias": {"models": {"a": draw(usually(True))}}, "other": {"models": draw(usually({"b": True}))}},
        "models": {},
        "grants": grants,
        "calls": {
            "body_limit": 1000,
            "paths": {"POST /v1/chat/completions": {"model": "body"}, "GET /v1/models": {"answer": "entitlements"}},
        },
        "orders": orders,
    }


@st.composite
def record(draw: st.DrawFn, name: str, orders: dict[str, Any]) -> dict[str, Any]:
    digest = DIGESTS[name]
    document = {
        "model": name.partition("@")[0],
        "version": name.partition("@")[2],
        "approved": draw(usually(True)),
        "digest": draw(usually(digest)),
        "not_after": draw(usually(NOW + 1, END)),
        "served": draw(usually(True)),
    }
    clear = document["digest"] not in orders["revoked"] if isinstance(document["digest"], str) else True
    return {**document, "clear": clear and name not in orders["frozen"]}


@st.composite
def grant(draw: st.DrawFn, name: str, orders: dict[str, Any]) -> dict[str, Any]:
    tenant = draw(usually("acme", st.sampled_from(["small", None, 7])))
    document = {
        "tenant": tenant,
        "key": draw(usually(name, st.sampled_from([*KEYS, None, 7]))),
        "not_after": draw(usually(NOW + 1, END)),
        "models": draw(usually({"a": True, "b": True}, st.sampled_from([{}, {"a": "yes"}, {"b": True}, "a", None]))),
    }
    clear = tenant not in orders["suspended"] and document["key"] not in orders["keys"]
    limit = draw(st.sampled_from(["none", "none", "none", 100, draw(usually(100))]))
    return {**document, "clear": clear, **({} if limit == "none" else {"max_tokens": limit})}


@st.composite
def lives(draw: st.DrawFn) -> dict[str, Any]:
    active = st.fixed_dictionaries(
        {}, optional={name: st.one_of(st.sampled_from(VERSIONS), ODD) for name in ("alias", "other", *VERSIONS)}
    )
    live = {
        "environment": draw(usually("prod", st.sampled_from(["dev", None]))),
        "not_after": draw(usually(NOW + 1, END)),
        "revoked": draw(usually({}, st.one_of(ODD, blocked(tuple(DIGESTS.values()))))),
        "frozen": draw(usually({}, st.one_of(ODD, blocked(VERSIONS)))),
        "suspended": draw(usually({}, st.one_of(ODD, blocked(("acme", "small"))))),
        "keys": draw(usually({}, st.one_of(ODD, blocked(tuple(KEYS))))),
        "exhausted": draw(usually({}, st.one_of(ODD, blocked(("acme", "small"))))),
        "active": draw(usually({"alias": "a@1", "other": "b@1"}, st.one_of(ODD, active))),
    }
    missing = draw(usually(None, st.sampled_from(sorted(live))))
    return {key: value for key, value in live.items() if key != missing}


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    key = draw(st.sampled_from([*[*KEYS.values()] * 6, f"wb_dev_key00001_{SECRET}", "short", ""]))
    headers = {
        "authorization": draw(usually(f"Bearer {key}", st.sampled_from([key, f"bearer {key}", f"Bearer {key},{key}"]))),
        "content-type": draw(usually("application/json", st.sampled_from(["text/plain", "application/json; a=b"]))),
        "content-length": draw(usually("10", st.sampled_from(["1000", "1001", "-1", "x", ""]))),
        "x-api-key": draw(usually(None, st.just("x"))),
    }
    fields = {
        "body": draw(usually("json")),
        "model": draw(st.sampled_from(["alias", "alias", "other", *VERSIONS, draw(usually("nobody"))])),
        "stream": draw(usually(None)),
        "include_usage": draw(ODD),
        "max_tokens": draw(st.sampled_from([None, 1, 100, 101, draw(ODD)])),
        "max_completion_tokens": draw(usually(None, st.one_of(st.just(5), ODD))),
        "n": draw(usually(None, st.one_of(st.just(2), ODD))),
    }
    # Envoy leaves out what is null; now and then it is kept here.
    kept = {name: value for name, value in fields.items() if value is not None or draw(usually(False, st.just(True)))}
    path = draw(usually("/v1/chat/completions", st.sampled_from(["/v1/chat/completions?x", "/", "/v1/models"])))
    method = draw(usually("POST", st.just("GET")))
    sent = {name: value for name, value in headers.items() if value is not None}
    sent = {name: value for name, value in sent.items() if draw(usually(True, st.just(False)))}
    http = {"method": method, "path": path, "headers": sent}
    return {
        "attributes": {"request": {"http": http}, "metadataContext": {"filterMetadata": {"weighbridge.call": kept}}}
    }


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(call=calls(), registry=registries(), live=lives())
def test_both_ways_agree(opa: OpaServer, call: dict[str, Any], registry: dict[str, Any], live: dict[str, Any]) -> None:
    answers = opa.query("property/answers", {"call": call, "registry": registry, "live": live})
    event(f"allowed: {answers['decided']['allowed']}")
    assert answers["decided"] == answers["explained"]
    assert answers["decided"]["allowed"] is (
        answers["decided"].get("headers", {}).get("x-weighbridge-route") is not None
    )


def test_the_fast_way_is_taken(opa: OpaServer) -> None:
    """Else the comparison above would compare the requirements with themselves."""
    module = MODULE.replace("package property", "package plain").replace(
        "as 1000", "as 1000 with data.lib.weighbridge.requirements.inf.deny as null", 1
    )
    call = {
        "attributes": {
            "request": {
                "http": {
                    "method": "POST",
                    "path": "/v1/chat/completions",
                    "headers": {
                        "authorization": f"Bearer {KEYS['key00001']}",
                        "content-type": "application/json",
                        "content-length": "10",
                    },
                }
            },
            "metadataContext": {"filterMetadata": {"weighbridge.call": {"body": "json", "model": "alias"}}},
        }
    }
    record = {"model": "a", "version": "1", "approved": True, "digest": DIGESTS["a@1"], "not_after": NOW + 1}
    registry = {
        "environment": "prod",
        "point": "envoy",
        "records": {"a@1": {**record, "served": True, "clear": True}},
        "routes": {"alias": {"models": {"a": True}}},
        "grants": {
            hashlib.sha256(KEYS["key00001"].encode()).hexdigest(): {
                "tenant": "acme", "key": "key00001", "not_after": NOW + 1, "models": {"a": True}, "clear": True,
            }
        },
        "calls": {"body_limit": 1000, "paths": {"POST /v1/chat/completions": {"model": "body"}}},
        "orders": {"revoked": {}, "frozen": {}, "suspended": {}, "keys": {}},
    }  # fmt: skip
    live = {"environment": "prod", "not_after": NOW + 1, "active": {"alias": "a@1"}}
    live |= {name: {} for name in ("revoked", "frozen", "suspended", "keys", "exhausted")}
    with OpaServer(modules={**point_policies(declared_point(ENVOY), []), "plain.rego": module}) as server:
        document = {"call": call, "registry": registry, "live": live}
        assert server.query("plain/decided", document)["allowed"] is True
