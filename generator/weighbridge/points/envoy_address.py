"""Addresses as users write them (`host:port`, `[v6]:port`, `unix:///path`), and as Envoy's configuration has them."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit


def listener_address(given: str) -> dict[str, Any]:
    """What Envoy listens at.

    Raises:
        ValueError: no `host:port`, `[v6]:port` or `unix:///path`.
    """
    if given.startswith("unix:///"):
        return {"pipe": {"path": given.removeprefix("unix://"), "mode": 0o600}}
    host, port = _split(given)
    return {"socket_address": {"address": host, "port_value": port}}


def cluster_address(given: str) -> dict[str, Any]:
    """Where a cluster's one endpoint is, and of which type that makes the cluster.

    Raises:
        ValueError: as for `listener_address`.
    """
    if given.startswith("unix:///"):
        return {"type": "STATIC", "address": {"pipe": {"path": given.removeprefix("unix://")}}}
    host, _ = _split(given)
    return {"type": "STATIC" if is_ip(host) else "STRICT_DNS", "address": listener_address(given)}


def is_ip(host: str) -> bool:
    """Whether it is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def refuse_public(admin: str) -> None:
    """Refuse an admin interface that others could reach.

    Raises:
        ValueError: neither on loopback nor a Unix socket.
    """
    if admin.startswith("unix:///"):
        return
    host, _ = _split(admin)
    if not (is_ip(host) and ipaddress.ip_address(host).is_loopback):
        raise ValueError(f"Envoy's admin interface must listen on loopback or a Unix socket, not on {admin}")


def _split(given: str) -> tuple[str, int]:
    wrong = f"{given!r} is no `host:port`, `[v6]:port` or `unix:///path`"
    try:
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname, parts.port
    except ValueError as error:  # a port beyond 65535, or brackets around what is no address
        raise ValueError(wrong) from error
    if not host or port is None or parts.path or parts.username is not None:
        raise ValueError(wrong)
    return host, port
