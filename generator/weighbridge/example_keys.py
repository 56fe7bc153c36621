"""Refuses the keys of the example wherever they could do harm.

The example catalogue and its bundles are signed with keys whose private halves everybody has.
`policies/example-keys.json` lists them, and no command takes one for root, release or live key, nor trusts a signer or
a tenant's key that is one, unless the user says `--allow-example-keys`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from weighbridge import resources
from weighbridge.canonical import parse_json
from weighbridge.errors import InputError, Problem
from weighbridge.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.keys import PublicKey

FILE = "example-keys.json"
_FIX = "Use a key of your own; for a trial of the example alone, add --allow-example-keys."


@cache
def _published() -> tuple[frozenset[str], frozenset[str]]:
    path = resources.policies() / FILE
    document = parse_json(path.read_bytes(), FILE)
    return frozenset(document["keys"]), frozenset(document["tenant_keys"])


def is_example_key(key: PublicKey) -> bool:
    """Whether the private half of this key is published with the example."""
    return fingerprint(key) in _published()[0]


def refuse_example_keys(given: Mapping[str, PublicKey], catalogue: Catalogue | None = None) -> None:
    """Refuse keys that everybody has.

    Args:
        given: keys by the option that gave them, such as `--release-key`.
        catalogue: its signers and tenants' keys are looked at, too.

    Raises:
        InputError: naming every key that belongs to the example.
    """
    problems = [
        Problem(file="", field=option, message="is a key of the example, which everybody has", fix=_FIX)
        for option, key in given.items()
        if is_example_key(key)
    ]
    if catalogue is not None:
        problems += _in_catalogue(catalogue)
    if problems:
        raise InputError(problems)


def _in_catalogue(catalogue: Catalogue) -> list[Problem]:
    """At most one problem a file, as a copied example trusts all of them."""
    keys, tenant_keys = _published()
    signers = [signer.name for signer in catalogue.signers.values() if signer.fingerprint in keys]
    tenants = catalogue.tenants.tenants if catalogue.tenants is not None else {}
    ids = [
        key.id
        for tenant in tenants.values()
        for entitlement in tenant.environments.values()
        for key in entitlement.keys
        if key.sha256 in tenant_keys
    ]
    found = (("weighbridge.yaml", "trust.signers", signers), ("tenants.yaml", "keys", ids))
    return [
        Problem(
            file=file,
            field=field,
            message=f"takes keys of the example, which everybody has: {', '.join(sorted(names))}",
            fix=_FIX,
        )
        for file, field, names in found
        if names
    ]
