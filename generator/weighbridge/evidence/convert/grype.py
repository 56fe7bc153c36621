"""Grype's JSON report.

Carried: matches, with the severity that Grype gives; matches that Grype ignored (by its own rules, its configuration or
VEX), as suppressed by it; packages that it warns it could not judge, as findings of unknown severity. The report has no
version of its own, so the program's is looked at.

Source: github.com/anchore/grype, `grype/presenter/models`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from weighbridge.catalogue.names import TimeNs, format_time
from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import FindingId, Foreign, Many, Maybe, MaybeTime, Words, none, read
from weighbridge.evidence.convert.report import Conversion, Finding, Options, Scan, Suppression
from weighbridge.evidence.convert.vulns import vulns

if TYPE_CHECKING:
    from collections.abc import Iterator

URI = "https://github.com/anchore/grype"
MAJOR_VERSIONS = ("0",)


class _Fix(Foreign):
    versions: Many[Words] = none()


class _Vulnerability(Foreign):
    id: FindingId
    severity: Maybe = None
    namespace: Maybe = None
    fix: _Fix = _Fix()


class _Related(Foreign):
    id: FindingId


class _Artifact(Foreign):
    name: Words
    version: Maybe = None
    purl: Maybe = None


class _Rule(Foreign):
    reason: Maybe = None
    vex_status: Maybe = Field(default=None, alias="vex-status")
    vex_justification: Maybe = Field(default=None, alias="vex-justification")


class _Match(Foreign):
    vulnerability: _Vulnerability
    related: Many[_Related] = Field(default_factory=list, alias="relatedVulnerabilities")
    artifact: _Artifact
    rules: Many[_Rule] = Field(default_factory=list, alias="appliedIgnoreRules")


class _Alert(Foreign):
    type: FindingId
    message: Maybe = None


class _Alerts(Foreign):
    package: _Artifact
    alerts: Many[_Alert] = none()


class _Status(Foreign):
    built: MaybeTime = None
    schema_version: Maybe = Field(default=None, alias="schemaVersion")
    valid: bool = True
    error: Maybe = None


class _Database(Foreign):
    status: _Status | None = None
    built: MaybeTime = None


class _Descriptor(Foreign):
    name: Words
    version: Words
    db: _Database | None = None
    timestamp: TimeNs | None = None


class _Source(Foreign):
    type: Words
    target: Any = None


class _Image(Foreign):
    image_id: Maybe = Field(default=None, alias="imageID")
    manifest_digest: Maybe = Field(default=None, alias="manifestDigest")
    repo_digests: Many[FindingId] = Field(default_factory=list, alias="repoDigests")


class _Report(Foreign):
    matches: Many[_Match]
    ignored: Many[_Match] = Field(default_factory=list, alias="ignoredMatches")
    alerts: Many[_Alerts] = Field(default_factory=list, alias="alertsByPackage")
    source: _Source
    descriptor: _Descriptor


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The matches of a Grype report.

    Raises:
        InputError: by another program or an unknown major version, not of its form, about another image, or without a
            usable vulnerability database.
    """
    _require_program(document.get("descriptor"), file)
    report = read(_Report, document, file)
    scan = Scan(
        uri=URI,
        version=report.descriptor.version,
        findings=tuple(_findings(report)),
        database=_database(report.descriptor.db, file),
        finished_ns=report.descriptor.timestamp,
        digests=_digests(report.source, file),
    )
    return vulns(scan, options, file)


def _require_program(descriptor: Any, file: str) -> None:
    descriptor = descriptor if isinstance(descriptor, dict) else {}
    name, version = descriptor.get("name"), descriptor.get("version")
    if name != "grype" or not isinstance(version, str) or version.partition(".")[0] not in MAJOR_VERSIONS:
        if name is None and version is None:
            message = "is missing; accepted: grype 0.x"
            raise InputError.single(file, message, "Name a report by `grype -o json`.", field="descriptor")
        message = f"is by {name!r:.50} {version!r:.50}; accepted: grype 0.x"
        raise InputError.single(file, message, "Use a release of Grype that is known here.", field="descriptor.version")


def _findings(report: _Report) -> Iterator[Finding]:
    for match in report.matches:
        yield _finding(match)
    for match in report.ignored:
        yield _finding(match, _suppression(match.rules))
    for entry in report.alerts:
        for alert in entry.alerts:
            # A distribution that is unknown, switched off or out of support has no vulnerabilities to compare with.
            details = {"package": entry.package.name, "version": entry.package.version or ""}
            yield Finding(
                alert.type, (), purl=entry.package.purl or "", details={**details, "alert": alert.message or ""}
            )


def _finding(match: _Match, suppressed: Suppression | None = None) -> Finding:
    found, artifact = match.vulnerability, match.artifact
    details = {
        "package": artifact.name,
        "version": artifact.version,
        "fixed": ", ".join(found.fix.versions),
        "namespace": found.namespace,
    }
    return Finding(
        id=found.id,
        severity=(("grype", found.severity),) if found.severity else (),
        aliases=tuple(related.id for related in match.related if related.id != found.id),
        purl=artifact.purl or "",
        details={name: value for name, value in details.items() if value},
        suppressed=suppressed,
    )


def _suppression(rules: list[_Rule]) -> Suppression:
    reasons = [text for rule in rules for text in (rule.reason, rule.vex_justification) if text]
    status = next((rule.vex_status for rule in rules if rule.vex_status), None)
    return Suppression("grype", status or "ignored", "; ".join(dict.fromkeys(reasons))[:1000], "appliedIgnoreRules")


def _database(database: _Database | None, file: str) -> dict[str, str]:
    status = database.status if database and database.status else _Status()
    built = status.built if status.built is not None else database.built if database else None
    if built is None or not status.valid or status.error:
        reason = f": {status.error}" if status.error else ""
        message = f"names no vulnerability database that was valid{reason}"
        fix = "Update Grype's database and scan again: without one, no matches mean nothing."
        raise InputError.single(file, message, fix, field="descriptor.db")
    version = {"version": status.schema_version} if status.schema_version else {}
    return {**version, "lastUpdate": format_time(built)}


def _digests(source: _Source, file: str) -> frozenset[str]:
    if source.type != "image":
        return frozenset()
    image = read(_Image, source.target, file)
    named = {digest.rpartition("@")[2] for digest in image.repo_digests}
    return frozenset(named | {digest for digest in (image.image_id, image.manifest_digest) if digest})
