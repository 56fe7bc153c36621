import hashlib
import json

import pytest

from weighbridge.errors import InputError
from weighbridge.evidence.dsse import PAYLOAD_TYPE, Envelope
from weighbridge.evidence.statement import model_signing_root, parse_statement, statement_json

HEX = "a" * 64
GOOD = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "x", "digest": {"sha256": HEX}}],
    "predicateType": "https://example.com/p",
    "predicate": {"a": 1},
}


def parsed(payload, payload_type=PAYLOAD_TYPE):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse_statement(Envelope(payload_type, data, ()), "e.json")


@pytest.mark.parametrize("kind", ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"])
def test_both_versions_are_read(kind):
    statement = parsed({**GOOD, "_type": kind, "unknown": "is ignored, as in-toto demands"})
    assert statement.predicate_type == "https://example.com/p"
    assert statement.predicate == {"a": 1}
    assert statement.about(f"sha256:{HEX}")
    assert not statement.about("sha256:" + "b" * 64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"_type": "https://in-toto.io/Statement/v2"}, "unknown type or version"),
        ({"_type": "https://in-toto.io/Statement/v1/"}, "unknown type or version"),
        ({"_type": "https://in-toto.io/Statement/v0.2"}, "unknown type or version"),
        ({"_type": None}, "unknown type or version"),
        ({"_type": ["https://in-toto.io/Statement/v1"]}, "unknown type or version"),
        ({"predicateType": ""}, "no predicate type"),
        ({"predicateType": 1}, "no predicate type"),
        ({"predicate": None}, "no predicate"),
        ({"predicate": []}, "no predicate"),
        ({"predicate": "{}"}, "no predicate"),
        ({"subject": []}, "no subject"),
        ({"subject": {}}, "no subject"),
        ({"subject": [{}]}, "subject[0]: has no digest"),
        ({"subject": ["x"]}, "subject[0]: has no digest"),
        ({"subject": [{"digest": HEX}]}, "subject[0]: has no digest"),
        ({"subject": [{"name": 1, "digest": {}}]}, "subject[0].name"),
        ({"subject": [{"digest": {}}] * 4097}, "more than 4096"),
        ({"predicate": {"a": "\ud800"}}, "lone surrogate"),
    ],
)
def test_what_is_no_statement_is_refused(change, words):
    with pytest.raises(InputError) as caught:
        parsed({**GOOD, **change})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "is not JSON"),
        (b"[]", "no JSON object"),
        (json.dumps(GOOD).encode("utf-16"), "not acceptable JSON"),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "byte order mark"),
        (json.dumps(GOOD).replace('"predicate":', '"predicate": {"a": 2}, "predicate":').encode(), "duplicate key"),
        (json.dumps(GOOD).replace('"a": 1', '"a": 1, "\\u0061": 2').encode(), "duplicate key"),
        (json.dumps(GOOD).replace('"a": 1', '"a": ' + "1" * 5000).encode(), "not acceptable JSON"),
        (json.dumps(GOOD).replace('"a": 1', '"a": 1e999').encode(), "not acceptable JSON"),
        (json.dumps(GOOD).encode() + b"{}", "is not JSON"),
    ],
)
def test_hostile_payloads_are_refused(payload, words):
    with pytest.raises(InputError) as caught:
        parsed(payload)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "payload_type", ["application/json", PAYLOAD_TYPE + "; charset=utf-8", PAYLOAD_TYPE.upper(), ""]
)
def test_another_payload_type_is_refused(payload_type):
    with pytest.raises(InputError, match="payload type"):
        parsed(GOOD, payload_type)


@pytest.mark.parametrize(
    "given", [HEX.upper(), HEX + "\n", HEX[:-1], f"sha256:{HEX}", " " + HEX, "\u0430" * 64, 1, None, [HEX]]
)
def test_a_digest_in_another_writing_is_nobodys(given):
    statement = parsed({**GOOD, "subject": [{"name": "x", "digest": {"sha256": given}}]})
    assert not statement.about(f"sha256:{HEX}")
    assert statement.subject == (("x", ""),)
    # Neither is "" anybody's digest to be compared with.
    assert not statement.about("sha256:")


def test_a_subject_of_another_algorithm_is_passed_over():
    statement = parsed({**GOOD, "subject": [{"name": "x", "digest": {"sha512": HEX}}, *GOOD["subject"]]})
    assert statement.about(f"sha256:{HEX}")


def test_writing_and_reading_agree():
    data = statement_json("https://example.com/p", {"ü": 0.1}, [("x", f"sha256:{HEX}")])
    statement = parsed(data)
    assert statement.predicate == {"ü": 0.1}
    assert statement.sha256 == "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_root_of_a_model_signature_is_over_raw_digests_in_their_order():
    resources = [{"digest": "00" * 32}, {"digest": "ff" * 32}]
    expected = hashlib.sha256(b"\x00" * 32 + b"\xff" * 32).hexdigest()
    assert model_signing_root({"resources": resources}) == f"sha256:{expected}"
    assert model_signing_root({"resources": resources[::-1]}) != f"sha256:{expected}"


@pytest.mark.parametrize("resources", [None, [], {}, "x", [1], [{}], [{"digest": "FF" * 32}], [{"digest": "ff" * 31}]])
def test_a_root_of_anything_else_is_refused(resources):
    with pytest.raises(ValueError, match="lists"):
        model_signing_root({"resources": resources})
