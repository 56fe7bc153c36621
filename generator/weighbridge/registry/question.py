"""What the gate is asked: an environment, and each version as its evidence shows it (architecture: The gate)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.evidence.predicates import PACKAGE
from weighbridge.registry.image_facts import image_facts
from weighbridge.registry.waivers import gate_waivers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.catalogue import ModelVersion
    from weighbridge.catalogue.configuration import AttestationDocument, Configuration, Environment
    from weighbridge.evidence.state import AttestationState, VersionEvidence
    from weighbridge.registry.records import Record
    from weighbridge.registry.waivers import Waiver

EVALUATION_RULE = "evaluation"
"""The only rule whose claims speak about metrics."""
PUBLICATION_RULE = "publication"
"""The only rule whose claims say where weights lie."""
CONFIGURATION = "weighbridge.yaml"


def promotion_order(configuration: Configuration) -> list[str]:
    """The environments, each behind the one it promotes from; sorted where promotion leaves the order open.

    Raises:
        InputError: they promote in a circle, or from an environment that does not exist.
    """
    ordered: list[str] = []
    waiting = sorted(configuration.environments)
    while waiting:
        ready = [name for name in waiting if configuration.environments[name].promotes_from in {None, *ordered}]
        if not ready:
            raise InputError.single(
                CONFIGURATION,
                f"{', '.join(waiting)} promote from each other, or from an environment that does not exist",
                "Let one of them promote from nothing.",
                field="environments",
            )
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return ordered


def package_attestation(configuration: Configuration) -> str:
    """The name of the one attestation about packaging.

    Raises:
        InputError: there is none, or more than one.
    """
    names = [name for name, document in configuration.attestations.items() if document.predicate == PACKAGE]
    if len(names) != 1:
        raise InputError.single(
            CONFIGURATION,
            f"needs exactly one attestation with predicate {PACKAGE}, and has {len(names)}",
            "Define one; every environment requires it implicitly.",
            field="attestations",
        )
    return names[0]


class Question:
    """What is asked about one environment; `item` adds a version."""

    def __init__(self, configuration: Configuration, name: str, at_ns: int, waivers: Sequence[Waiver] = ()) -> None:
        self.name = name
        self.environment = configuration.environments[name]
        self.at_ns = at_ns
        self._configuration = configuration
        self._waivers = waivers
        self._attestations = configuration.attestations
        package = package_attestation(configuration)
        self.required = tuple(sorted({*self.environment.requires, package}))
        """What must hold: what the environment names, and packaging."""
        self.publications = tuple(
            name for name in self.required if configuration.attestations[name].rule == PUBLICATION_RULE
        )
        """Of these, the ones that say where a version's weights lie."""
        self._evaluations = [
            required
            for required in self.environment.requires
            if configuration.attestations[required].rule == EVALUATION_RULE
        ]
        self._shared = {
            "at_ns": at_ns,
            "package_attestation": package,
            "environment": environment_document(name, self.environment, self._evaluations),
        }

    def document(self, items: Mapping[str, Any]) -> dict[str, Any]:
        """The input of one batch."""
        return {**self._shared, "items": items}

    def threshold(self, attestation: str) -> int:
        """How many distinct keys have to agree for an attestation."""
        return self._attestations[attestation].threshold

    def image_facts(self, image: str, found: VersionEvidence) -> dict[str, Any]:
        """What evidence says of a serving image in this environment."""
        return image_facts(self._configuration, self.name, image, found.attestations)

    def item(self, version: ModelVersion, found: VersionEvidence | None, previous: Record | None) -> dict[str, Any]:
        """One version as the gate sees it; what was not found is left out, and refused there."""
        item: dict[str, Any] = {
            "digest": version.artifact_digest,
            "manifest_sha256": version.manifest_sha256,
            "previous": None if previous is None else _previous(previous),
        }
        waivers = gate_waivers(self._waivers, self.name, version.artifact_digest)
        if waivers:
            item["waivers"] = waivers
        if found is None:
            return item
        package = found.package
        item["package"] = {"matched": package.matched, "at_ns": package.at_ns, "reason": package.reason}
        item["attestations"] = {
            name: self._attestation(name, found.attestations[name], version)
            for name in self.required
            if name in found.attestations
        }
        item["claims"] = {
            name: [dict(verdict.claims) for verdict in found.attestations[name].verdicts if verdict.passed]
            for name in self._evaluations
            if self.environment.metrics and name in found.attestations
        }
        if self.environment.approvals:
            item["approvals"] = [
                {
                    "signer": given.signer,
                    "fingerprint": given.fingerprint,
                    "environment": given.environment,
                    "manifest_sha256": given.manifest_sha256,
                    "at_ns": given.at_ns,
                    "expires_ns": given.expires_ns,
                    "file": given.file,
                }
                for given in found.approvals
            ]
        if self.environment.promotions:
            item["promotions"] = [
                {
                    "signer": given.signer,
                    "from": given.from_,
                    "to": given.to,
                    "at_ns": given.at_ns,
                    "expires_ns": given.expires_ns,
                    "file": given.file,
                }
                for given in found.promotions
            ]
        return item

    def _attestation(self, name: str, state: AttestationState, version: ModelVersion) -> dict[str, Any]:
        document: dict[str, Any] = {"held": state.held, "expires_ns": state.expires_ns}
        if state.held and state.expires_ns > self.at_ns:
            return document
        # Only what does not hold needs its story told.
        verdicts = [
            {
                "file": verdict.file,
                "signer": verdict.signer,
                "at_ns": verdict.at_ns,
                "passed": verdict.passed,
                "reasons": list(verdict.reasons),
                "expires_ns": verdict.expires_ns,
            }
            for verdict in state.verdicts
        ]
        return document | {
            "signers": list(self._attestations[name].signers),
            "verdicts": verdicts,
            "refused": [{"file": refusal.file, "reason": refusal.reason} for refusal in state.refused],
            "subject": _subject(self._attestations[name], version),
            "reasons": _demands(self._attestations[name]),
        }


def environment_document(name: str, environment: Environment, evaluations: Sequence[str]) -> dict[str, Any]:
    """An environment as the gate sees it; what it does not demand is null, never left out."""
    approvals, promotions = environment.approvals, environment.promotions
    return {
        "name": name,
        "requires": list(environment.requires),
        "evaluations": list(evaluations),
        "metrics": {
            metric: bound.model_dump(mode="json", exclude_none=True) for metric, bound in environment.metrics.items()
        },
        "approvals": None
        if approvals is None
        else {"threshold": approvals.threshold, "signers": list(approvals.signers)},
        "promotion": None
        if promotions is None
        else {
            "from": environment.promotes_from,
            "signers": list(promotions.signers),
            "min_time_ns": promotions.min_time or 0,
        },
    }


def _demands(attestation: AttestationDocument) -> list[str]:
    """What keeps an attestation from holding though a statement passes."""
    several = [f"it takes {attestation.threshold} distinct keys"] if attestation.threshold > 1 else []
    return several + (["it must hold for every serving image"] if attestation.about == "images" else [])


def _subject(attestation: AttestationDocument, version: ModelVersion) -> str:
    """What a statement must be about, and where it belongs, in words."""
    if attestation.about == "images":
        return "each serving image that the card names, and put it into images/<hex>/evidence/"
    folder = f"models/{version.model}/{version.version}/evidence/"
    return f"{version.artifact_digest}, and put it into {folder}"


def _previous(record: Record) -> dict[str, Any]:
    return {
        "environment": record.environment,
        "approved": record.approved,
        "since_ns": record.since_ns,
        "not_after": record.not_after,
        "codes": sorted({reason.code for reason in record.reasons}),
    }
