"""Keys in an HSM or a KMS, through securesystemslib's signers.

Order of steps for one key: take the URI apart; fetch the public half from the device; judge its kind like any other
key's; for an HSM sign once, so that a wrong PIN shows before anything else is done. Credentials of a cloud come from
where its own tools look for them. The library documents that it may raise anything, so everything is caught here and
becomes an error that names the key.
"""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from weighbridge import keys
from weighbridge.errors import InputError
from weighbridge.signing.device_uri import parse_device_uri
from weighbridge.signing.secrets import hsm_pin

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.keys import PublicKey
    from weighbridge.signing.device_uri import DeviceUri

    SecretsHandler = Callable[[str], str]

MODULE_VARIABLE = "PYKCS11LIB"
"""Names the PKCS#11 module; securesystemslib's own variable."""
_RSA_SCHEMES = frozenset({"rsassa-pss-sha256", "rsa-pkcs1v15-sha256"})
_PROBE = b"weighbridge: does this key sign?"
_REASON_CHARACTERS = 300
_CURES = {
    "hsm": f"Check {MODULE_VARIABLE} (the PKCS#11 module), the token's label and the key's id.",
    "awskms": "Check the key, AWS_DEFAULT_REGION and the credentials: `aws kms get-public-key` must work.",
    "gcpkms": "Check the key's full name and the credentials: `gcloud auth application-default login`.",
    "azurekms": "Check the key's name and the credentials: `az login`.",
    "hv": "Check VAULT_ADDR, VAULT_TOKEN and the key: `vault read transit/keys/KEY` must work.",
}


class LibraryKey(keys.DeviceKey):
    """A key behind one of securesystemslib's signers."""

    def __init__(self, uri: DeviceUri, signer: Any, public: PublicKey) -> None:
        """Wrap a signer whose public half has been judged."""
        self.source = uri.source
        self._uri = uri
        self._signer = signer
        self._public = public

    def public_key(self) -> PublicKey:
        """The public half, as the device gave it."""
        return self._public

    def sign_message(self, message: bytes, *, pss: bool = False) -> bytes:
        """See `keys.DeviceKey.sign_message`."""
        signer = self._signer
        if self._uri.scheme == "awskms" and isinstance(self._public, rsa.RSAPublicKey) and not pss:
            # The same key at AWS pads either way; everywhere else the key itself says how.
            signer = _guarded(self._uri, lambda: _aws_pkcs1(self._uri, self._public))
        signed = _guarded(self._uri, lambda: signer.sign(message))
        return bytes.fromhex(signed.signature)


def open_device(source: str) -> LibraryKey:
    """The key that a URI names.

    Raises:
        InputError: no such key, a wrong PIN, a driver, network or credentials missing, or a kind that is not accepted.
    """
    uri = parse_device_uri(source)
    library = _library(uri)
    if uri.scheme == "hsm":
        _require_module(uri)
    pin = functools.cache(lambda _: hsm_pin(source))
    name, public = _guarded(uri, lambda: _IMPORTS[uri.scheme](library, uri, pin))
    _require_version(uri, name)
    accepted = _accepted(uri, public)
    signer = _guarded(uri, lambda: library.Signer.from_priv_key_uri(name, public, pin))
    key = LibraryKey(uri, signer, accepted)
    if uri.scheme == "hsm":
        keys.sign(key, _PROBE)
    return key


def _library(uri: DeviceUri) -> Any:
    try:
        return importlib.import_module("securesystemslib.signer")
    except ImportError as error:
        message = f"needs {error.name}, which is not installed"
        raise InputError.single(uri.source, message, "Install `weighbridge[kms]`.") from error


def _require_module(uri: DeviceUri) -> None:
    path = os.environ.get(MODULE_VARIABLE)
    fix = f"Set {MODULE_VARIABLE} to the token's PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so."
    if not path:
        raise InputError.single(uri.source, f"needs a PKCS#11 module, and {MODULE_VARIABLE} is not set", fix)
    if not Path(path).is_file():
        raise InputError.single(uri.source, f"needs a PKCS#11 module, and there is none at {path}", fix)


def _require_version(uri: DeviceUri, name: str) -> None:
    # Azure and Vault hand out the newest version only: another one's signatures would not fit that public key.
    if uri.version and not name.endswith(f"/{uri.version}"):
        newest = name.rpartition("/")[2]
        raise InputError.single(uri.source, f"is not the newest version, which is {newest}", "Sign with the newest.")


def _accepted(uri: DeviceUri, public: Any) -> PublicKey:
    if public.keytype == "rsa" and public.scheme not in _RSA_SCHEMES:
        fix = "Use a key that signs with SHA-256."
        raise InputError.single(uri.source, f"signs by {public.scheme}, which is not accepted", fix)
    if public.keytype == "ed25519":
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public.keyval["public"]))
    return keys.load_public_key(str(public.keyval.get("public")).encode(), uri.source)


def _guarded(uri: DeviceUri, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except InputError:
        raise
    except Exception as error:
        # "Signer implementations may raise errors that are not documented": its own documentation asks for this.
        reason, cure = _explained(uri, error)
        raise InputError.single(uri.source, f"cannot be used: {reason}", cure) from error


def _explained(uri: DeviceUri, error: Exception) -> tuple[str, str]:
    """Why, and what to do."""
    kind, text = type(error).__name__, " ".join(str(error).split())[:_REASON_CHARACTERS].rstrip(".")
    if kind in {"PinIncorrect", "PinInvalid", "PinLenRange"}:
        return "the PIN is wrong", "Give the token's user PIN; a token locks itself after some wrong ones."
    if kind == "PinLocked":
        return "the token is locked after too many wrong PINs", "Unlock it with its security officer's PIN."
    if kind == "UnsupportedLibraryError":
        return text, "Install `weighbridge[kms]`."
    if uri.scheme == "hsm" and "could not find ECDSA" in text:
        return (
            "the token has no ECDSA key of this id",
            "Make one, P-256 or P-384: no other kind is signed with in an HSM.",
        )
    return text or kind, _CURES[uri.scheme]


def _aws_pkcs1(uri: DeviceUri, public: PublicKey) -> Any:
    library = _library(uri)
    return library.AWSSigner(uri.key, library.SSlibKey.from_crypto(public, scheme="rsa-pkcs1v15-sha256"))


_IMPORTS: dict[str, Callable[[Any, DeviceUri, SecretsHandler], tuple[str, Any]]] = {
    "hsm": lambda library, uri, pin: library.HSMSigner.import_(
        int(uri.key) if uri.key else None, uri.holder or None, pin
    ),
    "awskms": lambda library, uri, _: library.AWSSigner.import_(uri.key),
    "gcpkms": lambda library, uri, _: library.GCPSigner.import_(uri.key),
    "azurekms": lambda library, uri, _: library.AzureSigner.import_(uri.holder, uri.key),
    "hv": lambda library, uri, _: library.VaultSigner.import_(uri.key),
}
"""How the public half is fetched, with the URI by which the library knows the key."""
