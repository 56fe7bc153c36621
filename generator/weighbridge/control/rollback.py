"""Where an alias goes: to what it was last told to, or back to the last version that may answer. Pure. No I/O."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from weighbridge.control.control_data import ControlData

Newest = dict[str, tuple[tuple[int, str], ...]]
"""By model, when its approved versions came into the environment, and which they are: the newest first."""


def newest_first(control: ControlData) -> Newest:
    """The approved versions of each model: where an alias looks that has lost all it was told."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, version in control.versions.items():
        if version.approved:
            found[_model(name)].append((version.since or 0, name))
    return {model: tuple(sorted(versions, reverse=True)) for model, versions in found.items()}


def effective_active(
    models: Sequence[str],
    history: Sequence[str],
    newest: Mapping[str, Sequence[tuple[int, str]]],
    usable: Callable[[str], bool],
) -> str | None:
    """The version that an alias points to.

    Args:
        models: whose versions it may point to.
        history: what the alias was told to point to, the last one at the end.
        newest: see `newest_first`.
        usable: whether a version is approved, served and unrestricted now.

    Returns:
        The last of `history` that is usable and of the alias's models; else the usable version of these models that
        came into the environment last; None where there is none, which denies. An alias that was never told anything
        goes nowhere: nobody has chosen a version for it.
    """
    if not history:
        return None
    allowed = frozenset(models)
    for name in reversed(history):
        if _model(name) in allowed and usable(name):
            return name
    # At one moment the name decides, so that everybody who computes this finds the same version.
    firsts = (next((each for each in newest.get(model, ()) if usable(each[1])), None) for model in allowed)
    return max((each for each in firsts if each is not None), default=(0, None))[1]


def _model(name: str) -> str:
    return name.partition("@")[0]
