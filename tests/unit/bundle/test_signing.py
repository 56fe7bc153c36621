import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from weighbridge.bundle.signing import data_file, manifest, release_scope, sign_bundle
from weighbridge.canonical import sha256_hex
from weighbridge.errors import InputError
from weighbridge.keys import bundle_algorithm

KEY = ec.generate_private_key(ec.SECP256R1())
FILES = {"data.json": data_file({"a": 1}), ".manifest": manifest("r", ["a"]), "a/x.rego": b"package a\n"}


def _token(files: dict[str, bytes]) -> tuple[dict, dict, bytes, bytes]:
    (token,) = json.loads(files[".signatures.json"])["signatures"]
    head, body, signature = token.split(".")
    plain = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in (head, body, signature)]
    return json.loads(plain[0]), json.loads(plain[1]), plain[2], f"{head}.{body}".encode()


def test_every_file_is_covered_and_nothing_else() -> None:
    signed = sign_bundle(FILES, KEY, algorithm="ES256", keyid="release", scope=release_scope("prod"))
    head, payload, signature, message = _token(signed)
    assert head == {"alg": "ES256", "kid": "release"}
    assert payload == {
        "files": [{"name": name, "hash": sha256_hex(FILES[name]), "algorithm": "SHA-256"} for name in sorted(FILES)],
        "scope": "prod-release",
    }
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    KEY.public_key().verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    assert {name: signed[name] for name in FILES} == FILES


@pytest.mark.parametrize(
    "key",
    [KEY, ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["ES256", "ES384", "RS256"],
)
def test_equal_files_are_signed_with_equal_bytes(key) -> None:
    algorithm = bundle_algorithm(key, "k")
    once, again = (
        sign_bundle(dict(files), key, algorithm=algorithm, keyid="k", scope="s")
        for files in (FILES, reversed(FILES.items()))
    )
    assert once == again


def test_with_pss_all_but_the_signature_is_equal() -> None:
    key = rsa.generate_private_key(65537, 2048)
    once, again = (sign_bundle(FILES, key, algorithm="PS256", keyid="k", scope="s") for _ in range(2))
    assert once[".signatures.json"] != again[".signatures.json"]
    assert _token(once)[:2] == _token(again)[:2]
    _, _, signature, message = _token(once)
    key.public_key().verify(
        signature, message, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256()
    )


def test_ed25519_is_refused_because_opa_verifies_none() -> None:
    with pytest.raises(InputError, match="EdDSA"):
        bundle_algorithm(ed25519.Ed25519PrivateKey.generate(), "k")


def test_what_is_signed_is_not_signed_again() -> None:
    signed = sign_bundle(FILES, KEY, algorithm="ES256", keyid="k", scope="s")
    with pytest.raises(ValueError, match="signed already"):
        sign_bundle(signed, KEY, algorithm="ES256", keyid="k", scope="s")


@pytest.mark.parametrize("name", ["/data.json", "../data.json", "a//b", ""])
def test_a_name_that_opa_would_read_otherwise_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        sign_bundle({name: b""}, KEY, algorithm="ES256", keyid="k", scope="s")


def test_the_manifest_says_what_the_bundle_owns() -> None:
    assert json.loads(manifest("sha256:1", ["weighbridge/live"])) == {
        "revision": "sha256:1",
        "roots": ["weighbridge/live"],
        "rego_version": 1,
    }
    expected = b'{"metadata":{"point":"envoy"},"rego_version":1,"revision":"r","roots":["a","b"]}'
    assert manifest("r", ["b", "a"], {"point": "envoy"}) == expected


@pytest.mark.parametrize("roots", [[], [""], ["a", "a"], ["a", "a/b"], ["/a"], ["a/"], ["a", ""]])
def test_a_bundle_never_owns_everything_or_the_same_twice(roots: list[str]) -> None:
    with pytest.raises(ValueError, match="no roots"):
        manifest("r", roots)


def test_a_root_that_only_begins_like_another_is_its_own() -> None:
    assert b'["a","ab"]' in manifest("r", ["a", "ab"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        data_file({"a": value})
