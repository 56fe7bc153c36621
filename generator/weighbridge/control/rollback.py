"""Where an alias goes: to what it was last told to, or back to the last version that may answer. Pure. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weighbridge.control.control_data import ControlData


def effective_active(
    control: ControlData, alias: str, history: Sequence[str], usable: Callable[[str], bool]
) -> str | None:
    """The version that an alias points to.

    Args:
        control: of the release whose routes count.
        alias: one of its aliases.
        history: what the alias was told to point to, the last one at the end.
        usable: whether a version is approved, served and unrestricted now.

    Returns:
        The last of `history` that is usable and of the alias's models; else the usable version of these models that
        came into the environment last; None where there is none, which denies. An alias that was never told anything
        goes nowhere: nobody has chosen a version for it.
    """
    route = control.routes.get(alias)
    if route is None or not history:
        return None
    models = frozenset(route.models)
    for name in reversed(history):
        if _model(name) in models and usable(name):
            return name
    # At one moment the name decides, so that everybody who computes this finds the same version.
    others = [
        (version.since or 0, name)
        for name, version in control.versions.items()
        if version.approved and _model(name) in models and usable(name)
    ]
    return max(others)[1] if others else None


def _model(name: str) -> str:
    return name.partition("@")[0]
