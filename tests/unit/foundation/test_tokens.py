"""Compact JWS as they are read: by the key's own algorithm, in one form only."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.keys import b64url, bundle_algorithm, fingerprint, jws, public_pem
from weighbridge.tokens import read_token

KEY = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKEN = jws(KEY, "ES256", {"kid": "a"}, b"hello")


def part(header: Any) -> str:
    return b64url(json.dumps(header).encode())


@pytest.mark.parametrize("key", [KEY, P384, RSA], ids=["P-256", "P-384", "RSA"])
def test_what_was_signed_is_read(key: Any) -> None:
    algorithm = bundle_algorithm(key, "k")
    known = [each.public_key() for each in (KEY, P384, RSA)]
    token = read_token(jws(key, algorithm, {"kid": "a"}, b"hello"), known)
    assert (token.header, token.payload) == ({"alg": algorithm, "kid": "a"}, b"hello")
    assert token.key_fingerprint == fingerprint(key.public_key())


def test_both_paddings_of_rsa_count_each_by_its_name() -> None:
    for algorithm, named in (("PS256", "PS256"), ("RS256", "RS256")):
        assert read_token(jws(RSA, algorithm, {}, b"x"), [RSA.public_key()]).header == {"alg": named}
    head, _, rest = jws(RSA, "RS256", {}, b"x").partition(".")
    assert base64.urlsafe_b64decode(head + "==") == b'{"alg":"RS256"}'
    with pytest.raises(ValueError, match="none of the keys"):
        read_token(f"{part({'alg': 'PS256'})}.{rest}", [RSA.public_key()])


def forged(header: Any, signature: bytes = b"") -> str:
    head = f"{part(header)}.{b64url(b'hello')}"
    return f"{head}.{b64url(signature or b'0')}"


def with_secret(pem: str) -> str:
    head = f"{part({'alg': 'HS256'})}.{b64url(b'hello')}"
    return f"{head}.{b64url(hmac.digest(pem.encode(), head.encode(), hashlib.sha256))}"


TWICE = b'{"alg":"ES256","alg":"ES256"}'
HEAD, PAYLOAD, SIGNATURE = TOKEN.split(".")
LAST = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HOSTILE = {
    "none": forged({"alg": "none"}),
    "without a signature": f"{HEAD}.{PAYLOAD}.",
    "two parts": f"{HEAD}.{PAYLOAD}",
    "four parts": f"{TOKEN}.{SIGNATURE}",
    "a public key as a secret": with_secret(public_pem(KEY.public_key())),
    "a header that is no object": forged([1]),
    "a header that is no JSON": f"{b64url(b'{')}.{PAYLOAD}.{SIGNATURE}",
    "a key twice in the header": f"{b64url(TWICE)}.{PAYLOAD}.{SIGNATURE}",
    "an algorithm that is no text": forged({"alg": ["ES256"]}, b"0" * 64),
    "of another curve": jws(P384, "ES384", {}, b"hello"),
    "a signature of no bits": forged({"alg": "ES256"}, bytes(64)),
    "too short": forged({"alg": "ES256"}, b"0" * 63),
    "padded": f"{HEAD}.{PAYLOAD}.{SIGNATURE}==",
    "with a line break": f"{TOKEN}\n",
    "beyond ASCII": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}é",
    "another spelling": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}{LAST[LAST.index(SIGNATURE[-1]) + 1]}",
    "empty": "",
}


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="has a token"):
        read_token(token, [KEY.public_key(), RSA.public_key(), ed25519.Ed25519PrivateKey.generate().public_key()])


def test_no_key_reads_nothing() -> None:
    with pytest.raises(ValueError, match="none of the keys"):
        read_token(TOKEN, [])


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(LAST + "=./+é "))
def test_any_character_that_is_another(place: int, character: str) -> None:
    if TOKEN[place] != character:
        with pytest.raises(ValueError, match="has a token"):
            read_token(TOKEN[:place] + character + TOKEN[place + 1 :], [KEY.public_key()])
