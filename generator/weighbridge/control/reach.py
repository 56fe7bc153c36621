"""What an order reaches: every version whose artifact, images, lineage or signers lead to its target. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.control.control_data import ControlData

Why = Literal["artifact", "image", "lineage", "signer", "name"]


@dataclass(frozen=True, slots=True)
class Reached:
    """What an order would restrict in one environment."""

    versions: Mapping[str, tuple[Why, ...]]
    """By `<model>@<version>`, sorted, with every reason why."""
    aliases: Mapping[str, str | None]
    """Aliases that point to such a version now, with where each would go; None where nothing is left."""
    digests: tuple[str, ...]
    """What would be revoked: the versions' artifact digests and the target's own; empty unless it revokes."""


class ReachIndex:
    """One release's versions by everything that leads to them; built once, then a look-up each."""

    def __init__(self, control: ControlData) -> None:
        """Index the versions of a release."""
        raise NotImplementedError

    def versions(self, kind: str, target: str) -> dict[str, tuple[Why, ...]]:
        """The versions that an order of this kind about this target reaches, with the reasons."""
        raise NotImplementedError


def reach(control: ControlData, kind: str, target: str, *, at_ns: int | None = None) -> Reached:
    """What an order would reach, from the catalogue's routes alone; `state.preview` knows the live ones.

    Args:
        control: of the release.
        kind: `revoke`, `freeze` or `distrust`; any other reaches no version.
        target: digest, address, `<model>@<version>` or signer.
        at_ns: the moment at which approvals must hold for an alias to go there; None asks for no time.
    """
    raise NotImplementedError
