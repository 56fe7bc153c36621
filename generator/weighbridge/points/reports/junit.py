"""JUnit's XML: a test case a document, failed where it is denied, as Jenkins and GitLab read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from weighbridge.points.report import Report, Result, Violation

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """One suite, named after the environment; what is no Kubernetes object shows as skipped."""
    denied = sum(result.denied for result in report.results)
    counts = {
        "tests": str(len(report.results) + len(report.not_judged)),
        "failures": str(denied),
        "errors": "0",
        "skipped": str(len(report.not_judged)),
        "time": "0",
    }
    whole = {name: count for name, count in counts.items() if name != "skipped"}
    root = ET.Element("testsuites", {"name": "weighbridge check", **whole})
    suite = ET.SubElement(root, "testsuite", {"name": f"weighbridge check {report.environment}", **counts})
    for result in report.results:
        _case(suite, result)
    for each in report.not_judged:
        name = _clean(f"document {each.document}")
        case = ET.SubElement(suite, "testcase", classname=_clean(each.file), name=name, time="0")
        ET.SubElement(case, "skipped", message=_clean(each.reason))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _case(suite: ET.Element, result: Result) -> None:
    name = f"{result.title} (document {result.document})"
    file = result.source or result.file
    case = ET.SubElement(suite, "testcase", classname=_clean(file), name=_clean(name), time="0")
    denying = [violation for violation in result.violations if violation.effect == "deny"]
    others = [violation for violation in result.violations if violation.effect != "deny"]
    if denying:
        codes = ", ".join(dict.fromkeys(violation.code for violation in denying))
        failure = ET.SubElement(case, "failure", message=_clean(f"denied: {codes}"), type="denied")
        failure.text = _clean("\n".join(_line(result, violation) for violation in denying))
    if others:
        ET.SubElement(case, "system-out").text = _clean("\n".join(_line(result, each) for each in others))


def _line(result: Result, violation: Violation) -> str:
    place = f"{result.file}:{violation.line}:{violation.column}"
    return f"{place}: {violation.effect} {violation.code} ({violation.severity}): {violation.message}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
