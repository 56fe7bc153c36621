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


def trusted(ca: Path | None) -> ssl.SSLContext | bool:
    """Whose certificates are believed: those that the file's authorities signed; without one, the system's.

    Raises:
        InputError: no PEM file with certificates.
    """
    if ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise InputError.single(str(ca), "cannot be read as certificates", "Give a PEM file.", field="--ca") from error
