"""Compact JWS (RFC 7515), verified: what `keys.jws` wrote, and nothing more lenient.

The algorithm belongs to the key. What a token claims about its algorithm is compared with it and never followed, so no
`none`, no HMAC with a public key as its secret. Base64url has one form for the same bytes here: without padding, and
with no bits set that nothing is made of.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.keys import b64url, fingerprint, verify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.keys import PublicKey

MAX_TOKEN_BYTES = 64 * 1024**2
"""Longest token that is looked at."""
_PART = re.compile(r"[A-Za-z0-9_-]+")
_PARTS = 3
_EC_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384"}


@dataclass(frozen=True)
class Token:
    """A token whose signature holds."""

    header: dict[str, Any]
    """As signed: `alg` and whatever else; the reader demands what it must be."""
    payload: bytes = field(repr=False)
    """As signed."""
    key_fingerprint: str
    """Of the key that signed."""


def read_token(token: str, keys: Iterable[PublicKey]) -> Token:
    """The token's header and payload, if one of the keys signed it.

    Args:
        token: a compact JWS.
        keys: those that count.

    Raises:
        ValueError: no compact JWS, of an algorithm that none of the keys has, or signed by none of them.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise ValueError(f"has a token of more than {MAX_TOKEN_BYTES} bytes")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise ValueError("has a token that is no compact JWS")
    head, payload, signature = (_decoded(part) for part in parts)
    try:
        header = parse_json(head, "header")
    except InputError as error:
        raise ValueError("has a token whose header is not JSON") from error
    algorithm = header.get("alg") if isinstance(header, dict) else None
    message = token.rpartition(".")[0].encode("ascii")
    for key in keys:
        if isinstance(algorithm, str) and _verifies(key, algorithm, signature, message):
            return Token(header, payload, fingerprint(key))
    raise ValueError("has a token that none of the keys signed")


def _decoded(part: str) -> bytes:
    if not _PART.fullmatch(part):
        raise ValueError("has a token that is no compact JWS")
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise ValueError("has a token that is no compact JWS") from error
    if b64url(data) != part:
        raise ValueError("has a token whose base64url has more than one form")
    return data


def _verifies(key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        size = (key.curve.key_size + 7) // 8
        if algorithm != _EC_ALGORITHMS.get(key.curve.name) or len(signature) != 2 * size:
            return False
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        return verify(key, utils.encode_dss_signature(r, s), message)
    if isinstance(key, rsa.RSAPublicKey) and algorithm in {"RS256", "PS256"}:
        return _verifies_rsa(key, signature, message, pss=algorithm == "PS256")
    return False


def _verifies_rsa(key: rsa.RSAPublicKey, signature: bytes, message: bytes, *, pss: bool) -> bool:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO) if pss else padding.PKCS1v15()
    try:
        key.verify(signature, message, scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return True
