"""Licenses as SPDX knows them: what a card and a manifest say, in one form that can be compared.

Source: SPDX 2.3, annex D (license expressions), with the license list that `license-expression` ships.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS = 1000
"""Of one expression; a longer one is none."""
_REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_NOT_A_LICENSE = frozenset({"NOASSERTION", "NONE"})


def spdx_expression(text: str) -> str | None:
    """The expression in SPDX's own spelling; None if it is none, or names a license that SPDX does not have.

    `LicenseRef-...` is valid: it names a license that comes with the model.
    """
    from license_expression import ExpressionError  # noqa: PLC0415 -- loads SPDX's list, 0.1 s

    if not 0 < len(text) <= MAX_CHARACTERS:
        return None
    licensing = _licensing()
    try:
        parsed = licensing.parse(text)
    except (ExpressionError, ValueError, RecursionError):
        return None
    if parsed is None:
        return None
    for symbol in licensing.license_symbols(parsed, unique=True, decompose=True):
        known = symbol.key in licensing.known_symbols and symbol.key not in _NOT_A_LICENSE
        if not known and not _REFERENCE.fullmatch(symbol.key):
            return None
    return str(parsed.simplify())


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing  # noqa: PLC0415 -- as above

    return get_spdx_licensing()


def card_licenses(front_matter: Mapping[str, Any]) -> tuple[str, ...]:
    """What a card's `license` says, as written; a hub's `other` becomes `LicenseRef-<license_name>` if it is named.

    Source: Hugging Face model cards, `license`, `license_name`, `license_link`.
    """
    given = front_matter.get("license")
    listed = given if isinstance(given, list) else [given]
    return tuple(_named(text, front_matter) for text in listed if isinstance(text, str) and text.strip())


def _named(text: str, front_matter: Mapping[str, Any]) -> str:
    name, link = front_matter.get("license_name"), front_matter.get("license_link")
    if text.strip().casefold() != "other" or not isinstance(name, str) or not isinstance(link, str) or not link.strip():
        return text.strip()
    return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", name.strip()).strip("-")
