"""What an operator shows to read from the control plane: a short-lived token signed with a key that may sign orders.

There is no account and no session. The token is a compact JWS (RFC 7515) with the claims `iss` (the key's fingerprint),
`aud`, `iat`, `exp` (at most 60 s later) and `sha256`, which binds it to one request: of its method, a line break, its
path with the query as sent, a line break, and its body. Whoever sees one can repeat that one reading for as long as it
lasts, and do nothing else: what changes anything is an order, judged by its own signatures. Both ends live here.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from weighbridge import keys
from weighbridge.canonical import canonical, parse_json, sha256_hex
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.keys import PrivateKey, PublicKey

AUDIENCE = "weighbridge"
LIFETIME_S = 60
"""How long a token lasts, in seconds; one that claims more is refused."""
LEEWAY_S = 60
"""By how much the two clocks may differ, in seconds."""
MAX_TOKEN_CHARACTERS = 4096


def operator_token(key: PrivateKey, method: str, target: str, body: bytes = b"", *, at_ns: int) -> str:
    """A token for one request.

    Args:
        key: of anybody who may sign an order in an environment.
        method: `GET`, as sent.
        target: path and query, as sent.
        body: as sent.
        at_ns: now.

    Raises:
        InputError: a device refused.
    """
    fingerprint = keys.fingerprint(key.public_key())
    issued = at_ns // 10**9
    claims = {
        "iss": fingerprint,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + LIFETIME_S,
        "sha256": request_sha256(method, target, body),
    }
    header = {"kid": fingerprint, "typ": "JWT"}
    if isinstance(key.public_key(), ed25519.Ed25519PublicKey):
        head, payload = (keys.b64url(canonical(part)) for part in ({"alg": "EdDSA", **header}, claims))
        signed = f"{head}.{payload}"
        return f"{signed}.{keys.b64url(keys.sign(key, signed.encode()))}"
    return keys.jws(key, keys.bundle_algorithm(key, "the key"), header, canonical(claims))


def request_sha256(method: str, target: str, body: bytes) -> str:
    """Bare hexadecimal SHA-256 of a request, as the claim has it."""
    return sha256_hex(f"{method}\n{target}\n".encode() + body)


def verify_operator_token(
    token: str, known: Mapping[str, PublicKey], *, method: str, target: str, body: bytes = b"", at_ns: int
) -> str:
    """The fingerprint of the key that signed the token for this request.

    Args:
        token: what stands behind `Bearer `.
        known: keys by fingerprint: those of every environment's authority.
        method: of the request.
        target: its path and query, exactly as they came.
        body: of the request.
        at_ns: now.

    Raises:
        ValueError: no token, or not one for this request, by these keys, at this time; with a reason to be shown.
    """
    header, claims, signature, signed = _parts(token)
    fingerprint = header.get("kid")
    key = known.get(fingerprint) if isinstance(fingerprint, str) else None
    if key is None or not isinstance(fingerprint, str):
        raise ValueError("is signed by a key that may order nothing here")
    if not _fits(header.get("alg"), key) or not _verified(key, signature, signed):
        raise ValueError("has a signature that does not fit its key")
    if claims.get("iss") != fingerprint or claims.get("aud") != AUDIENCE:
        raise ValueError("is not meant for this service")
    _check_time(claims.get("iat"), claims.get("exp"), at_ns // 10**9)
    if claims.get("sha256") != request_sha256(method, target, body):
        raise ValueError("was made for another request")
    return fingerprint


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN_CHARACTERS or len(parts) != 3 or not token.isascii():
        raise ValueError("is no token")
    try:
        header, claims = (parse_json(_decoded(part), "token") for part in parts[:2])
        signature = _decoded(parts[2])
    except (InputError, binascii.Error) as error:
        raise ValueError("is no token") from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise ValueError("is no token")
    return header, claims, signature, f"{parts[0]}.{parts[1]}".encode()


def _decoded(part: str) -> bytes:
    value = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if keys.b64url(value) != part:
        # Other spellings of the same bytes, which the standard library passes over.
        raise binascii.Error("not base64url")
    return value


def _fits(algorithm: Any, key: PublicKey) -> bool:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return bool(algorithm == "EdDSA")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return bool(algorithm == keys.bundle_algorithm(key, ""))
    return algorithm in {"RS256", "PS256"}


def _verified(key: PublicKey, signature: bytes, message: bytes) -> bool:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return keys.verify(key, signature, message)
    size = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    return keys.verify(key, utils.encode_dss_signature(r, s), message)


def _check_time(issued: Any, expires: Any, now_s: int) -> None:
    if type(issued) is not int or type(expires) is not int or not 0 < expires - issued <= LIFETIME_S:
        raise ValueError(f"must say when it was issued, and end at most {LIFETIME_S} s later")
    if issued > now_s + LEEWAY_S:
        raise ValueError(f"is from the future: the clock that it was made by is {issued - now_s} s ahead")
    if expires < now_s - LEEWAY_S:
        raise ValueError(f"ended {now_s - expires} s ago: make a new one, or set the clock that it was made by")
