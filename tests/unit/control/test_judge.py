"""Who may order what, and why an order is refused."""

import base64
import json

import pytest
from tests.control_plane import control_document, key, order, predicate_of, revoke, version, version_digest
from tests.unit.control.core import ISSUED, NOW, Log, control, issued

from weighbridge.control.judge import MAX_ORDER_BYTES, judge_order, read_order
from weighbridge.control.order import sign_order
from weighbridge.control.state import State
from weighbridge.keys import public_pem

BAD = version_digest("qa@2.0.0")


@pytest.fixture
def log(tmp_path):
    return Log(control(tmp_path))


def resigned(data, *signers):
    return sign_order(predicate_of(data), [key(name) for name in signers])


def refused(log, data, code):
    judgement = log.judge(data)
    assert (judgement.outcome, judgement.code) == ("refused", code), judgement
    assert judgement.reason
    assert judgement.accepted is None
    return judgement


def test_one_person_revokes(log):
    judgement = log.take(issued("revoke", BAD))
    assert judgement.outcome == "accepted"
    assert judgement.accepted.signers == ("oncall",)
    assert judgement.accepted.trust == log.state.release.revision
    assert not judgement.warnings
    assert log.state.restrictions(log.now).revoked[BAD]["reason"] == "a test"


def test_the_same_order_twice_is_one(log):
    data = issued("revoke", BAD)
    first = log.take(data)
    number = log.state.accepted(first.order_id)
    again = log.judge(resigned(data, "mlsec"))
    assert (again.outcome, again.number) == ("known", number)
    other = sign_order(predicate_of(data) | {"reason": "another"}, [key("oncall")])
    refused(log, other, "ORD-015")


def test_two_people_revoke_at_once_and_one_is_lifted(log):
    one, two = issued("revoke", BAD), issued("revoke", BAD)
    assert log.take(one).outcome == log.take(two).outcome == "accepted"
    lifting = issued("restore", BAD, undoes=predicate_of(one)["id"], signers=("mlsec", "product"))
    assert log.take(lifting).outcome == "accepted"
    assert log.state.restrictions(log.now).revoked[BAD]["id"] == predicate_of(two)["id"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 9999, b'{"payload":"","payload":""}', b"x" * (MAX_ORDER_BYTES + 1)],
)
def test_what_is_no_order(log, data):
    judgement = refused(log, data, "ORD-001")
    assert judgement.environment == "prod"


def test_a_statement_of_another_kind(log):
    envelope = json.loads(issued("revoke", BAD))
    statement = json.loads(base64.b64decode(envelope["payload"]))
    for changes in ({"predicateType": "https://weighbridge.dev/waiver/v1"}, {"predicate": {"kind": "revoke"}}):
        envelope["payload"] = base64.b64encode(json.dumps(statement | changes).encode()).decode()
        refused(log, json.dumps(envelope).encode(), "ORD-001")
    other = statement | {"subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]}
    envelope["payload"] = base64.b64encode(json.dumps(other).encode()).decode()
    refused(log, json.dumps(envelope).encode(), "ORD-002")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "restore"},
        {"undoes": "00000000-0000-4000-8000-000000000000"},
        {"kind": "route"},
        {"to": "qa@1.0.0"},
        {"expires": ISSUED},
        {"environments": ["prod", "prod"]},
    ],
)
def test_shapes_that_no_order_has(log, fields):
    refused(log, issued("revoke", BAD, **fields) if "kind" not in fields else issued(fields["kind"], BAD), "ORD-002")


def test_whose_signature_counts(log):
    refused(log, issued("revoke", BAD, signers=("stranger",)), "ORD-005")
    refused(log, issued("revoke", BAD, signers=("product",)), "ORD-005")
    envelope = json.loads(issued("revoke", BAD, signers=("stranger",)))
    envelope["signatures"][0]["keyid"] = json.loads(issued("revoke", BAD))["signatures"][0]["keyid"]
    refused(log, json.dumps(envelope).encode(), "ORD-005")
    mixed = log.judge(issued("revoke", BAD, signers=("stranger", "mlsec", "oncall")))
    assert mixed.accepted.signers == ("mlsec", "oncall")
    assert len(mixed.accepted.envelope["signatures"]) == 2


def test_a_kind_that_nobody_may_order(tmp_path):
    document = control_document()
    del document["authority"]["distrust"]
    log = Log(control(tmp_path, authority=document["authority"]))
    assert "nobody may order distrust" in refused(log, issued("distrust", "ci"), "ORD-004").reason


def test_environments(log):
    refused(log, issued("revoke", BAD, environments=["dev"]), "ORD-003")
    nowhere = judge_order(
        issued("revoke", BAD, environments=["dev"]),
        environment="dev",
        control=None,
        state=State.empty("dev"),
        at_ns=NOW,
    )
    assert (nowhere.outcome, nowhere.code) == ("refused", "ORD-003")


def test_times(log):
    refused(log, issued("revoke", BAD, issued_at="2026-01-15T00:02:00Z"), "ORD-007")
    assert log.judge(issued("revoke", BAD, issued_at="2026-01-15T00:00:55Z")).outcome == "accepted"
    assert log.judge(issued("revoke", BAD, issued_at="2020-01-15T00:00:00Z")).outcome == "accepted"
    refused(log, issued("revoke", BAD, issued_at="2020-01-15T00:00:00Z", expires="2020-01-16T00:00:00Z"), "ORD-009")
    old = issued("route", "qa-now", to="qa@1.0.0", expects="qa@2.0.0", issued_at="2026-01-13T00:00:00Z")
    refused(log, old, "ORD-008")


def test_two_signatures_for_lifting(log):
    first = issued("revoke", BAD)
    log.take(first)
    lifting = issued("restore", BAD, undoes=predicate_of(first)["id"], signers=("mlsec",))
    waiting = log.judge(lifting)
    assert (waiting.outcome, waiting.code, waiting.missing_signatures) == ("pending", "ORD-006", 1)
    assert "product" in waiting.reason
    assert "NOT in force" in waiting.reason
    again = log.judge(lifting, pending=waiting.pending)
    assert again.outcome == "pending"
    stranger = log.judge(resigned(lifting, "stranger"), pending=waiting.pending)
    assert stranger.outcome == "pending"
    whole = log.judge(resigned(lifting, "product"), pending=waiting.pending)
    assert whole.outcome == "accepted"
    assert whole.accepted.signers == ("mlsec", "product")
    assert log.judge(resigned(lifting, "mlsec", "product")).outcome == "accepted"
    assert log.judge(resigned(lifting, "mlsec", "mlsec")).outcome == "pending"


def test_one_key_under_two_names_counts_once(tmp_path):
    same = {
        name: public_pem(key(who).public_key()) for name, who in {"a": "mlsec", "b": "mlsec", "c": "product"}.items()
    }
    authority = control_document()["authority"] | {"restore": {"keys": same, "threshold": 2}}
    log = Log(control(tmp_path, authority=authority))
    first = issued("revoke", BAD)
    log.take(first)
    lifting = issued("restore", BAD, undoes=predicate_of(first)["id"], signers=("mlsec",))
    assert log.judge(lifting).outcome == "pending"
    both = log.judge(resigned(lifting, "mlsec", "product"))
    assert both.accepted.signers == ("a", "c")


def lifting(kind, target, undoes, **fields):
    return issued(kind, target, undoes=undoes, signers=("mlsec", "product"), **fields)


def test_what_cannot_be_lifted(log):
    first = issued("revoke", BAD)
    number = predicate_of(first)["id"]
    refused(log, lifting("restore", BAD, number), "ORD-010")
    log.take(first)
    refused(log, lifting("thaw", BAD, number), "ORD-011")
    refused(log, lifting("restore", version_digest("qa@1.0.0"), number), "ORD-011")
    refused(log, lifting("restore", BAD, number, issued_at="2026-01-14T23:59:59Z"), "ORD-011")
    # Kept in a catalogue, it would have to be refused there.
    refused(log, lifting("restore", BAD, number, environments=["prod", "staging"]), "ORD-011")
    assert log.take(lifting("restore", "qa@2.0.0", number)).outcome == "accepted"
    refused(log, lifting("restore", BAD, number), "ORD-010")
    assert not log.state.restrictions(log.now).revoked
    frozen = issued("freeze", "qa@2.0.0", expires="2026-01-15T00:00:30Z")
    log.take(frozen)
    log.now = NOW + 60 * 10**9
    refused(log, lifting("thaw", "qa@2.0.0", predicate_of(frozen)["id"]), "ORD-010")


def test_only_a_release_lifts_what_a_release_restricts(tmp_path):
    entry = {"id": "00000000-0000-4000-8000-000000000001", "reason": "bad", "issued_at": 1}
    orders = control_document()["orders"] | {"revoked": {BAD: entry}}
    log = Log(control(tmp_path, orders=orders))
    refused(log, lifting("restore", BAD, entry["id"]), "ORD-012")


def test_routes(tmp_path):
    versions = {
        name: version(name, **changes)
        for name, changes in {
            "qa@1.0.0": {},
            "qa@2.0.0": {},
            "qa@3.0.0": {"approved": False},
            "qa@4.0.0": {"served": False},
            "other@1.0.0": {},
        }.items()
    }
    log = Log(control(tmp_path, versions=versions))

    def route(to, expects="qa@2.0.0", alias="qa-now"):
        return issued("route", alias, to=to, expects=expects)

    refused(log, route("qa@1.0.0", alias="unknown"), "ORD-013")
    for to in ("other@1.0.0", "qa@9.0.0", "qa@3.0.0", "qa@4.0.0"):
        refused(log, route(to), "ORD-013")
    refused(log, route("qa@1.0.0", expects="qa@1.0.0"), "ORD-014")
    refused(log, route("qa@1.0.0", expects=None), "ORD-014")
    log.take(issued("freeze", "qa@1.0.0"))
    refused(log, route("qa@1.0.0"), "ORD-013")
    assert log.take(route("qa@2.0.0")).outcome == "accepted"


def test_an_emergency_is_not_refused_for_a_slip(log):
    for kind, target in {
        "freeze": "qa@9.0.0",
        "suspend": "nobody",
        "revoke-key": "zzzzzzzz",
        "distrust": "nobody",
        "revoke": "qa@9.0.0",
    }.items():
        judgement = log.take(issued(kind, target))
        assert judgement.outcome == "accepted"
        assert judgement.warnings, kind
    assert not log.judge(revoke(issued_at=ISSUED)).warnings


def test_a_digest_that_only_looks_like_one_is_told(log):
    for target in (f"{BAD}\n", f" {BAD}", BAD.upper()):
        judgement = log.judge(issued("revoke", target))
        assert judgement.outcome == "accepted"
        assert "nothing is revoked now" in judgement.warnings[0]


def test_what_stands_around_an_envelope_is_not_kept(log):
    envelope = json.loads(issued("revoke", BAD))
    envelope["more"] = {"a": 1}
    judgement = log.judge(json.dumps(envelope).encode())
    assert set(judgement.accepted.envelope) == {"payload", "payloadType", "signatures"}


def test_thirty_three_signatures(log):
    envelope = json.loads(issued("revoke", BAD))
    envelope["signatures"] *= 33
    refused(log, json.dumps(envelope).encode(), "ORD-001")


def test_reading_tells_the_predicate():
    data = order("revoke", BAD)
    assert read_order(data).predicate.target == BAD
