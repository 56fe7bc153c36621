"""SARIF: what it says of severity, rules, suppressions and success, as a scan and as a test result."""

import json

import pytest

from weighbridge.errors import InputError
from weighbridge.evidence.convert.formats import convert
from weighbridge.evidence.convert.report import Options

DIGEST = "sha256:" + "d" * 64
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
CALL = {"executionSuccessful": True, "startTimeUtc": "2026-01-02T00:00:00Z", "endTimeUtc": "2026-01-02T00:01:00.5Z"}
RULES = [
    {"id": "R1", "properties": {"security-severity": "9.8"}, "defaultConfiguration": {"level": "error"}},
    {"id": "R2", "defaultConfiguration": {"level": "note"}},
    {"id": "R3"},
]


def run(*results, rules=RULES, calls=(CALL,), tool="scan", **fields):
    driver = {"name": tool, "version": "1.2", "informationUri": "https://example.com/scan", "rules": rules}
    given = {"tool": {"driver": driver}, "invocations": list(calls), "results": list(results), **fields}
    return {name: value for name, value in given.items() if value is not None}


def converted(*runs, predicate_type=None, version="2.1.0", **options):
    data = json.dumps({"version": version, "runs": list(runs)}).encode()
    return convert("auto", data, "log.sarif", Options(DIGEST, predicate_type=predicate_type, **options))


def findings(*results, **fields):
    return [
        (entry["id"], entry["severity"][0]["score"], "suppressed" in entry)
        for entry in converted(run(*results, **fields)).predicate["scanner"]["result"]
    ]


def test_a_finding_has_the_security_severity_of_its_rule_or_its_own():
    assert findings({"ruleId": "R1"}) == [("R1", "9.8", False)]
    assert findings({"ruleId": "R1/sub"}) == [("R1/sub", "9.8", False)]
    assert findings({"ruleIndex": 0}) == [("R1", "9.8", False)]
    assert findings({"rule": {"id": "R1", "index": 0}}) == [("R1", "9.8", False)]
    assert findings({"ruleId": "R1", "properties": {"security-severity": 1.5}}) == [("R1", "1.5", False)]
    assert findings({"ruleId": "R2", "level": "error"}) == [("R2", "unknown", False)]
    assert findings({"ruleId": "R9"}) == [("R9", "unknown", False)]


@pytest.mark.parametrize("score", [True, [], {"a": 1}, ["0.1"]])
def test_a_severity_that_is_no_number_is_unknown(score):
    assert findings({"ruleId": "R2", "properties": {"security-severity": score}}) == [("R2", "unknown", False)]


def test_an_index_cannot_lend_the_severity_of_another_rule():
    harmless = [{"id": "none", "properties": {"security-severity": "0.0"}}]
    assert findings({"ruleId": "R1", "ruleIndex": 0}, rules=harmless) == [("R1", "unknown", False)]
    assert findings({"ruleId": "R1", "ruleIndex": 7}) == [("R1", "unknown", False)]
    assert findings({"ruleId": "R1", "rule": {"toolComponent": {"index": 3}}}) == [("R1", "unknown", False)]


def test_a_rule_of_an_extension_is_looked_up_there():
    tool = {"driver": {"name": "scan", "rules": RULES}, "extensions": [{"name": "pack", "rules": [{"id": "R1"}]}]}
    report = run({"rule": {"id": "R1", "index": 0, "toolComponent": {"index": 0}}})
    report["tool"] = tool
    assert converted(report).predicate["scanner"]["result"][0]["severity"][0]["score"] == "unknown"


def test_of_two_rules_with_one_id_neither_is_meant():
    twice = [RULES[0], {"id": "R1", "properties": {"security-severity": "0.0"}}]
    assert findings({"ruleId": "R1"}, rules=twice) == [("R1", "unknown", False)]
    assert findings({"ruleId": "R1", "ruleIndex": 0}, rules=twice) == [("R1", "9.8", False)]


def test_what_is_no_finding_is_left_out_and_counted():
    conversion = converted(
        run(
            {"ruleId": "R1", "baselineState": "absent"},
            {"ruleId": "R1", "kind": "pass"},
            {"ruleId": "R1", "kind": "informational"},
            {"ruleId": "R1", "kind": "notApplicable"},
            {"ruleId": "R1", "kind": "review"},
            {"ruleId": "R1", "kind": "open"},
            {"ruleId": "R1", "baselineState": "unchanged"},
        )
    )
    assert len(conversion.predicate["scanner"]["result"]) == 3
    assert conversion.notes == ("4 results are no findings: absent, passed or informational",)


@pytest.mark.parametrize(
    ("suppressions", "counts"),
    [
        ([{"kind": "external", "justification": "false alarm"}], True),
        ([{"kind": "inSource", "status": "accepted", "justification": "false alarm"}], True),
        ([{"kind": "external", "justification": "a"}, {"kind": "inSource"}], True),
        ([{"kind": "inSource"}], False),
        ([{"kind": "external", "status": "underReview", "justification": "a"}], False),
        ([{"justification": "a"}, {"status": "rejected", "justification": "no"}], False),
        ([], False),
        (None, False),
    ],
)
def test_a_suppression_needs_acceptance_and_a_reason(suppressions, counts):
    assert findings({"ruleId": "R1", "suppressions": suppressions}) == [("R1", "9.8", counts)]


def test_all_runs_of_one_tool_count_and_the_first_to_end_dates_them():
    later = {"executionSuccessful": True, "startTimeUtc": "2026-01-03T00:00:00Z", "endTimeUtc": "2026-01-03T00:00:00Z"}
    predicate = converted(run({"ruleId": "R1"}), run({"ruleId": "R2"}, calls=[later])).predicate
    assert [entry["id"] for entry in predicate["scanner"]["result"]] == ["R1", "R2"]
    assert predicate["metadata"] == {
        "scanStartedOn": "2026-01-02T00:00:00Z",
        "scanFinishedOn": "2026-01-02T00:01:00Z",
    }
    assert predicate["scanner"]["uri"] == "https://example.com/scan"
    assert predicate["scanner"]["version"] == "1.2"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([run(calls=[{**CALL, "executionSuccessful": False}])], "did not succeed"),
        ([run(calls=[CALL, {**CALL, "executionSuccessful": False}])], "did not succeed"),
        ([run(calls=[{"endTimeUtc": CALL["endTimeUtc"]}])], "executionSuccessful: is missing"),
        ([run(calls=[{**CALL, "executionSuccessful": "true"}])], "executionSuccessful"),
        ([run(calls=[{**CALL, "toolExecutionNotifications": [{"level": "error"}]}])], "did not succeed"),
        ([run(results=None)], "has no results, so the tool did not look"),
        ([run(), run(tool="other")], "several tools: other, scan"),
        ([run(calls=[])], "does not tell whether the program succeeded"),
        ([run(calls=[{"executionSuccessful": True}])], "does not say when the scan took place"),
        ([run({"message": {"text": "x"}})], "names no rule for result 0"),
        ([run({"ruleId": "R1", "kind": "unknown"})], "kind"),
        ([run({"ruleId": "R1", "level": "fatal"})], "level"),
        ([run({"ruleId": "R 1"})], "ruleId"),
        ([run({"ruleId": 1})], "ruleId"),
        ([run({"ruleId": "R1", "baselineState": "gone"})], "baselineState"),
        ([run("R1")], "mapping"),
        ([run({"ruleId": "R1", "ruleIndex": -2})], "ruleIndex"),
        ([], "runs"),
        ([run(calls=[{**CALL, "startTimeUtc": "2026-02-01T00:00:00Z"}])], "finished before it started"),
        ([run(properties={"repoDigests": ["x@sha256:" + "7" * 64]})], "is a report about sha256:777"),
    ],
)
def test_what_proves_no_scan_is_refused(runs, expected):
    with pytest.raises(InputError, match=expected):
        converted(*runs)


@pytest.mark.parametrize("version", ["2.0.0", "2.2.0", "3.0", 2.1, None, ""])
def test_another_version_is_refused_by_its_name(version):
    with pytest.raises(InputError, match=r"accepted: 2\.1\.0"):
        converted(run(), version=version)


@pytest.mark.parametrize(
    ("results", "verdict", "failed", "warned"),
    [
        ([], "PASSED", [], []),
        ([{"ruleId": "R1"}], "FAILED", ["R1"], []),
        ([{"ruleId": "R2"}], "PASSED", [], []),
        ([{"ruleId": "R3"}], "WARNED", [], ["R3"]),
        ([{"ruleId": "R1", "suppressions": [{"justification": "no"}]}], "WARNED", [], ["R1"]),
        ([{"ruleId": "R1", "suppressions": [{}]}], "FAILED", ["R1"], []),
        ([{"ruleId": "R2", "kind": "review"}], "WARNED", [], ["R2"]),
        ([{"ruleId": "R1"}, {"ruleId": "R1", "level": "warning"}], "FAILED", ["R1"], []),
        ([{"ruleId": "R1", "baselineState": "absent"}], "PASSED", [], []),
    ],
)
def test_as_a_test_result_levels_decide(results, verdict, failed, warned):
    conversion = converted(run(*results), predicate_type=TEST_RESULT)
    assert conversion.predicate_type == TEST_RESULT
    predicate = conversion.predicate
    assert (predicate["result"], predicate["failedTests"], predicate["warnedTests"]) == (verdict, failed, warned)
    assert set(predicate["passedTests"]) == {"R1", "R2", "R3"} - {*failed, *warned}
    with pytest.raises(InputError):
        converted(run(), predicate_type=TEST_RESULT, scanned_at_ns=1)
