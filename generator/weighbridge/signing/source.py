"""Opening a private key wherever it is kept: a file, an environment variable, an HSM or a KMS.

Order of steps: a URI of a device goes to `device`; anything else is read, at most `MAX_KEY_BYTES`; cosign's own form is
decrypted, PEM is loaded as it is and, only if that needs a password, with one.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from weighbridge.errors import InputError
from weighbridge.keys import CREATE, MAX_KEY_BYTES, PrivateKey, require_accepted
from weighbridge.signing.cosign_key import decrypt_cosign_key, is_cosign_key
from weighbridge.signing.device_uri import is_device
from weighbridge.signing.secrets import key_password

_WRONG_PASSWORD = "cannot be decrypted: wrong password, or a damaged file"  # noqa: S105 -- a message


def open_private_key(source: str, password: bytes | None = None) -> PrivateKey:
    """The key that `weighbridge.keys.load_private_key` promises; raises what that raises."""
    if is_device(source):
        from weighbridge.signing.device import open_device  # noqa: PLC0415 -- takes seconds to import

        return open_device(source)
    data = _read(source)
    try:
        if is_cosign_key(data):
            given = key_password(source) if password is None else password
            return require_accepted(
                serialization.load_der_private_key(decrypt_cosign_key(data, given, source), None), source
            )
        return require_accepted(_load_pem(data, password, source), source)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError.single(source, *_no_private(data, error)) from error


def _load_pem(data: bytes, password: bytes | None, source: str) -> object:
    try:
        return serialization.load_pem_private_key(data, None)
    except TypeError:
        # This is how `cryptography` says that there is a key, and that it is encrypted.
        given = key_password(source) if password is None else password
    try:
        return serialization.load_pem_private_key(data, given)
    except (ValueError, TypeError) as error:
        fix = "Give the password that the key was made with."
        raise InputError.single(source, _WRONG_PASSWORD, fix) from error


def _no_private(data: bytes, error: Exception) -> tuple[str, str]:
    """What is wrong, and what to do."""
    if b"PUBLIC KEY" in data:
        return "is a public key, where the private one is needed", "Name the private half, such as ci.pem."
    if b"PRIVATE KEY" not in data:
        return "holds no private key: no PEM block of one is in it", CREATE
    return f"is no PEM private key that can be read: {str(error).splitlines()[0].rstrip('.?')}", CREATE


def _read(source: str) -> bytes:
    if source.startswith("env:"):
        value = os.environ.get(source[4:])
        if not value:
            raise InputError.single(source, "the environment variable is not set", "Set it to the PEM text of the key.")
        return value.encode("utf-8", "surrogateescape")
    try:
        with Path(source).open("rb") as file:
            data = file.read(MAX_KEY_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fix = "Name a key file, `env:NAME`, or a device such as `hsm:2`."
        raise InputError.single(source, f"cannot be read: {reason}", fix) from error
    if len(data) > MAX_KEY_BYTES:
        raise InputError.single(source, f"is larger than {MAX_KEY_BYTES} bytes, so it is no key", CREATE)
    return data
