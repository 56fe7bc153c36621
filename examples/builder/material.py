"""Keys of the example: either the published ones, which prove nothing, or fresh ones.

The published keys are derived from their names, so that nobody takes them for secrets; `policies/example-keys.json`
lists them, and Weighbridge refuses them wherever `--allow-example-keys` is not given.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.keys import b64url

NAMES = ("root", "release", "live", "ci", "scanner", "eval", "mlsec", "product", "oncall", "old")
"""Every key: `root` signs trust, `release` and `live` sign bundles, the others sign evidence and orders."""
SIGNERS = NAMES[3:]
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Material:
    """The secrets that a catalogue is built with."""

    keys: dict[str, ec.EllipticCurvePrivateKey]
    """By the names in `NAMES`."""
    tenant_secret: Callable[[str], bytes]
    """32 bytes for the id of a tenant's key."""

    def tenant_key(self, key_id: str) -> str:
        """The whole key, as a tenant sends it (CONTRACTS: Tenants' keys)."""
        return f"wb_prod_{key_id}_{b64url(self.tenant_secret(key_id))}"


def published() -> Material:
    """The material that everybody has."""
    return Material({name: _derived(name) for name in NAMES}, lambda key_id: _seed(f"tenant key {key_id}"))


def fresh() -> Material:
    """Material that nobody else has, and that is forgotten with this process."""
    fresh_secrets: dict[str, bytes] = {}
    return Material(
        {name: ec.generate_private_key(ec.SECP256R1()) for name in NAMES},
        lambda key_id: fresh_secrets.setdefault(key_id, secrets.token_bytes(32)),
    )


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as an unencrypted PKCS#8 block."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _seed(purpose: str) -> bytes:
    return hashlib.sha256(f"weighbridge, for the example only: {purpose}".encode()).digest()


def _derived(name: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(_seed(f"key {name}"), "big") % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())
