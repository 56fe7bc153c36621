"""Keyless signing: a statement becomes a Sigstore bundle by an identity instead of a key.

Order of steps: find an identity token (ambient in CI, or given); have a fresh key certified for it; sign; have the
signature logged, and stamped where the instance has a timestamp authority; then verify the bundle as anybody would, so
that nothing is handed out that no gate would take. The only network here is `sigstore`'s, to the services that the
signing configuration names.

Source: sigstore-python 4.5, `sigstore.sign`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weighbridge.canonical import canonical, parse_json
from weighbridge.catalogue.keyless import Keyless
from weighbridge.errors import EngineError, InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.keyless import KeylessSigner, KeylessVerifier, own_certificate
from weighbridge.evidence.trusted_root import Root

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

    from weighbridge.evidence.certificate import Certificate

MAX_TOKEN = 64 * 1024
"""Bytes of an identity token; one of GitHub's has some 2 KiB."""
MAX_CONFIGURATION = 1024 * 1024
"""Bytes of a client trust configuration."""
_ROOT = "signing"
_HTTP_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class SignedKeyless:
    """A bundle, and who signed it."""

    data: bytes
    """The bundle, as canonical JSON with a newline behind it."""
    certificate: Certificate
    time_ns: int
    """The time that log or timestamp authority vouches for."""


def sign_statement(
    payload: bytes, *, token_source: str | None = None, configuration: Path | None = None
) -> SignedKeyless:
    """Sign an in-toto statement keyless.

    Args:
        payload: the statement; exactly these bytes are signed.
        token_source: a file with an OIDC token, or `env:NAME`; None takes what the CI system offers.
        configuration: a client trust configuration of a private instance; None is the public one.

    Raises:
        InputError: there is no token, or token or configuration cannot be used.
        EngineError: a service refused or could not be reached, or what it made does not verify.
    """
    token = identity_token(token_source)
    document = None if configuration is None else _read_configuration(configuration)
    try:
        return _signed(payload, token, _trust_config(document))
    except InputError:
        raise
    except Exception as error:
        # Fulcio's, Rekor's and TUF's clients raise what they like; whichever it was, nothing was signed.
        raise EngineError("keyless signing failed", _told(error)) from error


def identity_token(source: str | None) -> IdentityToken:
    """The identity token to sign with; it is secret, and never shown.

    Raises:
        InputError: none is there, or it cannot be used.
    """
    from sigstore.oidc import IdentityError, IdentityToken, detect_credential  # noqa: PLC0415 -- 0.3 s

    try:
        raw = detect_credential() if source is None else _read_token(source)
        if raw is None:
            message = "no identity to sign with: this machine offers none"
            fix = (
                "Run it in CI that issues OIDC tokens (GitHub Actions: `permissions: {id-token: write}`), "
                "or name a token by --identity-token."
            )
            raise InputError.single("", message, fix, field="--keyless")
        return IdentityToken(raw)
    except IdentityError as error:
        fix = "Fetch a new one, for the audience `sigstore`."
        raise InputError.single(source or "", f"no identity to sign with: {error}", fix, field="--keyless") from error


def _read_token(source: str) -> str:
    if source.startswith("env:"):
        text = os.environ.get(source[4:], "")
    else:
        try:
            with Path(source).open("rb") as file:
                text = file.read(MAX_TOKEN + 1).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            fix = "Name a file with an OIDC token, or `env:NAME`."
            raise InputError.single(source, "cannot be read as a token", fix, field="--identity-token") from error
    if not text.strip() or len(text) > MAX_TOKEN:
        message = "is empty, or larger than any token"
        raise InputError.single(source, message, "Name a file with an OIDC token, or `env:NAME`.")
    return text.strip()


def _read_configuration(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_CONFIGURATION + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", "Name a readable file.") from error
    document = parse_json(data[:MAX_CONFIGURATION], str(file))
    if not isinstance(document, dict) or not {"trustedRoot", "signingConfig"} <= document.keys():
        fix = "Write a ClientTrustConfig with `trustedRoot` and `signingConfig`."
        raise InputError.single(str(file), "is no client trust configuration", fix)
    for url in _urls(document["signingConfig"]):
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _HTTP_HOSTS:
            message = f"names a service without TLS, which would see the identity token: {url[:200]}"
            raise InputError.single(str(file), message, "Use https.")
    Root(canonical(document["trustedRoot"]), str(file))
    return document


def _urls(value: Any) -> list[str]:
    if isinstance(value, list):
        return [url for entry in value for url in _urls(entry)]
    if isinstance(value, dict):
        own = [str(given) for key, given in value.items() if key == "url"]
        return own + [url for key, given in value.items() if key != "url" for url in _urls(given)]
    return []


def _trust_config(document: dict[str, Any] | None) -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig  # noqa: PLC0415 -- a third of a second, for who signs keyless

    if document is None:
        # Refreshed over the network: signing needs one anyway, and an old configuration names services that are gone.
        return ClientTrustConfig.production()
    return ClientTrustConfig.from_json(json.dumps(document))


def _signed(payload: bytes, token: IdentityToken, config: ClientTrustConfig) -> SignedKeyless:
    from sigstore.dsse import Statement  # noqa: PLC0415 -- a third of a second, for who signs keyless
    from sigstore.sign import SigningContext  # noqa: PLC0415 -- the same

    with SigningContext.from_trust_config(config).signer(token) as signer:
        bundle = signer.sign_dsse(Statement(payload))
    data = canonical(parse_json(bundle.to_json().encode(), "bundle")) + b"\n"
    envelope = parse_envelope(data, "bundle", keyless=True)
    certificate = own_certificate(envelope)
    who = Keyless(issuer=certificate.issuer, identity=certificate.identity, root=_ROOT)
    root = Root(config.trusted_root._inner.to_json().encode(), "its trusted root")
    certified = KeylessVerifier([KeylessSigner(_ROOT, who, None)], {_ROOT: root}).verify(envelope)
    if envelope.payload != payload:
        raise ValueError("what was signed is not what was given")
    return SignedKeyless(data, certificate, certified.time_ns)


def _told(error: BaseException) -> str:
    """The error and what caused it, each once: the clients often hide the reason one level down."""
    told: list[str] = []
    current: BaseException | None = error
    while current is not None and len(told) < 4:
        text = " ".join(str(current).split())[:300]
        told.append(f"{type(current).__name__}: {text}" if text else type(current).__name__)
        current = current.__cause__
    return "; ".join(dict.fromkeys(told))
