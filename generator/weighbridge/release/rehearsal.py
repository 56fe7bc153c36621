"""What the gate would say with new evidence: judged in memory, so that nothing is signed into the catalogue in vain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge.errors import WeighbridgeError
from weighbridge.registry.judgement import JudgingOptions, judge_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.catalogue.catalogue import EvidenceFile
    from weighbridge.registry.judgement import Judged


class RehearsalError(WeighbridgeError):
    """What was about to be signed would count for nothing, so it was not."""

    exit_status = 1


def rehearse(judged: Judged, name: str, added: Sequence[EvidenceFile], at_ns: int) -> Judged:
    """The catalogue with one version alone and further evidence about it, judged anew.

    Args:
        judged: as it is.
        name: `<model>@<version>`.
        added: evidence that is not written yet.
        at_ns: `--at`.

    Raises:
        EngineError: OPA is missing or failed.
    """
    version = judged.catalogue.versions[name]
    changed = replace(version, evidence=(*version.evidence, *added))
    catalogue = replace(judged.catalogue, versions={name: changed})
    evidence, records = judge_versions(catalogue, JudgingOptions(at_ns=at_ns))
    return replace(judged, catalogue=catalogue, evidence=evidence, records=records)
