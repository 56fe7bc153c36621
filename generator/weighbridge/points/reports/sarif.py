"""SARIF 2.1.0 (OASIS), as GitHub's code scanning and others take it.

Sections: 3.14 run, 3.19 driver, 3.27 result, 3.28 location, 3.35 suppression, 3.49 rule. `security-severity` is
GitHub's convention. A fingerprint names the object and what is wrong with it, not its line, so that a finding stays the
same one when lines move.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weighbridge import __version__
from weighbridge.canonical import sha256_hex
from weighbridge.points.reports.places import reported_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weighbridge.points.report import NotJudged, Report, Result, Violation
    from weighbridge.points.rule_help import RuleHelp

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULE_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_LEVELS = {"deny": "error", "warn": "warning", "dry-run": "note", "waived": "error"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""In the middle of what GitHub calls so."""
_ROOT = "%SRCROOT%"


def as_sarif(report: Report, rules: Sequence[RuleHelp], folder: Path) -> str:
    """One run: the rules with their help, and a result a violation.

    Args:
        report: what to tell.
        rules: of the compiled policy.
        folder: what relative addresses start from.
    """
    known = {rule.code: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    results = [
        _result(result, violation, known, seen, folder) for result in report.results for violation in result.violations
    ]
    driver = {"name": "Weighbridge", "semanticVersion": __version__, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"weighbridge/{report.environment}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(each) for each in report.not_judged],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(rule: RuleHelp) -> dict[str, Any]:
    links = "\n".join(f"- [{title}]({address})" for title, address in rule.related)
    markdown = f"{rule.description}\n\n**Fix:** {rule.fix}" + (f"\n\n{links}" if links else "")
    document: dict[str, Any] = {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description},
        "help": {"text": f"{rule.description}\n\nFix: {rule.fix}", "markdown": markdown},
        "defaultConfiguration": {"level": _RULE_LEVELS.get(rule.severity, "error")},
        "properties": {"security-severity": _SCORES.get(rule.severity, "8.0"), "tags": ["security"]},
    }
    return document | ({"helpUri": rule.related[0][1]} if rule.related else {})


def _result(
    result: Result, violation: Violation, known: dict[str, int], seen: Counter[str], folder: Path
) -> dict[str, Any]:
    file, exact = reported_file(result, folder)
    identity = json.dumps([violation.code, file, result.kind, result.name, violation.message])
    # Of several alike, the first stays the first when lines move.
    seen[identity] += 1
    fingerprint = sha256_hex(f"{identity}#{seen[identity]}".encode("utf-8", "surrogatepass"))
    place = "" if exact else f" (line {violation.line} of what was piped in)"
    document: dict[str, Any] = {
        "ruleId": violation.code,
        "level": _LEVELS[violation.effect],
        "message": {"text": f"{violation.message}{place}"},
        "locations": [_location(result, violation, file, exact=exact)],
        "partialFingerprints": {"weighbridgeViolation/v1": fingerprint},
        "properties": {"effect": violation.effect, "severity": violation.severity, "document": result.document},
    }
    if violation.code in known:
        document["ruleIndex"] = known[violation.code]
    if violation.effect == "waived":
        document["suppressions"] = [{"kind": "external", "status": "accepted", "justification": "a signed waiver"}]
    return document


def _location(result: Result, violation: Violation, file: str, *, exact: bool) -> dict[str, Any]:
    region = {"startLine": violation.line, "startColumn": violation.column} if exact else {"startLine": 1}
    artifact = {"uri": quote(file or "stdin", safe="/~")} | ({} if file.startswith("/") else {"uriBaseId": _ROOT})
    if file.startswith("/"):
        artifact["uri"] = f"file://{artifact['uri']}"
    return {
        "physicalLocation": {"artifactLocation": artifact, "region": region},
        "logicalLocations": [{"name": result.name, "fullyQualifiedName": result.title, "kind": "object"}],
    }


def _notification(each: NotJudged) -> dict[str, Any]:
    text = f"{each.file}, document {each.document}: {each.reason}"
    return {"level": "note", "message": {"text": text}}
