"""GitHub's workflow commands: one annotation a violation, at its line of the pull request.

Syntax: docs.github.com, "Workflow commands for GitHub Actions"; escapes as in actions/toolkit, `command.ts`. GitHub
shows ten annotations of each kind a step, so what denies comes first, the worst before the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.points.report import EFFECTS, SEVERITIES
from weighbridge.points.reports.places import reported_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from weighbridge.points.report import Report, Result, Violation

_COMMANDS = {"deny": "error", "warn": "warning", "dry-run": "notice", "waived": "notice"}


def as_github(report: Report, folder: Path) -> str:
    """Annotations, and the summary as an ordinary line.

    Args:
        report: what to tell.
        folder: where the checkout is, which GitHub's paths are relative to.
    """
    found = [(result, violation) for result in report.results for violation in result.violations]
    found.sort(key=lambda each: (EFFECTS.index(each[1].effect), SEVERITIES.index(each[1].severity)))
    lines = [_annotation(result, violation, folder) for result, violation in found]
    lines += [
        annotation("notice", {"file": each.file, "title": "not judged"}, each.reason) for each in report.not_judged
    ]
    denied = sum(result.denied for result in report.results)
    lines.append(f"{report.environment}: {len(report.results) - denied} allowed, {denied} denied")
    return "\n".join(lines)


def annotation(command: str, properties: Mapping[str, str], message: str) -> str:
    """One workflow command, with whatever a stranger wrote escaped.

    Args:
        command: `error`, `warning` or `notice`.
        properties: such as `file`, `line`, `col` and `title`.
        message: what it says.
    """
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {named}::{_data(message)}"


def _annotation(result: Result, violation: Violation, folder: Path) -> str:
    file, exact = reported_file(result, folder)
    properties = {"file": file} if file else {}
    if exact:
        properties |= {"line": str(violation.line), "col": str(violation.column)}
    effect = "" if violation.effect == "deny" else f", {violation.effect}"
    properties["title"] = f"{violation.code} ({violation.severity}{effect}) {result.title}"
    place = "" if exact else f" (line {violation.line} of what was piped in)"
    return annotation(_COMMANDS[violation.effect], properties, violation.message + place)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
