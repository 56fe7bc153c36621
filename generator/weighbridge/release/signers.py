"""Who may promote or approve: the key that is about to sign is one that the environment names, and it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.catalogue.undefined import undefined
from weighbridge.errors import InputError
from weighbridge.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.catalogue.catalogue import Catalogue, Signer
    from weighbridge.catalogue.configuration import Environment
    from weighbridge.keys import PublicKey


def require_environment(catalogue: Catalogue, name: str, option: str) -> Environment:
    """The environment of that name.

    Raises:
        InputError: there is none.
    """
    environments = catalogue.configuration.environments
    if name not in environments:
        raise InputError.single("", *undefined(name, "environment", set(environments)), field=option)
    return environments[name]


def named_signer(
    catalogue: Catalogue, names: Iterable[str], key: PublicKey, at_ns: int, *, place: str, option: str = "--key"
) -> Signer:
    """Under which of the names the key is trusted, now.

    Args:
        catalogue: with its signers.
        names: of those who may sign.
        key: the public half of what is about to sign.
        at_ns: `--at`.
        place: where the names stand, for the error.
        option: which gave the key.

    Raises:
        InputError: under none, or it does not count now; nothing should be signed.
    """
    given = fingerprint(key)
    listed = [catalogue.signers[name] for name in names]
    found = [signer for signer in listed if signer.fingerprint == given]
    if not found:
        others = sorted(name for name, signer in catalogue.signers.items() if signer.fingerprint == given)
        whose = f"is the key of {', '.join(others)}" if others else f"is a key that nobody trusts ({given})"
        allowed = ", ".join(signer.name for signer in listed)
        raise InputError.single("", f"{whose}, and {place} names {allowed}", "Sign with one of theirs.", field=option)
    for signer in found:
        document = signer.document
        begun = document.not_before is None or document.not_before <= at_ns
        if begun and (document.not_after is None or at_ns < document.not_after) and document.compromised_from is None:
            return signer
    message = f"is the key of {found[0].name}, which does not count now: not yet valid, ended, or compromised"
    raise InputError.single("", message, "Sign with another key.", field=option)
