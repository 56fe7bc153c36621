"""Names that nobody defined: which names a document defines, and what to say about one that it does not."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection


_SEARCHED = 1000
"""So many names are searched for a similar one; more would take longer than the answer is worth."""


def names_at(value: Any, *path: str) -> list[str]:
    """The keys of the mapping at a path of a document as written; none where there is no mapping."""
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return list(value) if isinstance(value, dict) else []


def undefined(given: str, what: str, known: Collection[str]) -> tuple[str, str]:
    """Message and fix for a name that nobody defined."""
    close = difflib.get_close_matches(given, known, n=1) if len(known) <= _SEARCHED else []
    if close:
        fix = f"Did you mean `{close[0]}`?"
    elif not known:
        fix = f"There is no {what} yet; define it first."
    else:
        listed = sorted(known)
        fix = f"Define it, or use one of: {', '.join(listed[:10])}{' ...' if len(listed) > 10 else ''}."
    return f"names the {what} `{given}`, which is not defined", fix
