"""Everything in a catalogue's evidence that does not count or does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import NEVER_NS, format_time
from weighbridge.evidence.select import SUPERSEDED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.evidence.state import AttestationState, Refusal, VersionEvidence
    from weighbridge.registry.judgement import Judged


def verification(judged: Judged) -> dict[str, Any]:
    """What `verify` reports, as plain JSON; `findings` is empty where all evidence is good."""
    versions, images = judged.catalogue.versions, judged.catalogue.images
    serving = {image.digest for version in versions.values() for image in version.card.images}
    findings = {finding for evidence in judged.evidence.values() for finding in _findings(evidence)}
    return {
        "trust": judged.trust,
        "versions": len(versions),
        "evidence_files": sum(len(version.evidence) for version in versions.values())
        + sum(len(files) for files in images.values()),
        "findings": [{"file": file, "reason": reason} for file, reason in sorted(findings)],
        "images_without_version": sorted(set(images) - serving - set(judged.catalogue.configuration.support_images)),
        "environments": {
            name: {
                "approved": sum(record.approved for record in records.values()),
                "refused": sum(not record.approved for record in records.values()),
            }
            for name, records in judged.records.items()
        },
    }


def _findings(evidence: VersionEvidence) -> Iterable[tuple[str, str]]:
    yield from _refused(evidence.refused)
    for state in evidence.attestations.values():
        yield from _refused(state.refused)
        yield from _failed(state)
    if not evidence.package.matched:
        model, version = evidence.name.split("@")
        yield f"models/{model}/{version}", evidence.package.reason


def _refused(refused: Iterable[Refusal]) -> Iterable[tuple[str, str]]:
    """What did not count; a statement that a newer one of the same signer replaces is in order."""
    for refusal in refused:
        if SUPERSEDED not in refusal.reason:
            yield refusal.file, refusal.reason


def _failed(state: AttestationState) -> Iterable[tuple[str, str]]:
    """What counted and did not pass, or passed and is not enough."""
    for verdict in state.verdicts:
        if not verdict.passed:
            yield verdict.file, f"{state.name} by {verdict.signer} says no: {', '.join(verdict.reasons)}"
        elif not state.held:
            lapsed = "" if state.expires_ns == NEVER_NS else f" since {format_time(state.expires_ns)}"
            yield verdict.file, f"passes by {verdict.signer}, but {state.name} does not hold{lapsed}"
