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
        came into the environment last; None where there is none, which denies.
    """
    raise NotImplementedError
