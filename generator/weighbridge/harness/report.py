"""What a run of fixtures found, for people, for programs, and for CI systems that read JUnit's XML."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from weighbridge.harness.run import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.harness.judgement import Outcome

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_text(outcomes: Sequence[Outcome]) -> str:
    """Every failure with its reasons, and a summary."""
    lines = []
    for outcome in failed(outcomes):
        lines.append(f"FAILED {outcome.fixture.file}")
        lines += [f"  {failure}" for failure in outcome.failures]
    skipped = {point for outcome in outcomes for point in outcome.fixture.skipped}
    if skipped:
        count = sum(bool(outcome.fixture.skipped) for outcome in outcomes)
        lines.append(
            f"{count} fixtures with live data did not go through {', '.join(sorted(skipped))}: they are not live."
        )
    unasked = {point for outcome in outcomes for point in outcome.unasked}
    if unasked:
        count = sum(bool(outcome.unasked) for outcome in outcomes)
        names = ", ".join(sorted(unasked))
        lines.append(
            f"{count} fixtures did not go through {names}: not asked for (`--points {names.replace(', ', ',')}`)."
        )
    lines.append(f"{len(outcomes)} fixtures, {len(failed(outcomes))} failed; {_points(outcomes)}")
    return "\n".join(lines)


def _points(outcomes: Sequence[Outcome]) -> str:
    asked: dict[str, int] = {}
    for outcome in outcomes:
        for point in outcome.judgements:
            asked[point] = asked.get(point, 0) + 1
    return ", ".join(f"{point} {count}" for point, count in sorted(asked.items()))


def as_json(outcomes: Sequence[Outcome]) -> str:
    """`{"fixtures": [{"file", "passed", "failures", "skipped", "unasked", "seconds", "points"}], "summary"}`."""
    document = {
        "fixtures": [
            {
                "file": outcome.fixture.file,
                "passed": not outcome.failures,
                "failures": list(outcome.failures),
                "skipped": list(outcome.fixture.skipped),
                "unasked": list(outcome.unasked),
                "seconds": round(outcome.seconds, 3),
                "points": {
                    point: {"allowed": said.allowed, "codes": list(said.codes)}
                    for point, said in outcome.judgements.items()
                },
            }
            for outcome in outcomes
        ],
        "summary": {"fixtures": len(outcomes), "failed": len(failed(outcomes))},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_junit(outcomes: Sequence[Outcome]) -> str:
    """JUnit's XML: one test case a fixture and point, so that a skipped point shows as skipped."""
    suite = ET.Element("testsuite", name="weighbridge")
    counts = {"tests": 0, "failures": 0, "skipped": 0}
    for outcome in outcomes:
        case = ET.SubElement(
            suite, "testcase", classname="fixtures", name=_clean(outcome.fixture.file), time=f"{outcome.seconds:.3f}"
        )
        counts["tests"] += 1
        if outcome.failures:
            counts["failures"] += 1
            ET.SubElement(case, "failure", message=_clean(outcome.failures[0])).text = _clean(
                "\n".join(outcome.failures)
            )
        silent = dict.fromkeys(outcome.fixture.skipped, "the point knows no live data")
        for point, why in (silent | dict.fromkeys(outcome.unasked, "nobody asked for the point")).items():
            other = ET.SubElement(suite, "testcase", classname=point, name=_clean(outcome.fixture.file), time="0")
            counts["tests"] += 1
            counts["skipped"] += 1
            ET.SubElement(other, "skipped", message=why)
    for name, count in counts.items():
        suite.set(name, str(count))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
