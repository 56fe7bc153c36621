"""The forms of a report: each valid by its own rules, whatever names a stranger chose."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import jsonschema
import junitparser
import pytest

from weighbridge.points.report import NotJudged, Report, Result, Violation
from weighbridge.points.reports.github import as_github
from weighbridge.points.reports.junit import as_junit
from weighbridge.points.reports.sarif import as_sarif
from weighbridge.points.reports.text import as_text
from weighbridge.points.rule_help import RuleHelp

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "sarif-2.1.0.json").read_text())
RULES = [
    RuleHelp("MOD-008", "Pinned", "A tag can be moved.", "high", "Pin it.", (("Images", "https://example.com/i"),)),
    RuleHelp("USR-900", "Ours", "Ours.", "medium", "", ()),
]
HOSTILE = 'a%\r\n::error title=x,y::z:<&>"\x1b[31m\x00\ud800'


def violation(code="MOD-008", effect="deny", severity="high", message="m", line=3):
    return Violation(code, severity, effect, message, line, 5)


def report(*results, not_judged=()):
    return Report("prod", tuple(results), tuple(not_judged))


def result(*violations, file="a/b.yaml", name="web", source=""):
    return Result(file, 1, "Pod", name, violations, source)


def sarif(given, folder="/checkout"):
    log = json.loads(as_sarif(given, RULES, Path(folder)))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    return log["runs"][0]


@pytest.mark.parametrize(
    ("effect", "level", "command"),
    [
        ("deny", "error", "error"),
        ("warn", "warning", "warning"),
        ("dry-run", "note", "notice"),
        ("waived", "error", "notice"),
    ],
)
def test_every_effect_is_shown_and_only_deny_denies(effect, level, command):
    given = report(result(violation(effect=effect)))
    assert given.denied == (effect == "deny")
    (found,) = sarif(given)["results"]
    assert found["level"] == level
    assert ("suppressions" in found) == (effect == "waived")
    assert as_github(given, Path("/")).startswith(f"::{command} file=a/b.yaml,line=3,col=5,title=MOD-008 (high")
    suite = ET.fromstring(as_junit(given))[0]
    assert suite.get("failures") == ("1" if effect == "deny" else "0")
    assert (suite[0].find("failure") is not None) == (effect == "deny")
    assert f"a/b.yaml:3:5: {effect} MOD-008" in click.unstyle(as_text(given))


def test_rules_have_help_and_results_name_them():
    run = sarif(report(result(violation(), violation("POD-999"))))
    rules = run["tool"]["driver"]["rules"]
    assert rules[0]["helpUri"] == "https://example.com/i"
    assert "Pin it." in rules[0]["help"]["markdown"]
    assert rules[0]["properties"]["security-severity"] == "8.0"
    assert [each.get("ruleIndex") for each in run["results"]] == [0, None]


def test_fingerprints_stay_when_lines_move_and_differ_within_a_run():
    def prints(*lines):
        run = sarif(report(result(*(violation(line=line) for line in lines))))
        return [each["partialFingerprints"]["weighbridgeViolation/v1"] for each in run["results"]]

    assert prints(3, 9) == prints(30, 90)
    assert len(set(prints(3, 9))) == 2


@pytest.mark.parametrize(
    ("file", "source", "uri", "line"),
    [
        ("a b/c#d.yaml", "", "a%20b/c%23d.yaml", 3),
        ("/checkout/x.yaml", "", "x.yaml", 3),
        ("/else/x.yaml", "", "file:///else/x.yaml", 3),
        ("-", "", "stdin", 1),
        ("-", "web/templates/a.yaml", "web/templates/a.yaml", 1),
        ("-", "../../etc/passwd", "stdin", 1),
        ("-", "/etc/passwd", "stdin", 1),
    ],
)
def test_addresses_are_relative_to_the_checkout_and_lead_nowhere_else(file, source, uri, line):
    place = sarif(report(result(violation(), file=file, source=source)))["results"][0]["locations"][0][
        "physicalLocation"
    ]
    assert place["artifactLocation"]["uri"] == uri
    assert ("uriBaseId" in place["artifactLocation"]) == (not uri.startswith("file:"))
    assert place["region"]["startLine"] == line


def test_whatever_a_stranger_calls_things_no_form_breaks():
    given = report(
        result(violation(message=HOSTILE), file=f"::{HOSTILE[:-1]}.yaml", name=HOSTILE, source=HOSTILE),
        not_judged=[NotJudged(HOSTILE[:-1], 1, HOSTILE)],
    )
    github = as_github(given, Path("/"))
    lines = github.split("\n")
    assert len(lines) == 3
    assert lines[0].count("::") == 2 + HOSTILE.count("::")
    properties = lines[0].split(" ", 1)[1].split("::")[0]
    assert len(properties.split(",")) == 4
    suite = ET.fromstring(as_junit(given).encode("utf-8", "replace"))[0]
    assert [case.get("classname") is not None for case in suite] == [True, True]
    text = click.unstyle(as_text(given))
    assert text.isprintable() or "\x1b" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    sarif(given)


def test_another_reader_of_junit_understands_it():
    """Elements and attributes are those of the schema that Jenkins' plugin has (junit-10), and nothing else."""
    mixed = result(violation(), violation("POD-022", effect="warn", message="n"), name="bad")
    softened = result(violation(effect="waived"), file=HOSTILE[:-1], name=HOSTILE)
    given = as_junit(report(result(name="good"), mixed, softened, not_judged=[NotJudged("values.yaml", 2, "no kind")]))
    (suite,) = read = junitparser.JUnitXml.fromstring(given.encode("utf-8", "replace"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 0, 1)
    assert (read.tests, read.failures, read.errors) == (4, 1, 0)
    good, bad, waived, left_out = suite
    assert [case.is_passed for case in (good, bad, waived)] == [True, False, True]
    (failure,) = bad.result
    assert (failure.message, failure.type) == ("denied: MOD-008", "denied")
    assert failure.text.strip() == "a/b.yaml:3:5: deny MOD-008 (high): m"
    assert bad.system_out == "a/b.yaml:3:5: warn POD-022 (high): n"
    assert (left_out.is_skipped, left_out.result[0].message) == (True, "no kind")
    attributes = {
        "testsuites": {"name", "time", "tests", "failures", "errors"},
        "testsuite": {"name", "time", "tests", "failures", "errors", "skipped"},
        "testcase": {"name", "time", "classname"},
        "failure": {"type", "message"},
        "skipped": {"message"},
        "system-out": set(),
    }
    for element in ET.fromstring(given.encode("utf-8", "replace")).iter():
        assert set(element.keys()) == attributes[element.tag]


def test_the_contracted_json():
    document = report(result(violation()), not_judged=[NotJudged("values.yaml", 1, "no")]).document()
    assert set(document) == {"environment", "results", "summary"}
    assert set(document["results"][0]) == {"file", "document", "kind", "name", "violations"}
    assert set(document["results"][0]["violations"][0]) == {"code", "severity", "effect", "message", "line", "column"}
    assert document["summary"]["not_judged"][0]["file"] == "values.yaml"
