"""A SLSA verification summary (VSA): the standard statement that somebody has verified an artifact by a policy.

Source: SLSA v1.1, verification summary attestation, `https://slsa.dev/verification_summary/v1`. Of its fields
`dependencyLevels` is left out: the provenance of dependencies is not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge import __version__
from weighbridge.canonical import sha256_hex
from weighbridge.catalogue.names import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.catalogue.catalogue import ModelVersion
    from weighbridge.registry.judgement import Judged

VERIFIER = "https://weighbridge.dev/gate/v1"
SLSA_VERSION = "1.1"
_PROVENANCE_RULE = "slsa_provenance"


def verification_summary(judged: Judged, name: str, environment: str, at_ns: int) -> dict[str, Any]:
    """The predicate that says that a version passed an environment's gate.

    Args:
        judged: where the gate approves it.
        name: `<model>@<version>`.
        environment: whose gate.
        at_ns: when it was verified.

    Raises:
        ValueError: the gate does not approve it.
    """
    if not judged.records[environment][name].approved:
        raise ValueError(f"{name} is not approved for {environment}")
    version = judged.catalogue.versions[name]
    return {
        "verifier": {"id": VERIFIER, "version": {"weighbridge": __version__}},
        "timeVerified": format_time(at_ns),
        "resourceUri": _resource(version),
        "policy": {
            "uri": f"weighbridge:weighbridge.yaml#environments/{environment}",
            "digest": {"sha256": judged.catalogue.trust_sha256.removeprefix("sha256:")},
        },
        "inputAttestations": [
            {"uri": f"weighbridge:{path}", "digest": {"sha256": sha256_hex(data)}}
            for path, data in sorted(_inputs(judged, name, environment))
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": [_build_level(judged, name, environment), f"WEIGHBRIDGE_{environment.upper()}"],
        "slsaVersion": SLSA_VERSION,
    }


def _resource(version: ModelVersion) -> str:
    """Where it is fetched, if there is exactly one place; else a package URL of its name."""
    sources = sorted(set(version.card.sources))
    return sources[0] if len(sources) == 1 else f"pkg:generic/{version.model}@{version.version}"


def _inputs(judged: Judged, name: str, environment: str) -> Iterator[tuple[str, bytes]]:
    """The files on which the approval rests."""
    evidence, record = judged.evidence[name], judged.records[environment][name]
    used = set(record.promotion)
    used |= {given.file for given in evidence.approvals if given.environment == environment}
    for required in record.required:
        used |= {verdict.file for verdict in evidence.attestations[required].verdicts if verdict.passed}
    images = judged.catalogue.images
    version = judged.catalogue.versions[name]
    files = [*version.evidence, *(file for image in version.card.images for file in images.get(image.digest, ()))]
    for file in files:
        if file.path in used:
            yield file.path, file.data


def _build_level(judged: Judged, name: str, environment: str) -> str:
    """The lowest level of what the environment requires of provenance; unevaluated where no level is known."""
    attestations = judged.catalogue.configuration.attestations
    levels = [
        verdict.claims.get("level")
        for required in judged.records[environment][name].required
        if attestations[required].rule == _PROVENANCE_RULE
        for verdict in judged.evidence[name].attestations[required].verdicts
        if verdict.passed
    ]
    known = [level for level in levels if type(level) is int and 0 <= level <= 3]
    return f"SLSA_BUILD_LEVEL_{min(known)}" if known and len(known) == len(levels) else "SLSA_BUILD_LEVEL_UNEVALUATED"
