"""The waivers of a catalogue for people and programs: what is waived for what, by whom, and how much longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import format_time
from weighbridge.registry.waivers import remaining

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import ModelVersion
    from weighbridge.registry.waivers import Waiver

_DAY_NS = 86_400 * 10**9


def waiver_document(waiver: Waiver, versions: Mapping[str, ModelVersion], at_ns: int) -> dict[str, Any]:
    """One waiver as plain JSON, at a moment.

    Args:
        waiver: as it was read.
        versions: those of the catalogue, to name the artifact by.
        at_ns: the moment.
    """
    given = waiver.predicate
    left = max(waiver.not_after - at_ns, 0)
    return {
        "file": waiver.file,
        "state": waiver.state(at_ns),
        "codes": list(given.codes),
        "environment": given.environment,
        "scope": waiver.scope(),
        "versions": sorted(name for name, each in versions.items() if each.artifact_digest == given.scope.artifact),
        "signer": waiver.signer,
        "reason": given.reason,
        "not_before": format_time(given.not_before),
        "not_after": format_time(waiver.not_after),
        "seconds_left": left // 10**9,
        "days_left": left // _DAY_NS,
        "left": remaining(waiver, at_ns) if left else "",
    }


def waiver_documents(
    waivers: Iterable[Waiver], versions: Mapping[str, ModelVersion], at_ns: int
) -> list[dict[str, Any]]:
    """All of them, the one that ends first in front."""
    ordered = sorted(waivers, key=lambda waiver: (waiver.not_after, waiver.file))
    return [waiver_document(waiver, versions, at_ns) for waiver in ordered]


def scope_text(document: Mapping[str, Any]) -> str:
    """What one is about, in a few words."""
    scope = document["scope"]
    if "artifact" in scope:
        return ", ".join(document["versions"]) or f"{scope['artifact'][:19]}…, not in the catalogue"
    images = len(scope.get("images", []))
    running = f" with {images} image{'' if images == 1 else 's'}" if images else ""
    return f"{scope['namespace']}/{scope['kind']}/{scope['name']}{running}"
