"""What must hold of envelopes for any bytes: random ones never verify, changed ones never pass for the signed."""

import base64
import json
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from weighbridge import keys
from weighbridge.catalogue.catalogue import EvidenceFile
from weighbridge.errors import InputError
from weighbridge.evidence.context import Context, TrustedSigner, Use
from weighbridge.evidence.dsse import (
    PAYLOAD_TYPE,
    KeyRing,
    bundle_json,
    decode_base64,
    envelope_json,
    pae,
    parse_envelope,
    sign_envelope,
    verified_by,
)
from weighbridge.evidence.statement import statement_json
from weighbridge.evidence.verify import Subject, Verifier

KEY = ec.derive_private_key(7, ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER = ec.derive_private_key(8, ec.SECP256R1())
PUBLIC = {keys.fingerprint(key.public_key()): key.public_key() for key in (KEY, ED)}
RING = KeyRing(PUBLIC)
DIGEST = "sha256:" + "d" * 64
TYPE = "https://example.com/p"
PAYLOAD = statement_json(TYPE, {"a": 1}, [("x", DIGEST)])
SIGNED = [
    envelope_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, [KEY])),
    bundle_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, [ED]), ED.public_key()),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def accepted(data):
    """The payload that somebody trusted signed, or None."""
    try:
        envelope = parse_envelope(data, "e.json")
    except InputError:
        return None
    return (envelope.payload_type, envelope.payload) if verified_by(envelope, RING) else None


@given(st.binary())
def test_random_bytes_are_nobodys(data):
    assert accepted(data) is None


@given(JSON)
def test_random_documents_are_nobodys(value):
    assert accepted(json.dumps(value).encode()) is None


@given(
    st.text(max_size=40),
    st.binary(),
    st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=4),
    st.text(max_size=20),
)
def test_random_signatures_are_nobodys(payload_type, payload, signatures, hint):
    listed = [{"sig": base64.b64encode(value).decode(), "keyid": hint} for value in signatures]
    document = {"payloadType": payload_type, "payload": base64.b64encode(payload).decode(), "signatures": listed}
    assert accepted(json.dumps(document).encode()) is None


@given(st.sampled_from(SIGNED), st.data())
def test_a_changed_file_means_what_was_signed_or_nothing(data, draw):
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        index = draw.draw(st.integers(0, len(changed) - 1))
        change = draw.draw(st.sampled_from(["replace", "insert", "delete"]))
        byte = draw.draw(st.integers(0, 255))
        changed[index : index + (change != "insert")] = b"" if change == "delete" else bytes([byte])
    # White space, hints and unknown fields may change; what is taken for signed may not.
    assert accepted(bytes(changed)) in {None, (PAYLOAD_TYPE, PAYLOAD)}


@given(st.binary(min_size=1, max_size=300), st.data())
def test_base64_is_read_in_one_way_only(value, draw):
    text = draw.draw(st.sampled_from([base64.b64encode(value), base64.urlsafe_b64encode(value)])).decode()
    text = draw.draw(st.sampled_from([text, text.rstrip("=")]))
    assert decode_base64(text) == value
    index = draw.draw(st.integers(0, len(text) - 1))
    other = draw.draw(st.characters(codec="utf-8").filter(lambda character: character != text[index]))
    changed = text[:index] + other + text[index + 1 :]
    try:
        assert decode_base64(changed) != value
    except ValueError:
        pass
    else:
        # The same text but for the alphabet and the padding is the same bytes; any other text is other bytes.
        assert changed.translate(str.maketrans("-_", "+/")).rstrip("=") != text.translate(
            str.maketrans("-_", "+/")
        ).rstrip("=")


@given(st.text(max_size=20), st.binary(max_size=40), st.text(max_size=20), st.binary(max_size=40))
def test_the_encoding_that_is_signed_keeps_type_and_payload_apart(one_type, one, other_type, other):
    if (one_type, one) != (other_type, other):
        assert pae(one_type, one) != pae(other_type, other)


SIGNER = TrustedSigner("ci", keys.fingerprint(KEY.public_key()), 0, 2**63 - 1)
VERIFIER = Verifier(
    Context(
        at_ns=1_800_000_000 * 10**9,
        pems={print_: keys.public_pem(key) for print_, key in PUBLIC.items()},
        names={print_: ("ci",) if print_ == SIGNER.fingerprint else ("other",) for print_ in PUBLIC},
        compromised={},
        timed=frozenset(),
        keyless=(),
        roots={},
        shipped_root=False,
        uses=(Use("attestation", "a", TYPE, "model", "mine", {}, (SIGNER,)),),
        package="",
    )
)


def candidates(*files):
    evidence = tuple(EvidenceFile(f"{index}.json", data) for index, data in enumerate(files))
    return VERIFIER.subject(Subject("model", DIGEST, evidence))


def test_the_verifier_takes_what_is_right():
    assert len(candidates(SIGNED[0]).candidates) == 1


@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), max_size=4))
def test_every_file_that_does_not_count_is_reported(files):
    findings = candidates(*files)
    assert findings.candidates == []
    assert sorted({refusal.file for _, refusal in findings.refused}) == [f"{index}.json" for index in range(len(files))]
    assert all(refusal.reason for _, refusal in findings.refused)


@given(JSON, JSON, JSON, JSON)
def test_any_payload_is_verified_or_refused_but_never_an_error(kind, subject, predicate_type, predicate):
    statement = {"_type": kind, "subject": subject, "predicateType": predicate_type, "predicate": predicate}
    for payload in (statement, {**json.loads(PAYLOAD), "predicate": predicate}, predicate):
        data = envelope_json(sign_envelope(PAYLOAD_TYPE, json.dumps(payload).encode(), [KEY]))
        findings = candidates(data)
        assert len(findings.candidates) + len(findings.refused) == 1


@given(st.permutations([KEY, ED, OTHER]), st.text(max_size=80))
def test_neither_order_nor_hints_change_who_signed(order, hint):
    document = json.loads(envelope_json(sign_envelope(PAYLOAD_TYPE, PAYLOAD, order)))
    for signature in document["signatures"]:
        signature["keyid"] = hint
    assert verified_by(parse_envelope(json.dumps(document).encode(), "e.json"), RING) == tuple(sorted(PUBLIC))


def test_what_the_verifier_finds_can_be_sent_to_another_process():
    findings = candidates(SIGNED[0], b"nonsense")
    assert pickle.loads(pickle.dumps(findings)) == findings
    with pytest.raises(TypeError):
        pickle.dumps(VERIFIER)
