"""cosign's own encrypted key files.

A PEM block around JSON that names scrypt with its parameters, and NaCl's secretbox (XSalsa20-Poly1305) around a PKCS#8
key. Source: sigstore/cosign `pkg/cosign/keys.go` and secure-systems-lab/go-securesystemslib `encrypted/encrypted.go`.
What scrypt costs is what the file says, so that is bounded before anything is derived.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import decode_base64

MAX_COST = 2**21
"""Largest N * r * p: four times what cosign writes; scrypt takes 128 bytes of memory for each of N * r."""
_BLOCK = re.compile(
    rb"\s*-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)"
    rb"-----END ENCRYPTED \1 PRIVATE KEY-----\s*"
)
_MARK = re.compile(rb"-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----")
_NONCE_BYTES, _SALT_BYTES, _MAX_BYTES = 24, range(8, 65), 64 * 1024
_WHOLE = "Take the file as `cosign generate-key-pair` or `cosign import-key-pair` wrote it."


def is_cosign_key(data: bytes) -> bool:
    """Whether this is a key file that only cosign's own format explains."""
    return _MARK.search(data) is not None


def decrypt_cosign_key(data: bytes, password: bytes, file: str) -> bytes:
    """The PKCS#8 key (DER) in a cosign key file.

    Args:
        data: the file.
        password: of the key; may be empty.
        file: its name, for the error.

    Raises:
        InputError: not of the format, of parameters that cost too much, or not to be decrypted by this password.
    """
    block = _BLOCK.fullmatch(data)
    if block is None:
        raise _bad(file, "is a cosign key that is not whole, or has something beside it")
    document = parse_json(_bytes(block.group(2).decode(), "the block", range(1, _MAX_BYTES), file), file)
    kdf, cipher = _part(document, "kdf", "scrypt", file), _part(document, "cipher", "nacl/secretbox", file)
    n, r, p = _costs(kdf.get("params"), file)
    salt = _bytes(kdf.get("salt"), "kdf.salt", _SALT_BYTES, file)
    nonce = _bytes(cipher.get("nonce"), "cipher.nonce", range(_NONCE_BYTES, _NONCE_BYTES + 1), file)
    sealed = _bytes(document.get("ciphertext"), "ciphertext", range(17, _MAX_BYTES), file)
    # OpenSSL counts a little more than 128 * N * r; twice the bound is enough for any p.
    derived = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=256 * MAX_COST, dklen=32)
    return _opened(derived, nonce, sealed, file)


def _opened(key: bytes, nonce: bytes, sealed: bytes, file: str) -> bytes:
    from nacl.exceptions import CryptoError  # noqa: PLC0415 -- only these key files need libsodium
    from nacl.secret import SecretBox  # noqa: PLC0415 -- the same

    try:
        return SecretBox(key).decrypt(sealed, nonce)
    except CryptoError as error:
        fix = "Give the password that the key was made with."
        raise InputError.single(file, "cannot be decrypted: wrong password, or a damaged file", fix) from error


def _bad(file: str, message: str) -> InputError:
    return InputError.single(file, message, _WHOLE)


def _part(document: Any, name: str, wanted: str, file: str) -> dict[str, Any]:
    part = document.get(name) if isinstance(document, dict) else None
    if not isinstance(part, dict) or part.get("name") != wanted:
        raise _bad(file, f"is a cosign key whose {name} is not {wanted}")
    return part


def _costs(parameters: Any, file: str) -> tuple[int, int, int]:
    values = [parameters.get(name) if isinstance(parameters, dict) else None for name in ("N", "r", "p")]
    n, r, p = (value if type(value) is int and value > 0 else 0 for value in values)
    if n < 2 or n & (n - 1) or not r or not p:
        raise _bad(file, "is a cosign key whose scrypt parameters are none (N a power of two, r and p positive)")
    if n > MAX_COST or r > MAX_COST or p > MAX_COST or n * r * p > MAX_COST:
        raise _bad(file, f"is a cosign key whose scrypt costs too much: N * r * p is more than {MAX_COST}")
    return n, r, p


def _bytes(text: Any, field: str, sizes: range, file: str) -> bytes:
    try:
        value = decode_base64("".join(text.split()))
    except (AttributeError, ValueError) as error:
        raise _bad(file, f"is a cosign key whose {field} is not base64") from error
    if len(value) not in sizes:
        raise _bad(file, f"is a cosign key whose {field} has {len(value)} bytes")
    return value
