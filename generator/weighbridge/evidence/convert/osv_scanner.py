"""OSV-Scanner's JSON report, versions 1 and 2, which agree in what is read here.

One finding is one group: the ids under which several databases know one vulnerability. Its severity is the highest
CVSS score of the group, as the program computed it, and what the databases say in words; without either it is unknown.
CVSS vectors are not scored here. The report lists packages without findings only if it was asked to (`--all-packages`),
and without any package it proves nothing. It does not say when it was made, nor that the program failed: without a
database it lists every package, no finding, and only the exit status (127) tells. So the exit status must be given.

Source: github.com/google/osv-scanner, `pkg/models/results.go`; OSV schema, `severity` and `database_specific`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import FindingId, Foreign, Many, Maybe, Words, none, read
from weighbridge.evidence.convert.report import UNKNOWN, Conversion, Finding, Options, Scan, require_exit
from weighbridge.evidence.convert.vulns import vulns

if TYPE_CHECKING:
    from collections.abc import Iterator

URI = "https://github.com/google/osv-scanner"
_PURL_TYPES = {"PyPI": "pypi", "npm": "npm", "Go": "golang", "crates.io": "cargo", "RubyGems": "gem", "NuGet": "nuget"}
"""Ecosystems whose package names are what a package URL says."""


class _Package(Foreign):
    name: Words
    version: Maybe = None
    ecosystem: Maybe = None
    commit: Maybe = None


class _Specific(Foreign):
    severity: Any = None


class _Vulnerability(Foreign):
    id: FindingId
    aliases: Many[FindingId] = none()
    database_specific: _Specific | None = None


class _Group(Foreign):
    ids: Many[FindingId] = Field(min_length=1)
    aliases: Many[FindingId] = none()
    max_severity: Maybe = None


class _PackageResult(Foreign):
    package: _Package
    vulnerabilities: Many[_Vulnerability] = none()
    groups: Many[_Group] = none()


class _Source(Foreign):
    path: Maybe = None


class _Result(Foreign):
    source: _Source
    packages: Many[_PackageResult] = none()


class _Report(Foreign):
    results: Many[_Result]


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The vulnerabilities of an OSV-Scanner report.

    Raises:
        InputError: not of its form, without the time of the scan, or without any package.
    """
    report = read(_Report, document, file)
    if not any(result.packages for result in report.results):
        fix = "Scan with --all-packages, so that the report says what was looked at."
        raise InputError.single(file, "names no package, so it does not prove a scan", fix, field="results")
    findings = tuple(
        finding for result in report.results for entry in result.packages for finding in _findings(entry, result.source)
    )
    require_exit(options, bool(findings), file)
    return vulns(Scan(uri=URI, version="", findings=findings), options, file)


def _findings(entry: _PackageResult, source: _Source) -> Iterator[Finding]:
    known = {found.id: found for found in entry.vulnerabilities}
    grouped = {name for group in entry.groups for name in group.ids}
    alone = [_Group(ids=[name]) for name in known if name not in grouped]
    for group in (*entry.groups, *alone):
        members = [known[name] for name in group.ids if name in known]
        aliases = {*group.ids, *group.aliases, *(alias for found in members for alias in found.aliases)}
        details = {"package": entry.package.name, "version": entry.package.version, "path": source.path}
        yield Finding(
            id=group.ids[0],
            severity=_severity(group, members),
            aliases=tuple(sorted(aliases - {group.ids[0]})),
            purl=_purl(entry.package),
            details={name: value for name, value in details.items() if value},
        )


def _severity(group: _Group, members: list[_Vulnerability]) -> tuple[tuple[str, str], ...]:
    said = [("CVSS", group.max_severity)] if group.max_severity else []
    for found in members:
        word = found.database_specific.severity if found.database_specific else None
        if word is not None:
            said.append((found.id.partition("-")[0], word if isinstance(word, str) and word else UNKNOWN))
    return tuple(dict.fromkeys(said))


def _purl(package: _Package) -> str:
    kind = _PURL_TYPES.get(package.ecosystem or "")
    return f"pkg:{kind}/{package.name}@{package.version}" if kind and package.version else ""
