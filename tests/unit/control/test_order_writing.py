"""Writing orders: what is wished for becomes a statement about itself; further signatures speak of the same bytes."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.control.order import (
    Request,
    add_signature,
    has_signed,
    merged_envelope,
    order_predicate,
    read_signed,
    request_of,
    sign_order,
    signers,
)
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import envelope_document, parse_envelope
from weighbridge.evidence.predicates import ORDER
from weighbridge.evidence.statement import parse_statement
from weighbridge.registry.own_subject import own_subject

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ed25519.Ed25519PrivateKey.generate()
AT = 1_700_000_000_123_456_789
DIGEST = f"sha256:{'1' * 64}"
REVOKE = Request("revoke", "kb@1", ("prod",), "bad answers")


def predicate_of(request=REVOKE, at_ns=AT):
    return order_predicate(request, at_ns=at_ns)


def test_an_order_is_about_itself_and_says_when_to_the_nanosecond():
    predicate = predicate_of()
    envelope = parse_envelope(sign_order(predicate, [KEY]), "order")
    statement = parse_statement(envelope, "order")
    assert statement.predicate_type == ORDER
    own_subject(statement, ORDER, "order", "")
    assert dict(statement.predicate) == predicate
    assert parse_time_ns(predicate["issued_at"]) == AT
    assert has_signed(envelope, KEY.public_key())
    assert not has_signed(envelope, OTHER.public_key())


def test_each_order_has_an_id_of_its_own():
    assert len({predicate_of()["id"] for _ in range(50)}) == 50


def test_what_is_not_wished_for_is_not_there():
    assert set(predicate_of()) == {"id", "kind", "target", "environments", "reason", "issued_at"}
    full = replace(REVOKE, reference="CVE-2026-1", expires_ns=AT + 10**9)
    assert predicate_of(full)["expires"] == "2023-11-14T22:13:21.123456789Z"
    assert predicate_of(full)["reference"] == "CVE-2026-1"
    route = Request("route", "qa", ("prod",), "why", to="kb@2", expects="kb@1")
    assert {name: predicate_of(route)[name] for name in ("to", "expects")} == {"to": "kb@2", "expects": "kb@1"}
    undo = Request("restore", DIGEST, ("prod",), "why", undoes="9f0a8c3e-0c5b-4f5f-8f0e-0a1b2c3d4e5f")
    assert predicate_of(undo)["undoes"] == undo.undoes


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("revoke", "kb@1"),
        ("revoke", DIGEST),
        ("revoke", "hf://meta/llama@" + "a" * 40),
        ("revoke", "pkg:huggingface/meta/llama"),
        ("restore", DIGEST),
        ("freeze", "kb@1"),
        ("thaw", "kb@1"),
        ("suspend", "acme"),
        ("resume", "acme"),
        ("revoke-key", "k7m2p9qa"),
        ("route", "qa"),
        ("distrust", "ci"),
    ],
)
def test_targets_that_can_be(kind, target):
    assert predicate_of(replace(REVOKE, kind=kind, target=target))["target"] == target


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("revoke", "kb"),
        ("revoke", ""),
        ("revoke", "kb@"),
        ("revoke", "KB@1"),
        ("revoke", "kb@1@2"),
        ("revoke", "sha256:12"),
        ("revoke", DIGEST.upper()),
        ("revoke", DIGEST + " "),
        ("revoke", "a b:c"),
        ("freeze", DIGEST),
        ("freeze", "kb"),
        ("suspend", "acme corp"),
        ("revoke-key", "k7m2"),
        ("revoke-key", "wb_prod_k7m2p9qa_" + "a" * 43),
        ("route", "qa@1"),
        ("distrust", "Ci!"),
    ],
)
def test_targets_that_cannot(kind, target):
    with pytest.raises(InputError) as caught:
        predicate_of(replace(REVOKE, kind=kind, target=target))
    assert {problem.field for problem in caught.value.problems} == {"target"}


def test_everything_that_is_wrong_is_said_at_once():
    bad = Request("revoke", "kb", (), "\x1b[2J", reference="", expires_ns=AT)
    with pytest.raises(InputError) as caught:
        predicate_of(bad)
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"target", "--environment", "--reason", "--reference", "--expires"}
    with pytest.raises(InputError, match="--environment"):
        predicate_of(replace(REVOKE, environments=("Prod!",)))


def test_a_second_signature_is_put_under_the_same_bytes():
    first = sign_order(predicate_of(), [KEY])
    second = add_signature(read_signed(first, "order"), OTHER)
    one, two = (parse_envelope(data, "order") for data in (first, second))
    assert one.payload == two.payload
    assert has_signed(two, KEY.public_key())
    assert has_signed(two, OTHER.public_key())
    assert signers(two, {"a": KEY.public_key(), "b": OTHER.public_key()}) == ("a", "b")
    assert signers(one, {"a": KEY.public_key(), "b": OTHER.public_key()}) == ("a",)
    assert signers(one, {"a": KEY.public_key(), "twin": KEY.public_key()}) == ("a", "twin")


def test_nobody_signs_twice():
    with pytest.raises(InputError, match="already"):
        add_signature(read_signed(sign_order(predicate_of(), [KEY]), "order"), KEY)


def test_what_was_signed_is_read_as_what_was_wished_for():
    request = Request("route", "qa", ("prod", "staging"), "why", reference="INC-1", to="kb@2", expects="kb@1")
    found = read_signed(sign_order(predicate_of(request), [KEY]), "order")
    assert request_of(found.predicate) == request


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"{}",
        lambda data: data[:-20],
        lambda data: data.replace(b'"payloadType":"application/vnd.in-toto+json"', b'"payloadType":"text/plain"'),
        lambda data: b" " * 70_000 + data,
    ],
    ids=["nothing", "empty", "cut", "another type", "too large"],
)
def test_what_is_no_order_is_not_signed(change):
    with pytest.raises(InputError):
        read_signed(change(sign_order(predicate_of(), [KEY])), "order.json")


def test_an_order_about_something_else_is_none():
    document = json.loads(sign_order(predicate_of(), [KEY]))
    envelope = parse_envelope(json.dumps(document).encode(), "order")
    payload = json.loads(envelope.payload)
    payload["subject"][0]["digest"]["sha256"] = "0" * 64
    forged = envelope_document(replace(envelope, payload=json.dumps(payload).encode()))
    with pytest.raises(InputError):
        read_signed(json.dumps(forged).encode(), "order.json")


def test_what_environments_kept_is_put_together():
    predicate = predicate_of()
    one = json.loads(sign_order(predicate, [KEY]))
    two = json.loads(sign_order(predicate, [OTHER]))
    merged = parse_envelope(merged_envelope([one, two, one]), "order")
    assert len(merged.signatures) == 2
    assert has_signed(merged, KEY.public_key())
    assert has_signed(merged, OTHER.public_key())
    with pytest.raises(InputError, match="another one in each environment"):
        merged_envelope([one, json.loads(sign_order(predicate_of(), [KEY]))])
    with pytest.raises(InputError, match="not given"):
        merged_envelope([])
