"""Where the files that travel with the package lie: in a checkout beside it, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def _shipped(name: str) -> Path:
    inside = _PACKAGE / "shipped" / name
    return inside if inside.exists() else _CHECKOUT / name


def policies() -> Path:
    """The folder with every rule that Weighbridge ships."""
    return _shipped("policies")


def tools() -> Path:
    """The folder with the pinned Go modules from which engines are built."""
    return _shipped("tools")


def opa_config() -> Path:
    """The configuration with which a sidecar's OPA is started."""
    return _shipped("opa-config.yaml")
