"""Where a control plane is: its address, and whose certificates are believed."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from weighbridge.errors import InputError
from weighbridge.oci.reference import is_loopback

if TYPE_CHECKING:
    from pathlib import Path

_FIX = "Write https://host:port."


def server_url(url: str, *, plain_http: bool) -> httpx.URL:
    """The address of a server; `https` where no scheme is given.

    Args:
        url: as the user wrote it.
        plain_http: whether HTTP without TLS may be spoken to others than this machine.

    Raises:
        InputError: no plain address, or one without TLS.
    """
    try:
        base = httpx.URL(url if "://" in url else f"https://{url}")
    except (httpx.InvalidURL, ValueError) as error:
        raise InputError.single("", f"is {url!a:.100}, which is no address", _FIX, field="--server") from error
    # A path would be cut off by some proxies and not by others, and tokens speak of the path.
    plain = base.path in {"", "/"} and not (base.userinfo or base.query or base.fragment)
    if base.scheme not in {"http", "https"} or not base.host or not plain or not 0 < (base.port or 443) < 65536:
        raise InputError.single("", f"is {url!a:.100}, which is no plain address", _FIX, field="--server")
    if base.scheme == "http" and not plain_http and not speaks_here(base):
        message = f"is {base.host[:100]} without TLS: anybody on the way could show you what is not so"
        raise InputError.single("", message, "Use https, or give --plain-http if you accept that.", field="--server")
    return base


def speaks_here(url: httpx.URL) -> bool:
    """Whether it is this machine by its very name."""
    return is_loopback(f"[{url.host}]" if ":" in url.host else url.host)


def trusted(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Whose certificates are believed, and the certificate that is shown, where a server asks everybody for one.

    Args:
        ca: PEM file with the authorities; without one, the system's count.
        certificate: PEM file with our own certificate, and those above it.
        key: PEM file with its private key; without one it is in the same file.

    Raises:
        InputError: a file that holds no such thing.
    """
    context = ssl.create_default_context()
    try:
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise InputError.single(str(ca), "cannot be read as certificates", "Give a PEM file.", field="--ca") from error
    try:
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        fix = "Give PEM files that belong together: --client-cert, and --client-key."
        message = "cannot be read as a certificate with its key"
        raise InputError.single(str(certificate), message, fix, field="--client-cert") from error
    return context
