"""A person's approval: what it is about is shown first, and only what would count is signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError
from weighbridge.evidence.predicates import APPROVAL
from weighbridge.evidence.write import write_attestation
from weighbridge.registry.explanation import explain
from weighbridge.release.difference import differences
from weighbridge.release.evidence_file import new_evidence
from weighbridge.release.facts import orders_of
from weighbridge.release.rehearsal import RehearsalError, rehearse
from weighbridge.release.signers import named_signer, require_environment

if TYPE_CHECKING:
    from weighbridge.catalogue.catalogue import EvidenceFile, Signer
    from weighbridge.keys import PrivateKey, PublicKey
    from weighbridge.registry.judgement import Judged


@dataclass(frozen=True)
class Consideration:
    """What somebody is asked to approve."""

    name: str
    """`<model>@<version>`."""
    environment: str
    signer: Signer
    given: bool
    """This signer has approved exactly this already."""
    refusals: tuple[str, ...]
    """Why it is not to be approved, whatever anybody thinks of it."""
    shown: dict[str, Any]
    """What there is to see, as plain JSON."""


def consider(judged: Judged, name: str, environment: str, key: PublicKey, at_ns: int) -> Consideration:
    """What is there to approve.

    Args:
        judged: with this version and the others of its model.
        name: `<model>@<version>`.
        environment: for which.
        key: of who is to approve.
        at_ns: `--at`.

    Raises:
        InputError: there is no such environment, it asks for no approvals, or not for this key's.
    """
    configured = require_environment(judged.catalogue, environment, "--environment")
    if configured.approvals is None:
        message = f"{environment} asks for no approvals"
        raise InputError.single(
            "", message, f"Name approvers in `environments.{environment}.approvals`.", field="--environment"
        )
    place = f"environments.{environment}.approvals.signers"
    signer = named_signer(judged.catalogue, configured.approvals.signers, key, at_ns, place=place)
    given = _given(judged, name, environment, signer)
    return Consideration(
        name,
        environment,
        signer,
        given,
        _refusals(judged, name, environment),
        _shown(judged, name, environment, signer, at_ns),
    )


def _given(judged: Judged, name: str, environment: str, signer: Signer) -> bool:
    manifest_sha256 = judged.catalogue.versions[name].manifest_sha256
    return any(
        (consent.environment, consent.manifest_sha256, consent.fingerprint)
        == (environment, manifest_sha256, signer.fingerprint)
        for consent in judged.evidence[name].approvals
    )


def _refusals(judged: Judged, name: str, environment: str) -> tuple[str, ...]:
    package = judged.evidence[name].package
    refusals = [] if package.matched else [f"REL-001 no trusted package statement: {package.reason}"]
    orders = orders_of(judged, name, environment)
    return (*refusals, *(f"REL-012 {order['kind']} by order {order['id']}: {order['reason']}" for order in orders))


def _shown(judged: Judged, name: str, environment: str, signer: Signer, at_ns: int) -> dict[str, Any]:
    version = judged.catalogue.versions[name]
    before = _before(judged, name, environment)
    explained = explain(judged, name, [environment], at_ns)["environments"][0]
    return {
        "version": name,
        "environment": environment,
        "digest": version.artifact_digest,
        "manifest_sha256": version.manifest_sha256,
        "signer": signer.name,
        "at": format_time(at_ns),
        "trust": judged.trust,
        "requirements": explained["requirements"],
        "orders": explained["orders"],
        "before": before,
        "differences": [] if before is None else differences(judged.catalogue.versions[before], version),
    }


def _before(judged: Judged, name: str, environment: str) -> str | None:
    """The version of the same model that came into the environment last and is approved there."""
    records = judged.records[environment]
    model = judged.catalogue.versions[name].model
    approved = [record for record in records.values() if record.approved and record.model == model]
    others = [record for record in approved if record.name != name]
    latest = max(others, key=lambda record: (record.since_ns or 0, record.name), default=None)
    return None if latest is None else latest.name


def approve(judged: Judged, given: Consideration, key: PrivateKey, at_ns: int) -> EvidenceFile:
    """The signed approval, not written yet.

    Raises:
        ValueError: it is not to be approved, or is already.
        RehearsalError: it would not count; nothing should be written.
    """
    if given.refusals or given.given:
        raise ValueError(f"{given.name} is not to be approved")
    version = judged.catalogue.versions[given.name]
    predicate = {
        "environment": given.environment,
        "manifest_sha256": version.manifest_sha256,
        "at": format_time(at_ns),
    }
    data = write_attestation(APPROVAL, predicate, (given.name, version.artifact_digest), [key], given.name)
    file = new_evidence(version, f"approval-{given.environment}-{given.signer.name}", data)
    after = rehearse(judged, given.name, [file], at_ns).evidence[given.name]
    if file.path not in {consent.file for consent in after.approvals}:
        reasons = "; ".join(refusal.reason for refusal in after.refused if refusal.file == file.path)
        raise RehearsalError(f"this approval would not count: {reasons}")
    return file
