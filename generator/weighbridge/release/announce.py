"""The `model_release` event: built from what was verified, never from what somebody claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.keys import b64url
from weighbridge.observe.events import model_release
from weighbridge.release.facts import release_document, sbom_attestations
from weighbridge.release.verdict import ask

if TYPE_CHECKING:
    from weighbridge.evidence.state import VersionEvidence
    from weighbridge.observe.events import EventDocument
    from weighbridge.registry.judgement import Judged
    from weighbridge.release.verdict import Verdict


def judge_release(judged: Judged, name: str, environment: str, at_ns: int) -> Verdict:
    """Whether a version may be announced for an environment.

    Raises:
        InputError: the card changed since it was read, or its text is too long.
    """
    return ask(release_document(judged, name, environment, at_ns))


def release_event(
    judged: Judged, name: str, environment: str, at_ns: int, verdict: Verdict, sbom_uri: str | None = None
) -> EventDocument:
    """The event that announces a version; only for one that may be announced.

    Args:
        judged: with the evidence of this version.
        name: `<model>@<version>`.
        environment: for which it is announced.
        at_ns: `--at`.
        verdict: what the release rules said.
        sbom_uri: where the bill of materials is; by default it is named by its hash.

    Raises:
        ValueError: the verdict does not release it.
        InputError: a field is not of its form.
    """
    if not verdict.released:
        raise ValueError(f"{name} may not be announced")
    version, evidence = judged.catalogue.versions[name], judged.evidence[name]
    lineage = version.card.lineage
    return model_release(
        model_id=version.model,
        version=version.version,
        artifact_digest=version.artifact_digest,
        attestations=held_attestations(evidence, at_ns),
        at_ns=at_ns,
        sbom_uri=sbom_uri or _sbom_by_hash(judged, evidence, at_ns),
        parent_run_id=None if lineage is None else lineage.parent_run_id,
        environment=environment,
        applied_policies=sorted(finding.code for finding in verdict.findings),
        labels={"trust": judged.trust, **_people(judged, name, environment)},
    )


def held_attestations(evidence: VersionEvidence, at_ns: int) -> list[str]:
    """Names of the attestations that hold now, sorted."""
    return sorted(name for name, state in evidence.attestations.items() if state.held and at_ns < state.expires_ns)


def _sbom_by_hash(judged: Judged, evidence: VersionEvidence, at_ns: int) -> str | None:
    """`ni:///sha-256;...` (RFC 6920) of the signed statement; None where none is held."""
    for name in sbom_attestations(judged.catalogue):
        state = evidence.attestations[name]
        passed = sorted(verdict.statement_sha256 for verdict in state.verdicts if verdict.passed)
        if state.held and at_ns < state.expires_ns and passed:
            return f"ni:///sha-256;{b64url(bytes.fromhex(passed[0].removeprefix('sha256:')))}"
    return None


def _people(judged: Judged, name: str, environment: str) -> dict[str, str]:
    """Who approved and promoted it, by verified statements that count there."""
    version, evidence = judged.catalogue.versions[name], judged.evidence[name]
    approved = {
        given.signer
        for given in evidence.approvals
        if given.environment == environment and given.manifest_sha256 == version.manifest_sha256
    }
    promoted = {given.signer for given in evidence.promotions if given.to == environment}
    told = {"approved_by": ",".join(sorted(approved)), "promoted_by": ",".join(sorted(promoted))}
    return {label: signers for label, signers in told.items() if signers}
