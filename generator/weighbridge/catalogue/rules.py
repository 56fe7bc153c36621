"""Which evidence rules there are: the ones that are shipped, and the ones in a catalogue's own policies."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from weighbridge import resources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.catalogue.catalogue import UserPolicy

_USER_RULE = re.compile(r"^package[ ]+weighbridge\.user\.evidence\.([a-z][a-z0-9_]*)[ ]*(?:#.*)?$", re.MULTILINE)
_VERDICT = re.compile(r"^(default )?verdict\b(?!\()", re.MULTILINE)


def known_rules(policies: Iterable[UserPolicy]) -> set[str]:
    """Names that an attestation's `rule` may have."""
    return set(_shipped_rules()) | {name for policy in policies for name in _USER_RULE.findall(policy.text)}


@cache
def _shipped_rules() -> frozenset[str]:
    # A rule gives a `verdict`; its neighbours, which only help it, do not.
    folder = resources.policies() / "evidence"
    return frozenset(
        path.stem
        for path in folder.glob("*/*.rego")
        if path.stem == path.parent.name and _VERDICT.search(path.read_text("utf-8"))
    )
