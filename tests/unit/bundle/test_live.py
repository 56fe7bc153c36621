import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.live import Announced, Restrictions, first_live, live_bundle, live_document, livestate_jws
from weighbridge.catalogue.configuration import Environment
from weighbridge.errors import InputError

KEY = ec.generate_private_key(ec.SECP256R1())
AT = 1_768_435_200_000_000_000
ENVIRONMENT = Environment.model_validate(
    {
        "routes": {"kb-qa": {"models": ["kb-qa-001"], "active": "kb-qa-001@1"}, "idle": {"models": ["kb-qa-001"]}},
        "live": {"not_after": "5m", "clusters_not_after": "2h"},
    }
)
STATE = first_live("prod", ENVIRONMENT, revision="sha256:r", at_ns=AT)
ORDER = {"id": "1", "reason": "x", "issued_at": AT}


def test_the_first_one_announces_the_release_and_the_routes_and_restricts_nothing() -> None:
    assert live_document(STATE) == {
        "environment": "prod",
        "sequence": 1,
        "issued_at": AT,
        "not_after": AT + 300 * 10**9,
        "releases": [{"revision": "sha256:r"}],
        "revoked": {},
        "frozen": {},
        "suspended": {},
        "keys": {},
        "active": {"kb-qa": "kb-qa-001@1"},
        "exhausted": {},
    }


def test_the_bundle_owns_live_data_and_nothing_else() -> None:
    files = read_archive(live_bundle(live_document(STATE), KEY), "live")
    assert sorted(files) == [".manifest", ".signatures.json", "data.json"]
    assert json.loads(files[".manifest"])["roots"] == ["weighbridge/live"]
    assert json.loads(files["data.json"]) == {"weighbridge": {"live": live_document(STATE)}}


def test_the_same_state_is_the_same_bytes() -> None:
    assert live_bundle(live_document(STATE), KEY) == live_bundle(live_document(STATE), KEY)


def test_the_release_before_counts_until_its_time() -> None:
    state = replace(STATE, releases=(Announced("sha256:new"), Announced("sha256:old", until_ns=AT + 1)))
    assert live_document(state)["releases"] == [{"revision": "sha256:new"}, {"revision": "sha256:old", "until": AT + 1}]


def test_a_cluster_gets_the_same_restrictions_and_its_own_time() -> None:
    state = replace(
        STATE, restrictions=Restrictions(revoked={"sha256:d": ORDER}, frozen={"m@1": ORDER}, suspended={"acme": ORDER})
    )
    payload = livestate_jws(state, KEY).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims == {
        "environment": "prod",
        "sequence": 1,
        "not_after": AT + 7200 * 10**9,
        "releases": [{"revision": "sha256:r"}],
        "revoked": {"sha256:d": ORDER},
        "frozen": {"m@1": ORDER},
    }


@pytest.mark.parametrize(
    "broken",
    [{"releases": ()}, {"releases": (Announced(""),)}, {"not_after_ns": AT}, {"clusters_not_after_ns": AT - 1}],
    ids=["nothing announced", "no revision", "over at once", "over at once in clusters"],
)
def test_a_state_that_no_point_could_use_is_refused(broken: dict) -> None:
    with pytest.raises(ValueError, match="live data must"):
        live_document(replace(STATE, **broken))


def test_a_key_that_opa_cannot_verify_is_refused() -> None:
    with pytest.raises(InputError, match="EdDSA"):
        live_bundle(live_document(STATE), ed25519.Ed25519PrivateKey.generate())
