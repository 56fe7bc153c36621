"""What a kept judgement is bound to, and for how long it holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import weighbridge
from weighbridge import resources
from weighbridge.canonical import sha256_hex
from weighbridge.engines.locate import require
from weighbridge.evidence.select import SUPERSEDED
from weighbridge.evidence.trusted_root import library_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import Catalogue, EvidenceFile, ModelVersion
    from weighbridge.evidence.state import Refusal, VersionEvidence
    from weighbridge.registry.cache import Span
    from weighbridge.registry.records import Record

_TIMELESS_CODES = frozenset({"REL-002", "REL-005", "REL-006", "REL-007", "REL-008"})
"""Reasons that neither say nor depend on how late it is, as long as all evidence counts."""
_WITHOUT_JUDGEMENT = frozenset(
    {"routes", "upstreams", "calls", "live", "orders", "enforcement", "multi_tenant", "release", "workloads"}
)
"""Parts of an environment that decide about calls and workloads, never about a version (but for what is documented)."""


def context_of_judgements(catalogue: Catalogue) -> str:
    """The hash of everything that judgements rest on beside the versions themselves."""
    configuration = catalogue.configuration
    parts = hashlib.sha256()
    for text in (
        weighbridge.__version__,
        require("opa").version,
        repr(configuration.trust),
        repr(configuration.attestations),
        *(f"{name} {_judging(environment)}" for name, environment in configuration.environments.items()),
        *(f"{name} {environment.workloads.documented}" for name, environment in configuration.environments.items()),
        *(f"{signer.name} {signer.fingerprint}" for signer in catalogue.signers.values()),
        library_version(),
        *(f"{name} {sha256_hex(root)}" for name, root in catalogue.roots.items()),
        *(f"{policy.path} {policy.text}" for policy in catalogue.policies),
        *_own_files(),
    ):
        parts.update(hashlib.sha256(text.encode()).digest())
    return parts.hexdigest()


def _judging(environment: object) -> str:
    # What is named here is left out, so that a part which is added later counts.
    return repr([(name, value) for name, value in environment if name not in _WITHOUT_JUDGEMENT])  # type: ignore[attr-defined]  # pydantic models iterate over their fields


def _own_files() -> Iterable[str]:
    """Our rules and our program: in a checkout both change without a new version number."""
    policies, program = resources.policies(), Path(weighbridge.__file__).parent
    rules = [file for folder in ("evidence", "gate", "release") for file in (policies / folder).rglob("*.rego")]
    modules = [
        file
        for folder in ("catalogue", "evidence", "packaging", "registry", "release")
        for file in (program / folder).rglob("*.py")
    ]
    for file in sorted([*rules, *modules, *program.glob("*.py")]):
        yield f"{file.name} {sha256_hex(file.read_bytes())}"


def judgement_key(catalogue: Catalogue, version: ModelVersion) -> str:
    """The hash of everything about one version that judging it looks at."""
    images = sorted({image.digest for image in version.card.images})
    parts = [
        version.name,
        version.artifact_digest,
        version.manifest_sha256,
        version.card_sha256,
        _hashed(version.evidence),
        [[image, _hashed(catalogue.images.get(image, ()))] for image in images],
    ]
    return sha256_hex(json.dumps(parts).encode())


def _hashed(files: Iterable[EvidenceFile]) -> list[list[str]]:
    return sorted([file.path, sha256_hex(file.data)] for file in files)


def boundaries(catalogue: Catalogue, at_ns: int) -> int:
    """The next moment at which some signer begins or ceases to count."""
    documents = [signer.document for signer in catalogue.signers.values()]
    times = [time for document in documents for time in (document.not_before, document.not_after)]
    return min((time for time in times if time is not None and time > at_ns), default=2**63 - 1)


def span_of(
    evidence: VersionEvidence, records: Mapping[str, Record], shipped: Mapping[str, bool], at_ns: int, boundary: int
) -> Span:
    """For which `--at` these records hold: until the first of what they rest on ends, or for this one only.

    Args:
        evidence: what was found about the version.
        records: by environment.
        shipped: by attestation, whether its rule is ours; a user's may look at the time as it likes.
        at_ns: `--at`.
        boundary: see `boundaries`.
    """
    states = [state for state in evidence.attestations.values() if state.verdicts or state.refused]
    plain = (
        evidence.package.matched
        and _replaced_only(evidence.refused)
        and all(shipped[state.name] and state.held and _replaced_only(state.refused) for state in states)
        and all(verdict.passed for state in states for verdict in state.verdicts)
        and all(reason.code in _TIMELESS_CODES for record in records.values() for reason in record.reasons)
    )
    if not plain:
        return at_ns, at_ns + 1
    ends = [verdict.expires_ns for state in states for verdict in state.verdicts if verdict.expires_ns > at_ns]
    return at_ns, min([boundary, *ends, *_ends_of_facts(records, at_ns), *(state.expires_ns for state in states)])


def _ends_of_facts(records: Mapping[str, Record], at_ns: int) -> list[int]:
    """When what is known of images would be known otherwise: a finding may be accepted for a time only."""
    facts = [facts for record in records.values() for facts in record.image_facts.values()]
    ends = [part["not_after"] for parts in facts for part in parts.values()]
    return [end for end in ends if end > at_ns]


def _replaced_only(refused: Iterable[Refusal]) -> bool:
    return all(SUPERSEDED in refusal.reason for refusal in refused)
