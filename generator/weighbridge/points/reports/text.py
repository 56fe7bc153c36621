"""The report for people: by object, the worst first, with places that an editor opens."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.points.report import Report, Result, Violation

_COLOURS = {"critical": "red", "high": "red", "medium": "yellow", "low": "cyan"}


def as_text(report: Report) -> str:
    """Every violation and a summary; colours are for whoever prints it to take away where there is no terminal."""
    lines: list[str] = []
    for result in report.results:
        if result.violations:
            lines += [_head(result), *(_line(result, violation) for violation in result.violations), ""]
    lines += [
        f"not judged: {_printable(each.file)}, document {each.document}: {_printable(each.reason)}"
        for each in report.not_judged
    ]
    lines.append(_summary(report))
    return "\n".join(lines)


def _head(result: Result) -> str:
    verdict = click.style("denied", fg="red", bold=True) if result.denied else click.style("allowed", fg="green")
    where = f"{result.file}, document {result.document}" + (f", from {result.source}" if result.source else "")
    return f"{verdict}: {_printable(result.title)} ({_printable(where)})"


def _line(result: Result, violation: Violation) -> str:
    severity = click.style(violation.severity, fg=_COLOURS[violation.severity])
    # A file called `::error ...` must not become a command of the CI system that shows this.
    file = f"./{result.file}" if result.file.startswith(":") else result.file
    place = f"{_printable(file)}:{violation.line}:{violation.column}"
    effect = violation.effect if violation.effect == "deny" else click.style(violation.effect, dim=True)
    return f"  {place}: {effect} {violation.code} ({severity}): {_printable(violation.message)}"


def _summary(report: Report) -> str:
    denied = sum(result.denied for result in report.results)
    effects = Counter(violation.effect for result in report.results for violation in result.violations)
    counted = ", ".join(f"{count} {effect}" for effect, count in _ordered(effects))
    parts = [f"{report.environment}: {len(report.results) - denied} allowed, {denied} denied"]
    parts += [f"violations: {counted}"] if counted else []
    parts += [f"{len(report.not_judged)} not judged"] if report.not_judged else []
    return "; ".join(parts)


def _ordered(effects: Counter[str]) -> Iterator[tuple[str, int]]:
    order = ("deny", "warn", "dry-run", "waived")
    return ((effect, effects[effect]) for effect in order if effects[effect])


def _printable(text: str) -> str:
    # What a stranger put into a name must not draw over the rest of the terminal, nor begin another line.
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
