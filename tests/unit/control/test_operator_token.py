"""The token that an operator shows to read: good for one request, for a minute, by a key that may order."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

from weighbridge import keys
from weighbridge.canonical import canonical
from weighbridge.control.operator_token import (
    LEEWAY_S,
    LIFETIME_S,
    operator_token,
    request_sha256,
    verify_operator_token,
)

KEY = ec.generate_private_key(ec.SECP256R1())
KINDS = {
    "p256": KEY,
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa": rsa.generate_private_key(65537, 2048),
}
KNOWN = {keys.fingerprint(key.public_key()): key.public_key() for key in KINDS.values()}
AT = 1_800_000_000 * 10**9
SECOND = 10**9
TARGET = "/v1/orders?environment=prod"


def verify(token, method="GET", target=TARGET, body=b"", at_ns=AT, known=KNOWN):
    return verify_operator_token(token, known, method=method, target=target, body=body, at_ns=at_ns)


def token_of(key=KEY, header=None, **claims):
    fingerprint = keys.fingerprint(key.public_key())
    own = {
        "iss": fingerprint,
        "aud": "weighbridge",
        "iat": AT // SECOND,
        "exp": AT // SECOND + LIFETIME_S,
        "sha256": request_sha256("GET", TARGET, b""),
    }
    given = {name: value for name, value in {**own, **claims}.items() if value is not None}
    return keys.jws(key, "ES256", header or {"kid": fingerprint}, canonical(given))


@pytest.mark.parametrize("key", KINDS.values(), ids=KINDS)
def test_whoever_holds_a_key_that_may_order_may_read(key):
    token = operator_token(key, "GET", TARGET, at_ns=AT)
    assert verify(token) == keys.fingerprint(key.public_key())
    with pytest.raises(ValueError, match="may order nothing here"):
        verify(token, known={})
    last = token[-2]
    with pytest.raises(ValueError, match="does not fit"):
        verify(token[:-2] + ("A" if last != "A" else "B") + token[-1])


@pytest.mark.parametrize(
    "other",
    [
        {"method": "POST"},
        {"target": "/v1/orders?environment=staging"},
        {"target": "/v1/orders"},
        {"body": b"{}"},
    ],
    ids=["method", "query", "path", "body"],
)
def test_it_is_good_for_one_request_only(other):
    with pytest.raises(ValueError, match="another request"):
        verify(operator_token(KEY, "GET", TARGET, at_ns=AT), **other)


def test_it_is_good_for_a_minute_and_clocks_may_differ_by_another():
    token = operator_token(KEY, "GET", TARGET, at_ns=AT)
    assert verify(token, at_ns=AT + (LIFETIME_S + LEEWAY_S) * SECOND)
    assert verify(token, at_ns=AT - LEEWAY_S * SECOND)
    with pytest.raises(ValueError, match="ended 61 s ago"):
        verify(token, at_ns=AT + (LIFETIME_S + LEEWAY_S + 1) * SECOND)
    with pytest.raises(ValueError, match="61 s ahead"):
        verify(token, at_ns=AT - (LEEWAY_S + 1) * SECOND)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": AT // SECOND + LIFETIME_S + 1},
        {"exp": AT // SECOND},
        {"exp": None},
        {"iat": None},
        {"iat": True},
        {"iat": float(AT // SECOND) + 0.5},
        {"iat": "now"},
        {"aud": "another"},
        {"aud": None},
        {"iss": "sha256:0"},
        {"sha256": None},
    ],
    ids=str,
)
def test_what_it_claims_must_be_as_it_is_made(claims):
    assert verify(token_of())
    with pytest.raises(ValueError, match=r"issued|meant|another request"):
        verify(token_of(**claims))


def resigned(header, key=KEY):
    """A token whose header says something else, signed all the same."""
    _, payload, _ = operator_token(key, "GET", TARGET, at_ns=AT).split(".")
    signed = f"{keys.b64url(json.dumps(header).encode())}.{payload}"
    r, s = utils.decode_dss_signature(keys.sign(KEY, signed.encode()))
    return f"{signed}.{keys.b64url(r.to_bytes(32) + s.to_bytes(32))}"


def test_the_header_chooses_no_algorithm():
    fingerprint = keys.fingerprint(KEY.public_key())
    assert verify(resigned({"alg": "ES256", "kid": fingerprint})) == fingerprint
    for algorithm in ("none", "HS256", "ES384", "EdDSA", None, ["ES256"]):
        with pytest.raises(ValueError, match="does not fit"):
            verify(resigned({"alg": algorithm, "kid": fingerprint}))
    for kid in (None, ["x"], {}, "", "sha256:0", keys.fingerprint(KINDS["rsa"].public_key())):
        with pytest.raises(ValueError, match=r"does not fit|may order nothing"):
            verify(resigned({"alg": "ES256", "kid": kid}))
    with pytest.raises(ValueError, match="no token"):
        verify(resigned({"alg": "ES256", "kid": fingerprint, "crit": ["b64"]}))


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c", "é.é.é", "e30.e30.", "e30.e30.AA==", "bnVsbA.e30.AA", "." * 5000, "e30.e31.AA"],
)
def test_anything_else_is_no_token(token):
    with pytest.raises(ValueError, match=r"no token|may order nothing"):
        verify(token)


def test_one_token_has_one_spelling():
    token = operator_token(KEY, "GET", TARGET, at_ns=AT)
    head, payload, signature = token.split(".")
    for other in (
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}\n.{signature}",
        f"{head}.{payload}.{signature} ",
    ):
        with pytest.raises(ValueError, match="no token"):
            verify(other)
    # A signature is 64 bytes; whatever else decodes to the same numbers does not count.
    raw = keys.b64url(b"\0" + b"\0" * 64)
    with pytest.raises(ValueError, match="does not fit"):
        verify(f"{head}.{payload}.{raw}")
