"""pip-audit's JSON report.

It gives no severities, so every finding is of unknown severity: only an `allowed` of the rule lets it pass. What it
skipped was not audited, which is a finding, too. A report does not say when it was made, nor by which version.

Source: github.com/pypa/pip-audit, `pip_audit/_format/json.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import FindingId, Foreign, Many, Maybe, Words, none, read
from weighbridge.evidence.convert.report import Conversion, Finding, Options, Scan
from weighbridge.evidence.convert.vulns import vulns

if TYPE_CHECKING:
    from collections.abc import Iterator

URI = "https://github.com/pypa/pip-audit"


class _Vulnerability(Foreign):
    id: FindingId
    fix_versions: Many[Words] = none()
    aliases: Many[FindingId] = none()


class _Dependency(Foreign):
    name: FindingId
    version: Maybe = None
    skip_reason: Maybe = None
    vulns: Many[_Vulnerability] = none()


class _Report(Foreign):
    dependencies: Many[_Dependency]


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The findings of a pip-audit report, and what it skipped.

    Raises:
        InputError: not of its form, without the time of the scan, or with nothing that was audited.
    """
    report = read(_Report, document, file)
    if not report.dependencies:
        raise InputError.single(file, "audited nothing", "Name requirements or an environment.", field="dependencies")
    odd = [
        entry.name
        for entry in report.dependencies
        if (entry.skip_reason is None) != ("vulns" in entry.model_fields_set)
    ]
    if odd:
        message = f"neither audited nor skipped {odd[0]!a}, or both"
        raise InputError.single(file, message, "Name the report as pip-audit wrote it.", field="dependencies")
    findings = tuple(found for entry in report.dependencies for found in _findings(entry))
    skipped = sum(1 for entry in report.dependencies if entry.skip_reason)
    notes = (f"{skipped} packages were skipped; each is a finding of unknown severity",) if skipped else ()
    return vulns(Scan(uri=URI, version="", findings=findings, not_carried=notes), options, file)


def _findings(entry: _Dependency) -> Iterator[Finding]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', entry.name).lower()}"
    if entry.version:
        purl = f"{purl}@{entry.version}"
    details = {"package": entry.name, "version": entry.version or ""}
    if entry.skip_reason:
        yield Finding(
            f"not-scanned:{entry.name}"[:200], (), purl=purl, details={**details, "reason": entry.skip_reason}
        )
    for found in entry.vulns:
        yield Finding(
            id=found.id,
            severity=(),
            aliases=tuple(found.aliases),
            purl=purl,
            details={**details, "fixed": ", ".join(found.fix_versions)},
        )
