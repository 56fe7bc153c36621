"""License texts as CycloneDX writes them: an SPDX identifier, an SPDX expression, or a name that is neither.

Source: CycloneDX 1.6, `licenseChoice`: any number of licenses, or exactly one expression.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Acknowledgement = str
"""`declared` by who made it, or `concluded` by who looked at it."""
MAX_EXPRESSION = 2000
"""Longest text that is parsed as an expression, in characters."""


def license_choice(texts: Sequence[str], acknowledgement: Acknowledgement = "declared") -> list[dict[str, Any]]:
    """The `licenses` of a component. All of them apply: SPDX's AND.

    Args:
        texts: SPDX identifiers or expressions, or names of licenses that SPDX does not list.
        acknowledgement: who says so.
    """
    distinct = list(dict.fromkeys(texts))
    if len(distinct) == 1 and not spdx_id(distinct[0]) and is_expression(distinct[0]):
        return [{"expression": distinct[0], "acknowledgement": acknowledgement}]
    if len(distinct) > 1 and all(map(is_expression, distinct)) and not all(map(spdx_id, distinct)):
        joined = " AND ".join(text if spdx_id(text) else f"({text})" for text in distinct)
        return [{"expression": joined, "acknowledgement": acknowledgement}]
    return [named_license(text, acknowledgement) for text in distinct]


def named_license(text: str, acknowledgement: Acknowledgement) -> dict[str, Any]:
    """One license, by its SPDX identifier or by the name that somebody gave it."""
    known = spdx_id(text)
    license_: dict[str, Any] = {"id": known} if known else {"name": text}
    return {"license": {**license_, "acknowledgement": acknowledgement}}


@cache
def spdx_id(text: str) -> str:
    """The identifier on SPDX's list, in its own spelling; "" if it is not listed."""
    from cyclonedx.spdx import fixup_id  # noqa: PLC0415 -- reads the whole license list

    return fixup_id(text) or ""


@cache
def is_expression(text: str) -> bool:
    """Whether it is an SPDX license expression of listed licenses (SPDX 2.3, annex D)."""
    from cyclonedx.spdx import is_expression as valid  # noqa: PLC0415 -- reads the whole license list

    return len(text) <= MAX_EXPRESSION and bool(valid(text))
