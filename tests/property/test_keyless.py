"""Foreign bytes where a certificate, a timestamp, a trusted root or a token belongs end in one kind of error."""

from __future__ import annotations

import json
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.private_sigstore.instance import Instance

from weighbridge.errors import InputError
from weighbridge.evidence.certificate import read_certificate
from weighbridge.evidence.timestamps import Times
from weighbridge.evidence.trusted_root import Root, require_root

INSTANCE = Instance()
LEAF = INSTANCE.certificate(ec.generate_private_key(ec.SECP256R1()).public_key(), claims={14: "refs/heads/main"})
DER = LEAF.public_bytes(Encoding.DER)
ROOT = json.dumps(INSTANCE.trusted_root()).encode()
TOKEN = json.loads(json.dumps(INSTANCE.timestamps(b"signature")))["rfc3161Timestamps"][0]["signedTimestamp"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(DER) - 1), st.binary(min_size=1, max_size=4))
@example(12, b"\x01")  # another version of X.509, for which cryptography has an exception of its own
def test_a_bent_certificate_is_read_or_refused(position: int, bytes_: bytes) -> None:
    try:
        found = read_certificate(DER[:position] + bytes_ + DER[position + len(bytes_) :])
    except ValueError:
        return
    assert found.identity.isprintable()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_a_certificate(data: bytes) -> None:
    try:
        read_certificate(data)
    except ValueError:
        return
    raise AssertionError("read")


@settings(max_examples=200, deadline=None)
@given(JSON | st.just({}), JSON, st.binary(max_size=64))
def test_claimed_times_are_read_or_refused(entry: object, data: object, token: bytes) -> None:
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64encode(token).decode()}]}
    for material in (
        {"tlogEntries": [entry], "timestampVerificationData": data},
        {"tlogEntries": entry, "timestampVerificationData": stamps},
        {"tlogEntries": [{"inclusionPromise": {"x": 1}, "integratedTime": entry}]},
    ):
        try:
            times = Times(material).claimed()
        except ValueError:
            continue
        assert all(0 < time_ns < 2**63 for time_ns in times)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("ABz9+/"))
def test_a_bent_timestamp_is_refused_or_not_vouched_for(position: int, character: str) -> None:
    bent = TOKEN[:position] + character + TOKEN[position + 1 :]
    try:
        times = Times({"timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": bent}]}})
        vouched = times.vouched(b"signature", Root(ROOT, "root").trusted(times.claimed()))
    except ValueError:
        return
    honest = Times({"timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": TOKEN}]}})
    # Bits that the signature does not cover (certificates that a token carries along) change no time.
    assert not vouched or times.claimed() == honest.claimed()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(json.loads(ROOT))), JSON)
def test_a_bent_root_is_used_or_refused(field: str, value: object) -> None:
    try:
        require_root(json.dumps(json.loads(ROOT) | {field: value}).encode(), "root.json")
    except InputError:
        return
    assert field == "timestampAuthorities"
    assert not value
