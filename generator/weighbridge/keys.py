"""Keys: reading them, telling them apart, signing with them.

A key's identity is the SHA-256 of its DER SubjectPublicKeyInfo, so the same key in two files, or under two names, is
one key. Which hash goes with it follows the key (EC by curve, RFC 8032 for Ed25519), never what a signature claims.
"""

from __future__ import annotations

import base64
import hashlib
from abc import ABC, abstractmethod
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from weighbridge.canonical import canonical
from weighbridge.errors import InputError

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
LocalKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
"""A private key in this process's memory."""
BundleAlgorithm = Literal["ES256", "ES384", "RS256", "PS256"]

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_KEY_BYTES = 64 * 1024
_PSS_ANY_SALT = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
_CURVES: dict[str, hashes.HashAlgorithm] = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384()}
CREATE = "Make one with `openssl ecparam -name prime256v1 -genkey -noout`, or `cosign generate-key-pair`."
"""What to do without a usable key."""


class DeviceKey(ABC):
    """A private key that never leaves its HSM or KMS: all that it gives is its public half, and signatures."""

    source: str
    """What the user named it by."""

    @abstractmethod
    def public_key(self) -> PublicKey:
        """The public half."""

    @abstractmethod
    def sign_message(self, message: bytes, *, pss: bool = False) -> bytes:
        """A signature: DER ECDSA with the curve's hash (random, not RFC 6979), Ed25519, or RSA with SHA-256.

        Args:
            message: the whole message; the device or its driver hashes it.
            pss: RSA only: PSS is wanted rather than PKCS#1 v1.5. A key that was made for one of them gives that.

        Raises:
            InputError: the device refused, or cannot be reached.
        """


PrivateKey = LocalKey | DeviceKey
"""Whatever can sign: every command takes one or the other."""


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
    return require_public(key, file)


def require_public(key: object, file: str) -> PublicKey:
    """The same object, if it is a public key of an accepted kind.

    Raises:
        InputError: it is not.
    """
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
    """A private key from wherever one is kept.

    Args:
        source: a file with PEM (encrypted or not) or in cosign's own encrypted form; `env:NAME` for an environment
            variable that holds the same; or a URI of an HSM or KMS, see `weighbridge.signing.device`.
        password: of an encrypted file; without it the environment or the terminal is asked, and only if need be.

    Raises:
        InputError: nothing there, not readable, a wrong password or PIN, or a key of a kind that is not accepted.
    """
    from weighbridge.signing.source import open_private_key  # noqa: PLC0415 -- it is built on this module

    return open_private_key(source, password)


def require_accepted(key: object, source: str) -> LocalKey:
    """The same object, if it is a private key of an accepted kind.

    Raises:
        InputError: it is not.
    """
    if not isinstance(key, (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        raise InputError.single(source, f"is a {type(key).__name__}, which is not accepted", CREATE)
    require_public(key.public_key(), source)
    return key


def public_pem(key: PublicKey) -> str:
    """The key as a `PUBLIC KEY` block."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: PublicKey) -> str:
    """`sha256:<hex>` of the DER SubjectPublicKeyInfo: the identity of the key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def short_fingerprint(given: str) -> str:
    """The first 16 digits of a fingerprint, as paths have them."""
    return given.removeprefix("sha256:")[:16]


def key_folder(key: PublicKey) -> str:
    """`keys/<first 16 digits of the fingerprint>`: where bundles lie that this key has signed, while several do."""
    return f"keys/{short_fingerprint(fingerprint(key))}"


def sign(key: PrivateKey, message: bytes) -> bytes:
    """A DSSE signature: DER ECDSA with the curve's hash, Ed25519, or RSA with PKCS#1 v1.5 and SHA-256, as cosign does.

    All of them are deterministic (ECDSA by RFC 6979) for a key in memory; ECDSA by one in a device is random.

    Raises:
        InputError: a device refused, or answered with what is no signature by its own public key.
    """
    if isinstance(key, DeviceKey):
        return _checked(key, key.sign_message(message), message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(_CURVES[key.curve.name], deterministic_signing=True))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def _checked(
    key: DeviceKey, signature: bytes, message: bytes, scheme: padding.AsymmetricPadding | None = None
) -> bytes:
    # A device whose key was rotated meanwhile, or that pads otherwise, is found out here and not by who verifies.
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey) and scheme is not None:
        fits = _verifies(public, signature, message, scheme)
    else:
        fits = verify(public, signature, message)
    if not fits:
        problem = "answered with a signature that does not fit its public key, or that is padded otherwise"
        fix = "See which version of the key it signs with; an RSA key made for PSS needs --pss, no other takes it."
        raise InputError.single(key.source, problem, fix)
    return signature


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
    return any(_verifies(key, signature, message, scheme) for scheme in (_PSS_ANY_SALT, padding.PKCS1v15()))


def _verifies(key: rsa.RSAPublicKey, signature: bytes, message: bytes, scheme: padding.AsymmetricPadding) -> bool:
    try:
        key.verify(signature, message, scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def bundle_algorithm(key: PrivateKey | PublicKey, file: str, *, pss: bool = False) -> BundleAlgorithm:
    """The JWS algorithm (RFC 7518) that OPA verifies for a key of this kind.

    Raises:
        InputError: Ed25519, which OPA does not verify.
    """
    public = key if isinstance(key, PublicKey) else key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        return "ES256" if public.curve.name == "secp256r1" else "ES384"
    if isinstance(public, rsa.RSAPublicKey):
        return "PS256" if pss else "RS256"
    raise InputError.single(
        file, "is an Ed25519 key, and OPA verifies no EdDSA", "Use ECDSA P-256 or P-384, or RSA, for bundles."
    )


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jws(key: PrivateKey, algorithm: BundleAlgorithm, header: dict[str, str], payload: bytes) -> str:
    """A compact JWS (RFC 7515) over the payload.

    Equal inputs give equal bytes with RS256, and with ECDSA by a key in memory; not with PS256, nor with ECDSA by a
    device.

    Raises:
        InputError: a device refused.
    """
    head = b64url(canonical({"alg": algorithm, **header}))
    signing_input = f"{head}.{b64url(payload)}".encode()
    return f"{signing_input.decode()}.{b64url(_jws_signature(key, algorithm, signing_input))}"


def _jws_signature(key: PrivateKey, algorithm: BundleAlgorithm, message: bytes) -> bytes:
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        r, s = utils.decode_dss_signature(sign(key, message))
        size = (public.curve.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    pss = algorithm == "PS256"
    if isinstance(key, DeviceKey):
        scheme = _PSS_ANY_SALT if pss else padding.PKCS1v15()
        return _checked(key, key.sign_message(message, pss=pss), message, scheme)
    if isinstance(key, rsa.RSAPrivateKey) and pss:
        return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256())
    return sign(key, message)
