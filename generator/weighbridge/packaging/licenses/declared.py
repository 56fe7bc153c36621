"""Everything that says how a model is licensed, as SPDX expressions (SPDX specification, annex D).

Four places are asked: the card's front matter, license files (their SPDX tag, else their whole text) and the headers of
weights. What is not on SPDX's list becomes a `LicenseRef-`, which names it and claims nothing, and a finding.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from weighbridge.packaging.licenses.texts import recognise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Found = tuple[str | None, str]
    """An SPDX expression, if there is one, and what there is to say about it ("": nothing)."""

MAX_EXPRESSION = 400
"""Longest expression, in characters."""
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n*]{1,400})")
_REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+\Z")
_NOT_SAID = frozenset({"", "other", "unknown", "none", "unlicensed", "noassertion", "proprietary"})


def from_card(front_matter: Mapping[str, Any]) -> list[Found]:
    """What the card's `license` says, with `license_name` where that is `other`; several are all required."""
    given = front_matter.get("license")
    values = given if isinstance(given, list) else [given]
    found = [_from_card(value, front_matter) for value in values if isinstance(value, str)]
    return found or [(None, "names no license")]


def _from_card(value: str, front_matter: Mapping[str, Any]) -> Found:
    name = front_matter.get("license_name")
    if value.strip().lower() == "other" and isinstance(name, str) and name.strip():
        return expression(name)
    return expression(value)


def from_file(data: bytes) -> list[Found]:
    """What a license file is: its SPDX tags, else the license whose whole text it has."""
    text = data.decode("utf-8", "replace")
    tags = [expression(tag) for tag in sorted(set(_TAG.findall(text)))[:20]]
    if tags:
        return tags
    known = recognise(text)
    return [(known, "")] if known else [(None, "its text is that of no license on SPDX's list, or of several")]


def expression(value: str) -> Found:
    """A license as somebody wrote it, as SPDX writes it."""
    value = value.strip()
    if value.lower() in _NOT_SAID:
        return None, f"says {value!r}, which is no license"
    if len(value) > MAX_EXPRESSION or not value.isprintable():
        return None, "names a license in more words than an expression has"
    if _REFERENCE.match(value):
        return value, ""
    parsed = _parsed(value)
    if parsed:
        return parsed, ""
    reference = "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", value).strip("-")
    message = f"names the license {value[:100]!r}, which is not on SPDX's list"
    return (reference, message) if reference != "LicenseRef-" else (None, message)


def _parsed(value: str) -> str | None:
    from license_expression import ExpressionError  # noqa: PLC0415 -- its index takes a moment to load

    try:
        parsed = _licensing().parse(value, validate=True, strict=True)
    except (ExpressionError, RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return None  # its parser answers some nonsense with errors of its own making
    # The index also knows family names ("gpl") and takes one of their members for them: that would be a guess.
    words = set(re.findall(r"[a-z0-9.+-]+", value.lower())) - {"and", "or", "with"}
    guessed = any(not re.search(r"[0-9]", word) and word not in _identifiers() for word in words)
    return str(parsed) if parsed is not None and not guessed else None


@cache
def _identifiers() -> frozenset[str]:
    return frozenset(key.lower() for key in _licensing().known_symbols)


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing  # noqa: PLC0415 -- as above

    return get_spdx_licensing()


def together(found: Iterable[Found]) -> tuple[str, ...]:
    """All expressions, each once, sorted."""
    return tuple(sorted({text for text, _ in found if text}))
