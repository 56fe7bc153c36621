"""Records: what is known of one version in one environment, once the gate has decided."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.names import NEVER_NS, format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.evidence.state import AttestationState, VersionEvidence

NO_ANSWER = "REL-010"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_ABOUT_ATTESTATIONS = frozenset({"REL-001", "REL-002", "REL-003", "REL-004"})


@dataclass(frozen=True, order=True)
class Reason:
    """One requirement of a release that is not provably met."""

    code: str
    """`REL-001` to `REL-010`."""
    attestation: str
    """The attestation it is about; "" where it is about none."""
    message: str
    """What is wrong and what to do."""

    def document(self) -> dict[str, str]:
        """As it stands in a registry."""
        about = {"attestation": self.attestation} if self.attestation else {}
        return {"code": self.code, "message": self.message, **about}


@dataclass(frozen=True)
class Held:
    """What an attestation that holds rests on."""

    signers: tuple[str, ...]
    evidence: tuple[str, ...]
    """Digests of the signed statements, `sha256:<hex>`, sorted."""
    expires_ns: int


@dataclass(frozen=True)
class Record:
    """One version in one environment: approved with its data, or refused with every reason."""

    environment: str
    name: str
    """`<model>@<version>`."""
    model: str
    version: str
    approved: bool
    digest: str
    """The artifact digest."""
    not_after: int
    """When the approval ends, in nanoseconds; 0 for what is refused."""
    required: tuple[str, ...]
    """The attestations that this environment requires, the one about packaging among them."""
    reasons: tuple[Reason, ...] = ()
    """Sorted; empty exactly where approved."""
    waived: tuple[Reason, ...] = ()
    """What is wrong and waived, sorted."""
    images: tuple[str, ...] = ()
    """Digests of the serving images; empty unless approved."""
    image_facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By digest, what verified evidence says of a serving image; empty unless approved."""
    lacking: tuple[Mapping[str, Any], ...] = ()
    """What the environment's workloads must have documented and this version has not: `code`, `message`, and `from`
    where that is so only from a time on; empty unless approved."""
    environment_variables: tuple[str, ...] = ()
    """The variables that its card says a server must be given; empty unless approved."""
    sources: tuple[str, ...] = ()
    """Where the weights may come from; empty unless approved."""
    attestations: Mapping[str, Held] = field(default_factory=dict)
    """What the required attestations rest on; empty unless approved."""
    since_ns: int | None = None
    """When the version came into this environment; None if it never did."""
    promotion: tuple[str, ...] = ()
    """The files of the promotions into this environment, sorted; empty unless approved."""
    approvers: tuple[str, ...] = ()
    """The signers whose approval of it here, or promotion into here, counts, sorted; empty unless approved."""
    datasets: tuple[str, ...] = ()
    """Digests of what it was evaluated on, by the evidence that is required, sorted; empty unless approved."""
    lineage: Mapping[str, Any] | None = None
    """From the card; None unless approved."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The required attestations that do not hold, sorted."""
        return tuple(sorted({r.attestation for r in self.reasons if r.code in _ABOUT_ATTESTATIONS and r.attestation}))


def record_document(record: Record) -> dict[str, Any]:
    """The record for people, and for `record_sha256`: times as RFC 3339, since RFC 8785 has no 64-bit integers."""
    return {
        "environment": record.environment,
        "model": record.model,
        "version": record.version,
        "approved": record.approved,
        "digest": record.digest,
        "not_after": None if record.not_after in {0, NEVER_NS} else format_time(record.not_after),
        "since": None if record.since_ns is None else format_time(record.since_ns),
        "required": list(record.required),
        "missing": list(record.missing),
        "reasons": [reason.document() for reason in record.reasons],
        "images": list(record.images),
        "sources": list(record.sources),
        "attestations": {name: _held_document(held) for name, held in sorted(record.attestations.items())},
        "promotion": list(record.promotion),
        "lineage": record.lineage,
        # Only where there is any, so that the records of others keep their hash.
        **({"waived": [reason.document() for reason in record.waived]} if record.waived else {}),
    }


def _held_document(held: Held) -> dict[str, Any]:
    expires = None if held.expires_ns == NEVER_NS else format_time(held.expires_ns)
    return {"signers": list(held.signers), "evidence": list(held.evidence), "expires": expires}


def record_sha256(record: Record) -> str:
    """What a `promotion/v1` says about the record it promotes: for audit, compared by nobody."""
    return digest(canonical(record_document(record)))


def held(state: AttestationState) -> Held:
    """What an attestation rests on: the statements that passed."""
    passed = [verdict for verdict in state.verdicts if verdict.passed]
    return Held(
        signers=tuple(sorted({verdict.signer for verdict in passed})),
        evidence=tuple(sorted({verdict.statement_sha256 for verdict in passed})),
        expires_ns=state.expires_ns,
    )


def published(state: AttestationState, threshold: int) -> set[str]:
    """The addresses on which enough distinct keys agree, of an attestation that is judged by the rule `publication`."""
    if not state.held:
        return set()
    claimed: dict[str, set[str]] = {}
    for verdict in state.verdicts:
        for source in verdict.claims.get("sources", ()) if verdict.passed else ():
            claimed.setdefault(source, set()).add(verdict.fingerprint)
    return {source for source, keys in claimed.items() if len(keys) >= threshold}


def promotion_files(evidence: VersionEvidence, environment: str) -> tuple[str, ...]:
    """The files of the verified promotions into an environment."""
    return tuple(sorted({promotion.file for promotion in evidence.promotions if promotion.to == environment}))


def approvers(evidence: VersionEvidence, environment: str, manifest_sha256: str, at_ns: int) -> tuple[str, ...]:
    """Who approved this manifest for an environment, or promoted the version into it, and counts at `--at`."""
    consents = {
        given.signer
        for given in evidence.approvals
        if (given.environment, given.manifest_sha256) == (environment, manifest_sha256) and given.expires_ns > at_ns
    }
    promoted = {given.signer for given in evidence.promotions if given.to == environment and given.expires_ns > at_ns}
    return tuple(sorted(consents | promoted))


def evaluated_on(evidence: VersionEvidence, required: Iterable[str]) -> tuple[str, ...]:
    """The datasets that the passed statements of these attestations speak of."""
    passed = (verdict for name in required for verdict in evidence.attestations[name].verdicts if verdict.passed)
    named = (verdict.claims.get("dataset") for verdict in passed)
    return tuple(sorted({dataset for dataset in named if isinstance(dataset, str)}))


def variable_names(documented: Iterable[str]) -> tuple[str, ...]:
    """Of what a card says about environment variables what is a variable's name, sorted; sentences are for people."""
    return tuple(sorted({text for text in documented if _VARIABLE.fullmatch(text)}))
