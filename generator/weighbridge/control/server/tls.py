"""TLS of the server: its certificate, and whether clients need one; both can be replaced while it runs.

Certificates are read into a context of their own first, so that a broken file leaves the old ones in force. A running
context takes a new certificate and key for the connections that begin from then on. Authorities and revocation lists
can only be added to it: taking an authority off the list takes a restart.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ClientCertificates = Literal["optional", "required"]


@dataclass(frozen=True)
class TlsFiles:
    """Where they lie."""

    certificate: Path
    """PEM, the chain behind it."""
    key: Path
    """PEM."""
    client_ca: Path | None = None
    """Authorities whose client certificates count."""
    client_certificates: ClientCertificates = "optional"
    """Whether who shows none may come in by token."""
    client_crl: Path | None = None
    """Revoked client certificates, PEM; with it, who has no list that counts is refused."""


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 or later, HTTP/1.1.

    Raises:
        InputError: a file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _load_all(context, files)
    if files.client_ca is not None:
        required = files.client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        if files.client_crl is not None:
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def reload_files(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Take what the files hold now; what was there before stays if it cannot be used.

    Raises:
        InputError: it cannot.
    """
    _load_all(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), files)
    _load_all(context, files)


def _load_all(context: ssl.SSLContext, files: TlsFiles) -> None:
    _load_certificate(context, files)
    if files.client_ca is not None:
        _load(context, files.client_ca, "--client-ca")
        if files.client_crl is not None:
            _load(context, files.client_crl, "--client-crl")


def _load_certificate(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        # An empty password, so that nobody is asked on a terminal that nobody watches.
        context.load_cert_chain(files.certificate, files.key, password=b"")
    except OSError as error:
        fix = "Give the certificate with its chain, and its key without a password, as PEM."
        reason = error.strerror if not isinstance(error, ssl.SSLError) else error.reason or "no PEM"
        raise InputError.single(
            str(files.certificate), f"cannot be used with {files.key}: {reason}", fix, field="--tls-cert"
        ) from error


def _load(context: ssl.SSLContext, path: Path, field: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:
        message = "cannot be read as certificates"
        raise InputError.single(str(path), message, "Give a PEM file.", field=field) from error
