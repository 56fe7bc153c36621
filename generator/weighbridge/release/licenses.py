"""Licenses that are known: what a card and a manifest say, in the one spelling in which they can be compared.

Source of the form: SPDX specification, annex D (license expressions), as `packaging.licenses` reads it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.packaging.licenses.declared import expression

if TYPE_CHECKING:
    from collections.abc import Mapping


def spdx_expression(text: str) -> str | None:
    """The expression in SPDX's own spelling; None if it is none, or names a license that SPDX does not have.

    `LicenseRef-...` is valid: it names a license that comes with the model.
    """
    found, remark = expression(text)
    return None if remark else found


def card_licenses(front_matter: Mapping[str, Any]) -> tuple[str, ...]:
    """What a card's `license` says, as written; a hub's `other` becomes `LicenseRef-<license_name>` if it is linked.

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
