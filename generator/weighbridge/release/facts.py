"""What the release rules are asked: a version as evidence, gate, orders and card show it (architecture: Releasing).

Order of steps: take the record and the attestations that judging the catalogue found; read the card's text again and
make sure that it is the one that was judged; find its sections and licenses. What is trusted is for the rules to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.canonical import digest
from weighbridge.catalogue.source import LIMITS, Source
from weighbridge.catalogue.versions import CARD
from weighbridge.errors import InputError
from weighbridge.registry.question import EVALUATION_RULE
from weighbridge.release.licenses import card_licenses, spdx_expression
from weighbridge.release.sections import find_sections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.catalogue.catalogue import Catalogue, ModelVersion
    from weighbridge.catalogue.configuration import Environment
    from weighbridge.evidence.state import AttestationState, VersionEvidence
    from weighbridge.registry.judgement import Judged
    from weighbridge.registry.records import Record

SBOM_RULE = "sbom"
SHOWN = 5
"""Reasons of one attestation that are told."""

Document = dict[str, Any]


def release_document(judged: Judged, name: str, environment: str, at_ns: int) -> Document:
    """The input of the release rules.

    Args:
        judged: with the evidence of this version.
        name: `<model>@<version>`.
        environment: for which it is to be announced.
        at_ns: `--at`.

    Raises:
        InputError: the card changed since it was read, or its text is too long.
    """
    configured = judged.catalogue.configuration.environments[environment]
    record = judged.records[environment][name]
    item = _item(judged.catalogue, judged.evidence[name], record) | {"orders": orders_of(judged, name, environment)}
    return {"at_ns": at_ns, "environment": environment, "requires": list(configured.release.requires), "item": item}


def version_document(catalogue: Catalogue, evidence: VersionEvidence, record: Record, at_ns: int) -> Document:
    """The same about what workloads must have documented, which no order changes.

    Raises:
        InputError: as for `release_document`.
    """
    demanded = catalogue.configuration.environments[record.environment].workloads.documented
    item = _item(catalogue, evidence, record) | {"orders": []}
    return {"at_ns": at_ns, "environment": record.environment, "requires": list(demanded), "item": item}


def _item(catalogue: Catalogue, evidence: VersionEvidence, record: Record) -> Document:
    name, version = record.name, catalogue.versions[record.name]
    configured = catalogue.configuration.environments[record.environment]
    return {
        "name": name,
        "digest": version.artifact_digest,
        "package": {"matched": evidence.package.matched, "reason": evidence.package.reason},
        "record": {
            "approved": record.approved,
            "not_after": record.not_after,
            "reasons": [reason.document() for reason in record.reasons],
        },
        "sboms": {sbom: _state(evidence.attestations[sbom]) for sbom in sbom_attestations(catalogue)},
        "sections": _sections(catalogue, version),
        "lineage": _lineage(version),
        "licenses": {
            "card": _licenses(card_licenses(version.front_matter)),
            "manifest": _licenses(version.manifest.licenses),
        },
        "evaluation": {
            "metrics": sorted(configured.metrics),
            "attestations": _evaluations(catalogue, evidence, configured),
        },
        "approvals": None if configured.approvals is None else {"threshold": configured.approvals.threshold},
    }


def _evaluations(catalogue: Catalogue, evidence: VersionEvidence, configured: Environment) -> Document:
    attestations = catalogue.configuration.attestations
    required = [name for name in configured.requires if attestations[name].rule == EVALUATION_RULE]
    return {name: _state(evidence.attestations[name]) for name in required}


def sbom_attestations(catalogue: Catalogue) -> list[str]:
    """Names of the attestations about the model itself that are bills of materials, sorted."""
    defined = catalogue.configuration.attestations.items()
    return sorted(name for name, document in defined if document.rule == SBOM_RULE and document.about == "model")


def orders_of(judged: Judged, name: str, environment: str) -> list[Document]:
    """The orders that restrict a version in an environment."""
    version, orders = judged.catalogue.versions[name], judged.orders.restrictions[environment]
    found = {"revoked": orders.revoked.get(version.artifact_digest), "frozen": orders.frozen.get(name)}
    return [
        {"kind": kind, "id": order["id"], "reason": order["reason"]}
        for kind, order in found.items()
        if order is not None
    ]


def _state(state: AttestationState) -> Document:
    reasons = [f"{verdict.file} says no: {', '.join(verdict.reasons)}" for verdict in state.verdicts if verdict.reasons]
    reasons += [f"{refusal.file} does not count: {refusal.reason}" for refusal in state.refused]
    told = reasons[:SHOWN] or ([] if state.held else ["there is no evidence, or it is too old"])
    return {"held": state.held, "expires_ns": state.expires_ns, "reasons": told}


def _licenses(given: Iterable[str]) -> list[Document]:
    return [{"text": text, "spdx": spdx_expression(text)} for text in given]


def _sections(catalogue: Catalogue, version: ModelVersion) -> Document:
    file = f"models/{version.model}/{version.version}/{CARD}"
    data = Source(catalogue.root).read(file, LIMITS.card)
    if digest(data) != version.card_sha256:
        raise InputError.single(file, "was changed while it was judged", "Run this again.")
    found: Document = {}
    for section in find_sections(data.decode(), file):
        facts = {"line": section.line, "words": section.words, "placeholders": list(section.placeholders)}
        found.setdefault(section.name, []).append(facts)
    return found


def _lineage(version: ModelVersion) -> Document:
    block = version.card.lineage
    named = _listed(version.front_matter.get("datasets"))
    return {
        "parent_run_id": None if block is None else block.parent_run_id,
        "base_model": _listed(version.front_matter.get("base_model")),
        "datasets": named or (list(block.training_data) if block is not None and block.training_data else named),
    }


def _listed(given: Any) -> list[Any] | None:
    """The hub takes one name or a list of names; nothing at all is not an empty list."""
    return given if isinstance(given, list) or given is None else [given]
