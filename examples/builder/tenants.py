"""The example's tenants and their keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import yaml

from builder.material import Material
from weighbridge.catalogue.names import format_time


@dataclass(frozen=True)
class Key:
    """A key of a tenant in prod."""

    tenant: str
    id: str
    shows: str
    expired: bool = False
    models: tuple[str, ...] = ()
    """The models that the key is restricted to; empty: all of the tenant's."""


KEYS = (
    Key("acme", "k7m2p9qa", "valid for everything acme is entitled to"),
    Key("acme", "m5d1n7ly", "valid for magika only", models=("magika",)),
    Key("acme", "e3x6p1rd", "expired", expired=True),
    Key("acme", "r8v4k2ed", "revoked by an order"),
    Key("globex", "g4b9x2ue", "valid; globex may use kb-qa-001 only, and few tokens"),
    Key("initech", "i1n8t5ec", "valid, but initech is suspended by an order"),
)
ENTITLEMENTS: dict[str, dict[str, Any]] = {
    "acme": {"models": ["kb-qa-001", "magika"], "limits": {"max_tokens": 4096}},
    "globex": {"models": ["kb-qa-001"], "limits": {"max_tokens": 256}},
    "initech": {"models": ["kb-qa-001", "magika"]},
}


def tenants_yaml(material: Material, *, expired_ns: int, not_after_ns: int) -> str:
    """`tenants.yaml`: hashes of the keys, entitlements and limits.

    Args:
        material: gives the keys.
        expired_ns: when the expired key expired.
        not_after_ns: until when the others count.
    """
    tenants = {
        tenant: {"environments": {"prod": {**entitlement, "keys": []}}} for tenant, entitlement in ENTITLEMENTS.items()
    }
    for key in KEYS:
        entry: dict[str, Any] = {
            "id": key.id,
            "sha256": f"sha256:{hashlib.sha256(material.tenant_key(key.id).encode()).hexdigest()}",
            "not_after": format_time(expired_ns if key.expired else not_after_ns),
        }
        if key.models:
            entry["models"] = list(key.models)
        tenants[key.tenant]["environments"]["prod"]["keys"].append(entry)
    return _dump({"apiVersion": "weighbridge.dev/v1", "kind": "Tenants", "tenants": tenants})


def secrets_yaml(material: Material) -> str:
    """The keys themselves, as fixtures send them; written for the published material only."""
    listed = [
        {"tenant": key.tenant, "id": key.id, "key": material.tenant_key(key.id), "shows": key.shows} for key in KEYS
    ]
    return f"# For the example only: everybody has these keys.\n{_dump({'keys': listed})}"


def _dump(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=1000)
