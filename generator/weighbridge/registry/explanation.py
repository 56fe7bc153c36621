"""Why a version is approved in an environment, or why not: every requirement, what there is, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import NEVER_NS, format_time
from weighbridge.registry.question import EVALUATION_RULE
from weighbridge.registry.records import record_document
from weighbridge.registry.waiver_list import waiver_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighbridge.catalogue.configuration import Bound, Environment
    from weighbridge.evidence.state import AttestationState, Consent, Promotion, Refusal, VersionEvidence
    from weighbridge.registry.judgement import Judged
    from weighbridge.registry.records import Reason, Record

Document = dict[str, Any]


def explain(judged: Judged, name: str, environments: Sequence[str], at_ns: int) -> Document:
    """The explanation of one version, as plain JSON.

    Args:
        judged: with the evidence of this version.
        name: `<model>@<version>`.
        environments: which are explained.
        at_ns: `--at`; ages are counted to it, in seconds.
    """
    evidence = judged.evidence[name]
    return {
        "version": name,
        "digest": evidence.digest,
        "at": format_time(at_ns),
        "trust": judged.trust,
        "unusable": _refusals(evidence.refused),
        "environments": [_environment(judged, evidence, environment, at_ns) for environment in environments],
    }


def _environment(judged: Judged, evidence: VersionEvidence, name: str, at_ns: int) -> Document:
    record = judged.records[name][evidence.name]
    configured = judged.catalogue.configuration.environments[name]
    orders = judged.orders.restrictions[name]
    requirements = [_attestation(judged, evidence, record, attestation, at_ns) for attestation in record.required]
    requirements += _metrics(judged, evidence, configured, record)
    requirements += _approvals(evidence, configured, record, at_ns)
    requirements += _promotion(evidence, configured, record, at_ns)
    waived = [
        waiver_document(waiver, judged.catalogue.versions, at_ns)
        for waiver in judged.waivers
        if (waiver.predicate.environment, waiver.predicate.scope.artifact) == (name, record.digest)
    ]
    restricted = {"revoked": orders.revoked.get(record.digest), "frozen": orders.frozen.get(record.name)}
    unexplained = _of(record, {"REL-010"})
    return {
        "environment": name,
        "record": record_document(record),
        "requirements": [*requirements, *([_requirement("the gate", unexplained)] if any(unexplained) else [])],
        "orders": [
            {"kind": kind, "id": order["id"], "reason": order["reason"], "issued_at": format_time(order["issued_at"])}
            for kind, order in restricted.items()
            if order is not None
        ],
        "waivers": waived,
    }


def _of(record: Record, codes: set[str], attestation: str = "") -> tuple[list[Reason], list[Reason]]:
    """What is wrong with one requirement, and what of it is waived."""
    reasons, waived = (
        [reason for reason in found if reason.code in codes and reason.attestation == attestation]
        for found in (record.reasons, record.waived)
    )
    return reasons, waived


def _requirement(title: str, found: tuple[list[Reason], list[Reason]], evidence: Sequence[Document] = ()) -> Document:
    reasons, waived = ([reason.document() for reason in part] for part in found)
    excused = {"waived": waived} if waived else {}
    return {"requirement": title, "met": not reasons, "reasons": reasons, **excused, "evidence": list(evidence)}


def _attestation(judged: Judged, evidence: VersionEvidence, record: Record, name: str, at_ns: int) -> Document:
    reasons = _of(record, {"REL-001", "REL-002", "REL-003", "REL-004"}, name)
    document = judged.catalogue.configuration.attestations[name]
    state = evidence.attestations.get(name)
    return {
        **_requirement(name, reasons, _verdicts(state, at_ns) if state else []),
        "predicate_type": document.predicate,
        "signers": list(document.signers),
        "unusable": _refusals(state.refused) if state else [],
    }


def _verdicts(state: AttestationState, at_ns: int) -> list[Document]:
    return [
        {
            "file": verdict.file,
            "signer": verdict.signer,
            "passed": verdict.passed,
            "reasons": list(verdict.reasons),
            **_age(verdict.at_ns, at_ns),
            "expires": None if verdict.expires_ns == NEVER_NS else format_time(verdict.expires_ns),
        }
        for verdict in state.verdicts
    ]


def _refusals(refused: Iterable[Refusal]) -> list[Document]:
    return [{"file": refusal.file, "reason": refusal.reason} for refusal in refused]


def _age(made_ns: int | None, at_ns: int) -> Document:
    if made_ns is None:
        return {"made": None, "age_seconds": None}
    return {"made": format_time(made_ns), "age_seconds": (at_ns - made_ns) // 10**9}


def _metrics(judged: Judged, evidence: VersionEvidence, configured: Environment, record: Record) -> list[Document]:
    if not configured.metrics:
        return []
    attestations = judged.catalogue.configuration.attestations
    measured = [
        {"file": verdict.file, "signer": verdict.signer, "metrics": verdict.claims.get("metrics", {})}
        for name in configured.requires
        if attestations[name].rule == EVALUATION_RULE and name in evidence.attestations
        for verdict in evidence.attestations[name].verdicts
    ]
    bounds = ", ".join(f"{metric} {_bounds(bound)}" for metric, bound in sorted(configured.metrics.items()))
    return [_requirement(f"metrics: {bounds}", _of(record, {"REL-005"}), measured)]


def _bounds(bound: Bound) -> str:
    given = (("at least", bound.min), ("at most", bound.max))
    return " and ".join(f"{word} {value:g}" for word, value in given if value is not None)


def _approvals(evidence: VersionEvidence, configured: Environment, record: Record, at_ns: int) -> list[Document]:
    if configured.approvals is None:
        return []
    given = [_statement(consent, at_ns) for consent in evidence.approvals if consent.environment == record.environment]
    title = f"approvals: {configured.approvals.threshold} of {', '.join(configured.approvals.signers)}"
    return [_requirement(title, _of(record, {"REL-006"}), given)]


def _promotion(evidence: VersionEvidence, configured: Environment, record: Record, at_ns: int) -> list[Document]:
    if configured.promotions is None:
        return []
    given = [_statement(promotion, at_ns) for promotion in evidence.promotions if promotion.to == record.environment]
    title = f"promotion from {configured.promotes_from} by {' or '.join(configured.promotions.signers)}"
    return [_requirement(title, _of(record, {"REL-007", "REL-008", "REL-009"}), given)]


def _statement(given: Consent | Promotion, at_ns: int) -> Document:
    return {"file": given.file, "signer": given.signer, **_age(given.at_ns, at_ns)}
