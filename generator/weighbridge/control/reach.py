"""What an order reaches: every version whose artifact, images, lineage or signers lead to its target. No I/O."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weighbridge.catalogue.names import DIGEST_PATTERN
from weighbridge.control.rollback import effective_active, newest_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.control.control_data import ControlData

Why = Literal["artifact", "image", "lineage", "signer", "name"]
_DIGEST = re.compile(DIGEST_PATTERN)


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
        self.control = control
        self._by_target: dict[str, list[tuple[str, Why]]] = defaultdict(list)
        self._by_signer: dict[str, list[str]] = defaultdict(list)
        for name, version in control.versions.items():
            self._by_target[version.digest].append((name, "artifact"))
            for image in version.images:
                self._by_target[image].append((name, "image"))
            for ancestor in version.lineage:
                self._by_target[ancestor].append((name, "lineage"))
            for signer in version.signers:
                self._by_signer[signer].append(name)
        self.newest = newest_first(control)

    def versions(self, kind: str, target: str) -> dict[str, tuple[Why, ...]]:
        """The versions that an order of this kind about this target reaches, with the reasons."""
        if kind == "distrust":
            return dict.fromkeys(sorted(self._by_signer.get(target, ())), ("signer",))
        named = self.control.versions.get(target)
        if kind == "freeze":
            return {target: ("name",)} if named else {}
        if kind != "revoke":
            return {}
        found: dict[str, list[Why]] = defaultdict(list)
        if named:
            found[target].append("name")
        # A version by its name means its artifact: whatever shares that, or was made from it, is meant as well.
        for key in dict.fromkeys([target, named.digest] if named else [target]):
            for name, why in self._by_target.get(key, ()):
                if why not in found[name]:
                    found[name].append(why)
        return {name: tuple(found[name]) for name in sorted(found)}

    def digests(self, kind: str, target: str) -> tuple[str, ...]:
        """The digests that the order revokes, sorted: of the versions that it reaches, and the target's own."""
        if kind not in {"revoke", "distrust"}:
            return ()
        named = self.control.versions.get(target) if kind == "revoke" else None
        found = {named.digest} if named else set()
        if kind == "distrust":
            names = set(self._by_signer.get(target, ()))
        else:
            found |= {target} if _DIGEST.fullmatch(target) else set()
            names = {name for key in {target, *found} for name, _ in self._by_target.get(key, ())}
        return tuple(sorted(found | {self.control.versions[name].digest for name in names}))


def reach(control: ControlData, kind: str, target: str, *, at_ns: int | None = None) -> Reached:
    """What an order would reach, from the catalogue's routes alone; `State.active` knows the live ones.

    Args:
        control: of the release.
        kind: `revoke`, `freeze` or `distrust`; any other reaches no version.
        target: digest, address, `<model>@<version>` or signer.
        at_ns: the moment at which approvals must hold for an alias to go there; None asks for no time.
    """
    index = ReachIndex(control)
    versions, digests = index.versions(kind, target), index.digests(kind, target)
    restricted = control.orders

    def usable(name: str) -> bool:
        version = control.versions.get(name)
        return (
            version is not None
            and version.approved
            and version.served
            and (at_ns is None or version.not_after > at_ns)
            and name not in versions
            and name not in restricted.frozen
            and version.digest not in restricted.revoked
        )

    aliases = {
        alias: effective_active(route.models, [route.active], index.newest, usable)
        for alias, route in sorted(control.routes.items())
        if route.active is not None and route.active in versions
    }
    return Reached(versions, aliases, digests)
