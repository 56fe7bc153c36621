"""Keys of tenants, `wb_<environment>_<id>_<secret>`, of which a catalogue holds the hash (CONTRACTS: Tenants' keys)."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import digest
from weighbridge.catalogue.configuration import TenantKey
from weighbridge.catalogue.names import format_time
from weighbridge.catalogue.validation import validate
from weighbridge.keys import b64url

if TYPE_CHECKING:
    from collections.abc import Sequence

ID_LENGTH = 8
SECRET_BYTES = 32
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time its text is known."""

    key: str = field(repr=False)
    """What the tenant sends. It is shown once and kept nowhere."""
    entry: dict[str, Any]
    """The entry for `keys` in tenants.yaml."""

    def yaml(self) -> str:
        """The entry as one YAML list item, to paste."""
        models = f", models: {json.dumps(self.entry['models'])}" if "models" in self.entry else ""
        # In quotes: an id of digits alone would be read as a number.
        return (
            f'- {{id: "{self.entry["id"]}", sha256: "{self.entry["sha256"]}", '
            f"not_after: {self.entry['not_after']}{models}}}"
        )


def make_tenant_key(environment: str, not_after_ns: int, models: Sequence[str] = ()) -> NewKey:
    """A new random key.

    Args:
        environment: the environment's name; it is part of the key, so that a key tells where it belongs.
        not_after_ns: when it expires, in nanoseconds since the epoch.
        models: the models to which the key is restricted; none means all of the tenant's.

    Raises:
        InputError: a model's name is none.
    """
    identifier = "".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH))
    key = f"wb_{environment}_{identifier}_{b64url(secrets.token_bytes(SECRET_BYTES))}"
    entry: dict[str, Any] = {"id": identifier, "sha256": digest(key.encode()), "not_after": format_time(not_after_ns)}
    if models:
        entry["models"] = list(models)
    validate(TenantKey, entry, "")
    return NewKey(key, entry)
