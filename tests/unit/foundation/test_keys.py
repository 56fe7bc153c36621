"""Keys: what is accepted, what is signed, what does not verify."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa

from weighbridge import keys
from weighbridge.errors import InputError

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
PRIVATE = [P256, ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate(), RSA]


def pem(private, password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@pytest.mark.parametrize("private", PRIVATE, ids=["p256", "p384", "ed25519", "rsa"])
def test_sign_and_verify(private):
    public = keys.load_public_key(keys.public_pem(private.public_key()).encode(), "k.pub")
    signature = keys.sign(private, b"message")
    assert keys.verify(public, signature, b"message")
    assert not keys.verify(public, signature, b"messagE")
    assert not keys.verify(public, signature[:-1], b"message")
    assert not keys.verify(public, b"", b"message")
    assert not keys.verify(PRIVATE[PRIVATE.index(private) - 1].public_key(), signature, b"message")


def test_rsa_pkcs1_counts_too_but_sha1_does_not():
    assert keys.verify(RSA.public_key(), RSA.sign(b"m", padding.PKCS1v15(), hashes.SHA256()), b"m")
    assert not keys.verify(RSA.public_key(), RSA.sign(b"m", padding.PKCS1v15(), hashes.SHA1()), b"m")


def test_ecdsa_is_deterministic_so_that_bundles_are_reproducible():
    assert keys.sign(P256, b"m") == keys.sign(P256, b"m")
    assert keys.jws(P256, "ES256", {}, b"{}") == keys.jws(P256, "ES256", {}, b"{}")


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.SECP256K1()),
        dsa.generate_private_key(2048),
    ],
    ids=["rsa1024", "p521", "k256", "dsa"],
)
def test_other_kinds_of_key_are_refused(key):
    with pytest.raises(InputError, match="not accepted"):
        keys.load_public_key(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
            "k.pub",
        )


def test_a_private_key_where_a_public_one_is_due_is_refused():
    with pytest.raises(InputError, match="no PEM public key"):
        keys.load_public_key(pem(P256), "k.pub")


def test_a_public_key_where_a_private_one_is_due_is_named(tmp_path):
    (tmp_path / "k.pub").write_text(keys.public_pem(P256.public_key()))
    with pytest.raises(InputError, match="is a public key, where the private one is needed"):
        keys.load_private_key(str(tmp_path / "k.pub"))


def test_private_key_from_file_and_environment(tmp_path, monkeypatch):
    (tmp_path / "k.pem").write_bytes(pem(P256))
    monkeypatch.setenv("WB_KEY", pem(P256).decode())
    assert keys.fingerprint(keys.load_private_key(str(tmp_path / "k.pem")).public_key()) == keys.fingerprint(
        P256.public_key()
    )
    assert keys.fingerprint(keys.load_private_key("env:WB_KEY").public_key()) == keys.fingerprint(P256.public_key())


@pytest.mark.parametrize("source", ["env:NOT_SET_AT_ALL", "/nonexistent/key.pem", "/"])
def test_private_key_that_is_not_there(source):
    with pytest.raises(InputError):
        keys.load_private_key(source)


def test_encrypted_private_key_needs_its_password(tmp_path):
    (tmp_path / "k.pem").write_bytes(pem(P256, b"secret"))
    with pytest.raises(InputError, match="is encrypted, and no password was given"):
        keys.load_private_key(str(tmp_path / "k.pem"))
    with pytest.raises(InputError, match="wrong password"):
        keys.load_private_key(str(tmp_path / "k.pem"), b"another")
    assert keys.load_private_key(str(tmp_path / "k.pem"), b"secret")


def test_jws_has_the_raw_signature_that_rfc_7518_wants():
    head, payload, signature = keys.jws(P256, "ES256", {"kid": "release"}, b'{"a":1}').split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "ES256", "kid": "release"}
    assert base64.urlsafe_b64decode(payload + "==") == b'{"a":1}'
    assert len(base64.urlsafe_b64decode(signature + "==")) == 64


def test_ed25519_signs_no_bundle():
    with pytest.raises(InputError, match="EdDSA"):
        keys.bundle_algorithm(PRIVATE[2], "k.pem")
