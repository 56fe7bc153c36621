"""Trivy's JSON report, SchemaVersion 2.

Carried: vulnerabilities, with the severity that Trivy chose and whose word it is; those that Trivy's own VEX and ignore
files suppressed, if it was asked to show them. Counted, not carried: secrets, misconfigurations, licenses. What an
ignore file hid without a trace nobody can tell.

Source: github.com/aquasecurity/trivy, `pkg/types/report.go`, `pkg/fanal/artifact`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from weighbridge.catalogue.names import TimeNs
from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import (
    Counted,
    FindingId,
    Foreign,
    Many,
    Maybe,
    read,
    require_version,
)
from weighbridge.evidence.convert.report import Conversion, Finding, Options, Scan, Suppression
from weighbridge.evidence.convert.vulns import vulns

if TYPE_CHECKING:
    from collections.abc import Iterator

URI = "https://github.com/aquasecurity/trivy"
SCHEMA_VERSIONS = (2,)
_PACKAGES = frozenset({"os-pkgs", "lang-pkgs"})
"""Classes of results in which Trivy compares packages with its database."""


class _Identifier(Foreign):
    purl: Maybe = Field(default=None, alias="PURL")


class _Vulnerability(Foreign):
    id: FindingId = Field(alias="VulnerabilityID")
    package: Maybe = Field(default=None, alias="PkgName")
    path: Maybe = Field(default=None, alias="PkgPath")
    identifier: _Identifier = Field(default=_Identifier(), alias="PkgIdentifier")
    installed: Maybe = Field(default=None, alias="InstalledVersion")
    fixed: Maybe = Field(default=None, alias="FixedVersion")
    severity: Maybe = Field(default=None, alias="Severity")
    severity_source: Maybe = Field(default=None, alias="SeveritySource")
    vendor_ids: Many[FindingId] = Field(default_factory=list, alias="VendorIDs")


class _Modified(Foreign):
    type: Maybe = Field(default=None, alias="Type")
    status: Maybe = Field(default=None, alias="Status")
    statement: Maybe = Field(default=None, alias="Statement")
    source: Maybe = Field(default=None, alias="Source")
    finding: dict[str, Any] = Field(default_factory=dict, alias="Finding")


class _Misconfiguration(Foreign):
    status: Maybe = Field(default=None, alias="Status")


class _Result(Foreign):
    target: Maybe = Field(default=None, alias="Target")
    kind: Maybe = Field(default=None, alias="Class")
    vulnerabilities: Many[_Vulnerability] = Field(default_factory=list, alias="Vulnerabilities")
    modified: Many[_Modified] = Field(default_factory=list, alias="ExperimentalModifiedFindings")
    secrets: Counted = Field(default_factory=list, alias="Secrets")
    misconfigurations: Many[_Misconfiguration] = Field(default_factory=list, alias="Misconfigurations")
    licenses: Counted = Field(default_factory=list, alias="Licenses")


class _System(Foreign):
    family: Maybe = Field(default=None, alias="Family")
    name: Maybe = Field(default=None, alias="Name")
    end_of_life: bool = Field(default=False, alias="EOSL")


class _Metadata(Foreign):
    system: _System | None = Field(default=None, alias="OS")
    image_id: Maybe = Field(default=None, alias="ImageID")
    repo_digests: Many[FindingId] = Field(default_factory=list, alias="RepoDigests")


class _Program(Foreign):
    version: Maybe = Field(default=None, alias="Version")


class _Report(Foreign):
    created: TimeNs | None = Field(default=None, alias="CreatedAt")
    kind: Maybe = Field(default=None, alias="ArtifactType")
    metadata: _Metadata = Field(default=_Metadata(), alias="Metadata")
    results: Many[_Result] = Field(default_factory=list, alias="Results")
    program: _Program = Field(default=_Program(), alias="Trivy")


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The vulnerabilities of a Trivy report.

    Raises:
        InputError: of another SchemaVersion, not of its form, about another image, or without proof that packages
            were compared with a database.
    """
    require_version(document.get("SchemaVersion"), SCHEMA_VERSIONS, "SchemaVersion", file)
    report = read(_Report, document, file)
    _require_scan(report, file)
    findings = [*_findings(report), *_end_of_life(report)]
    modified = [found for result in report.results for found in _modified(result, file)]
    scan = Scan(
        uri=URI,
        version=report.program.version or "",
        findings=(*findings, *modified),
        finished_ns=report.created,
        digests=_digests(report.metadata),
        not_carried=_not_carried(report),
    )
    return vulns(scan, options, file)


def _require_scan(report: _Report, file: str) -> None:
    if not any(result.kind in _PACKAGES for result in report.results):
        system = report.metadata.system
        seen = f"operating system {system.family} {system.name}" if system else "no operating system"
        message = f"proves no vulnerability scan: no result of class os-pkgs or lang-pkgs ({seen})"
        fix = "Scan what Trivy supports, with --scanners vuln; an empty report of anything else says nothing."
        raise InputError.single(file, message, fix, field="Results")


def _findings(report: _Report) -> Iterator[Finding]:
    for result in report.results:
        for found in result.vulnerabilities:
            yield _finding(found, result.target)


def _finding(found: _Vulnerability, target: str | None, suppressed: Suppression | None = None) -> Finding:
    severity = ((found.severity_source or "trivy", found.severity),) if found.severity else ()
    details = {
        "package": found.package,
        "version": found.installed,
        "fixed": found.fixed,
        "target": target,
        "path": found.path,
    }
    return Finding(
        id=found.id,
        severity=severity,
        aliases=tuple(found.vendor_ids),
        purl=found.identifier.purl or "",
        details={name: value for name, value in details.items() if value},
        suppressed=suppressed,
    )


def _end_of_life(report: _Report) -> Iterator[Finding]:
    """Nobody publishes vulnerabilities for a system that is out of support: finding none says nothing."""
    system = report.metadata.system
    if system and system.end_of_life:
        name = "-".join(part for part in (system.family, system.name) if part).replace(" ", "-")
        yield Finding(f"end-of-life:{name}"[:200], (), details={"target": "operating system out of support"})


def _modified(result: _Result, file: str) -> Iterator[Finding]:
    for entry in result.modified:
        if entry.type != "vulnerability":
            continue
        found = read(_Vulnerability, entry.finding, file)
        said = Suppression("trivy", entry.status or "ignored", entry.statement or "", entry.source or "")
        yield _finding(found, result.target, said)


def _digests(metadata: _Metadata) -> frozenset[str]:
    named = {digest.rpartition("@")[2] for digest in metadata.repo_digests}
    return frozenset(named | ({metadata.image_id} if metadata.image_id else set()))


def _not_carried(report: _Report) -> tuple[str, ...]:
    failed = [found for result in report.results for found in result.misconfigurations if found.status == "FAIL"]
    others = [found for result in report.results for found in result.modified if found.type != "vulnerability"]
    counts = {
        "secrets": sum(len(result.secrets) for result in report.results),
        "misconfigurations": len(failed),
        "licenses": sum(len(result.licenses) for result in report.results),
        "suppressed findings of another kind": len(others),
    }
    return tuple(f"{count} {kind} are not carried" for kind, count in counts.items() if count)
