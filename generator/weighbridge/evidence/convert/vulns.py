"""Findings as the predicate that `policies/evidence/vulnerabilities` judges.

Source: in-toto attestation framework, `spec/predicates/vulns.md`, vulns v0.2. `suppressed` beside a finding is ours:
whoever does not know it sees an open finding.
"""

from __future__ import annotations

from typing import Any

from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError
from weighbridge.evidence.convert.report import (
    UNKNOWN,
    Conversion,
    Finding,
    Options,
    Scan,
    Suppression,
    require_subject,
)
from weighbridge.evidence.convert.vex import suppress
from weighbridge.evidence.times import VULNS

MAX_FINDINGS = 20_000
"""Findings of one statement: about what fits into the largest payload."""


def vulns(scan: Scan, options: Options, file: str) -> Conversion:
    """The predicate of a scan, with what VEX documents say about its findings.

    Raises:
        InputError: of another subject, without a time, with too many findings, or an unusable VEX document.
    """
    require_subject(scan.digests, options, file)
    if len(scan.findings) > MAX_FINDINGS:
        message = f"has {len(scan.findings)} findings, more than {MAX_FINDINGS}"
        raise InputError.single(file, message, "Scan less at once.")
    finished_ns = _finished(scan, options, file)
    started_ns = finished_ns if scan.started_ns is None else scan.started_ns
    if started_ns > finished_ns:
        raise InputError.single(file, "finished before it started", "Correct the clock and scan again.")
    findings, notes = suppress(scan.findings, options)
    scanner: dict[str, Any] = {"uri": scan.uri}
    if scan.version:
        scanner["version"] = scan.version
    if scan.database:
        scanner["db"] = dict(scan.database)
    scanner["result"] = [_result(finding) for finding in sorted(findings, key=_order)]
    metadata = {"scanStartedOn": format_time(started_ns), "scanFinishedOn": format_time(finished_ns)}
    return Conversion(VULNS, {"scanner": scanner, "metadata": metadata}, (*scan.not_carried, *notes))


def _finished(scan: Scan, options: Options, file: str) -> int:
    given, said = options.scanned_at_ns, scan.finished_ns
    if said is None and given is None:
        fix = "Say when it was scanned by --scanned-at, as a statement without a time ages never."
        raise InputError.single(file, "does not say when the scan took place", fix)
    if said is not None and given is not None and given != said:
        message = f"says that the scan finished at {format_time(said)}, not at {format_time(given)}"
        raise InputError.single(file, message, "Leave --scanned-at out.")
    # Only one of them is there, or they are equal.
    return said if said is not None else given or 0


def _order(finding: Finding) -> tuple[str, str, str]:
    return finding.id, finding.purl, repr(sorted(finding.details.items()))


def _result(finding: Finding) -> dict[str, Any]:
    severity = finding.severity or ((UNKNOWN, UNKNOWN),)
    result: dict[str, Any] = {
        "id": finding.id,
        "severity": [{"method": method, "score": score} for method, score in severity],
    }
    details: dict[str, Any] = {name: value for name, value in sorted(finding.details.items()) if value}
    if finding.purl:
        details["purl"] = finding.purl
    if finding.aliases:
        details["aliases"] = sorted(set(finding.aliases))
    if details:
        result["annotations"] = [details]
    if finding.suppressed:
        result["suppressed"] = _suppressed(finding.suppressed)
    return result


def _suppressed(said: Suppression) -> dict[str, str]:
    given = {
        "by": said.by,
        "status": said.status,
        "justification": said.justification,
        "source": said.source,
        "author": said.author,
        "timestamp": said.timestamp,
    }
    return {name: value for name, value in given.items() if value}
