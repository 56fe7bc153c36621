"""What of a predicate a shipped rule looks at: the rest is not sent to the engine, which would only have to read it.

A rule cannot see what is left out here, so leaving out can make it refuse and never make it pass: the rules demand
what they need. User rules get the whole predicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_Shape = dict[str, Any] | None
_RULES: dict[str, _Shape] = {}


def trimmed(rule: str, predicate: Mapping[str, Any]) -> Any:
    """The part of a predicate that the rule of this name reads; all of it for a rule that is not shipped."""
    return _keep(predicate, _RULES.get(rule))


def _keep(value: Any, shape: _Shape) -> Any:
    if shape is None:
        return value
    if isinstance(value, list):
        return [_keep(entry, shape) for entry in value]
    if not isinstance(value, dict):
        return value
    return {key: _keep(value[key], inner) for key, inner in shape.items() if key in value}
