"""Keys: reading them, telling them apart, signing with them.

A key's identity is the SHA-256 of its DER SubjectPublicKeyInfo, so the same key in two files, or under two names, is
one key. Which hash goes with it follows the key (EC by curve, RFC 8032 for Ed25519), never what a signature claims.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from weighbridge.canonical import canonical
from weighbridge.errors import InputError

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
BundleAlgorithm = Literal["ES256", "ES384", "RS256", "PS256"]

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_KEY_BYTES = 64 * 1024
_CURVES: dict[str, hashes.HashAlgorithm] = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384()}
_CREATE = "Make one with `openssl ecparam -name prime256v1 -genkey -noout`, or `cosign generate-key-pair`."


def load_public_key(pem: bytes, file: str) -> PublicKey:
    """A public key from PEM: ECDSA P-256 or P-384, Ed25519, RSA from 2048 bits.

    Raises:
        InputError: no PEM public key, or of a kind that is not accepted.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError.single(
            file, "is no PEM public key", "Give the public half, in a `PUBLIC KEY` block."
        ) from error
    return _accepted_public(key, file)


def _accepted_public(key: object, file: str) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    what = f"{type(key).__name__.lstrip('_')} of {getattr(key, 'key_size', '?')} bits"
    raise InputError.single(
        file,
        f"is a key of a kind that is not accepted: {what}",
        "Use ECDSA P-256 or P-384, Ed25519, or RSA from 2048 bits.",
    )


def load_private_key(source: str, password: bytes | None = None) -> PrivateKey:
    """A private key from a PEM file, or from an environment variable if `source` is `env:NAME`.

    Raises:
        InputError: nothing there, not readable, encrypted without a password, or of a kind that is not accepted.
    """
    pem = _read_private(source)
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError.single(source, *_no_private(pem, error)) from error
    if not isinstance(key, (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        raise InputError.single(source, f"is a {type(key).__name__}, which is not accepted", _CREATE)
    _accepted_public(key.public_key(), source)
    return key


def _no_private(pem: bytes, error: Exception) -> tuple[str, str]:
    """What is wrong, and what to do."""
    if b"PUBLIC KEY" in pem:
        return "is a public key, where the private one is needed", "Name the private half, such as ci.pem."
    return f"is no PEM private key that can be read: {str(error).rstrip('.?')}", _CREATE


def _read_private(source: str) -> bytes:
    if source.startswith("env:"):
        value = os.environ.get(source[4:])
        if not value:
            raise InputError.single(source, "the environment variable is not set", "Set it to the PEM text of the key.")
        return value.encode()
    try:
        with Path(source).open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise InputError.single(
            source, f"cannot be read: {error.strerror}", "Name a PEM file, or `env:NAME`."
        ) from error


def public_pem(key: PublicKey) -> str:
    """The key as a `PUBLIC KEY` block."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: PublicKey) -> str:
    """`sha256:<hex>` of the DER SubjectPublicKeyInfo: the identity of the key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def sign(key: PrivateKey, message: bytes) -> bytes:
    """A DSSE signature: DER ECDSA (deterministic, RFC 6979) with the curve's hash, Ed25519, or RSA-PSS with SHA-256."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(_CURVES[key.curve.name], deterministic_signing=True))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256())


def verify(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the signature is one over the message by this key; RSA-PSS and PKCS#1 v1.5 with SHA-256 both count."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(_CURVES[key.curve.name]))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            return _verify_rsa(key, signature, message)
    except InvalidSignature:
        return False
    return True


def _verify_rsa(key: rsa.RSAPublicKey, signature: bytes, message: bytes) -> bool:
    schemes: tuple[padding.AsymmetricPadding, ...] = (
        padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO),
        padding.PKCS1v15(),
    )
    for scheme in schemes:
        try:
            key.verify(signature, message, scheme, hashes.SHA256())
        except InvalidSignature:
            continue
        return True
    return False


def bundle_algorithm(key: PrivateKey | PublicKey, file: str, *, pss: bool = False) -> BundleAlgorithm:
    """The JWS algorithm (RFC 7518) that OPA verifies for a key of this kind.

    Raises:
        InputError: Ed25519, which OPA does not verify.
    """
    if isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)):
        return "ES256" if key.curve.name == "secp256r1" else "ES384"
    if isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        return "PS256" if pss else "RS256"
    raise InputError.single(
        file, "is an Ed25519 key, and OPA verifies no EdDSA", "Use ECDSA P-256 or P-384, or RSA, for bundles."
    )


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jws(key: PrivateKey, algorithm: BundleAlgorithm, header: dict[str, str], payload: bytes) -> str:
    """A compact JWS (RFC 7515) over the payload; with ECDSA equal inputs give equal bytes, with PS256 they do not."""
    head = b64url(canonical({"alg": algorithm, **header}))
    signing_input = f"{head}.{b64url(payload)}".encode()
    return f"{signing_input.decode()}.{b64url(_jws_signature(key, algorithm, signing_input))}"


def _jws_signature(key: PrivateKey, algorithm: BundleAlgorithm, message: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(sign(key, message))
        size = (key.curve.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if isinstance(key, rsa.RSAPrivateKey) and algorithm == "RS256":
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return sign(key, message)
