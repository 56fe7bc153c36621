"""SARIF 2.1.0 into a vulnerability scan (the default) or a test result (`--predicate-type`).

As a scan, each open result is a finding with its `security-severity`; a result without one is of unknown severity,
since a level says how a tool shows it and not how severe it is. As a test result, results of level error fail, those of
level warning and those suppressed with a reason warn. Results that only an older log had (`absent`), and those of kind
pass, informational or notApplicable, are no findings.

A run without an invocation does not tell whether the tool succeeded (Trivy, Grype and OSV-Scanner write none, the last
even when it failed): then its exit status must be given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import MAX_ENTRIES, read, require_version
from weighbridge.evidence.convert.report import (
    UNKNOWN,
    Conversion,
    Finding,
    Options,
    Scan,
    Suppression,
    require_exit,
    require_subject,
)
from weighbridge.evidence.convert.sarif_log import VERSIONS, Log, Result, RuleBook, Run, level_of
from weighbridge.evidence.convert.vulns import vulns
from weighbridge.evidence.times import VULNS

if TYPE_CHECKING:
    from weighbridge.evidence.convert.sarif_log import Component, Rule

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PREDICATES = (VULNS, TEST_RESULT)
_NO_FINDING = frozenset({"pass", "informational", "notApplicable"})


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The results of all runs of one tool.

    Raises:
        InputError: of another version, not of its form, of several tools, of a run that failed or did not look.
    """
    require_version(document.get("version"), VERSIONS, "version", file)
    runs = read(Log, document, file).runs
    driver = _driver(runs, file)
    results = [(result, book) for run in runs for book in [RuleBook(run.tool)] for result in _results(run, file)]
    present = [(found, book) for found, book in results if found.baseline != "absent" and found.kind not in _NO_FINDING]
    absent = len(results) - len(present)
    notes = (f"{absent} results are no findings: absent, passed or informational",) if absent else ()
    digests = frozenset(digest for run in runs for digest in _digests(run))
    if not all(run.invocations for run in runs):
        require_exit(options, bool(present), file)
    if options.predicate_type == TEST_RESULT:
        require_subject(digests, options, file)
        return _test_result(present, driver, options, (file, notes))
    times = [call for run in runs for call in run.invocations]
    finished = [call.finished for call in times]
    scan = Scan(
        uri=driver.information_uri or f"urn:sarif:{driver.name.replace(' ', '-').lower()}",
        version=driver.semantic_version or driver.version or "",
        findings=tuple(_finding(found, book, index, file) for index, (found, book) in enumerate(present)),
        started_ns=min((call.started for call in times if call.started is not None), default=None),
        # Of several runs the first to end: what came later was not looked at by it.
        finished_ns=None if None in finished else min((at for at in finished if at is not None), default=None),
        digests=digests,
        not_carried=notes,
    )
    return vulns(scan, options, file)


def _driver(runs: list[Run], file: str) -> Component:
    names = sorted({run.tool.driver.name for run in runs})
    if len(names) > 1:
        message = f"holds runs of several tools: {', '.join(names)[:200]}"
        raise InputError.single(file, message, "Attest each tool's log for itself.", field="runs")
    for index, run in enumerate(runs):
        field = f"runs[{index}]"
        if run.results is None:
            raise InputError.single(file, "has no results, so the tool did not look", "Run it again.", field=field)
        calls = run.invocations
        bad = [call for call in calls if not call.successful or any(n.level == "error" for n in call.notifications)]
        if bad:
            message = "says that the tool did not succeed (executionSuccessful, or an error among its notifications)"
            raise InputError.single(file, message, "Run it again.", field=f"{field}.invocations")
    return runs[0].tool.driver


def _results(run: Run, file: str) -> list[Result]:
    given = run.results or []
    if len(given) > MAX_ENTRIES:
        raise InputError.single(file, f"has {len(given)} results in a run, more than {MAX_ENTRIES}", "Scan less.")
    return [read(Result, entry, file) for entry in given]


def _name(found: Result, rule: Rule | None, index: int, file: str) -> str:
    name = found.rule_id or found.rule.id or (rule.id if rule else None)
    if name is None:
        raise InputError.single(file, f"names no rule for result {index}", "Give each result its ruleId.")
    return name


def _finding(found: Result, book: RuleBook, index: int, file: str) -> Finding:
    rule = book.of(found)
    given = found.properties.security_severity
    if given is None and rule:
        given = rule.properties.security_severity
    score = str(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else UNKNOWN
    excuse = found.excuse()
    place = next((spot.physical.artifact.uri for spot in found.locations if spot.physical.artifact.uri), "")
    return Finding(
        id=_name(found, rule, index, file),
        severity=(("security-severity", score),) if given is not None else (),
        details={"path": place, "level": level_of(found, rule)},
        suppressed=Suppression("sarif", "suppressed", excuse, book.name) if excuse else None,
    )


def _test_result(
    present: list[tuple[Result, RuleBook]], driver: Component, options: Options, about: tuple[str, tuple[str, ...]]
) -> Conversion:
    file, notes = about
    if options.vex or options.scanned_at_ns is not None:
        fix = "Leave --vex and --scanned-at out."
        raise InputError.single("", "a test result has no vulnerabilities and no time", fix, field="--predicate-type")
    levels: dict[str, set[str]] = {"error": set(), "warning": set()}
    for index, (found, book) in enumerate(present):
        rule = book.of(found)
        level = "warning" if found.kind in {"open", "review"} else level_of(found, rule)
        if level == "error" and found.excuse():
            level = "warning"
        levels.setdefault(level, set()).add(_name(found, rule, index, file))
    failed, warned = levels["error"], levels["warning"] - levels["error"]
    passed = {rule.id for rule in driver.rules} - failed - warned
    predicate: dict[str, Any] = {
        "result": "FAILED" if failed else "WARNED" if warned else "PASSED",
        "configuration": [{"name": driver.name, "uri": driver.information_uri}]
        if driver.information_uri
        else [{"name": driver.name}],
        "passedTests": sorted(passed),
        "warnedTests": sorted(warned),
        "failedTests": sorted(failed),
    }
    return Conversion(TEST_RESULT, predicate, notes)


def _digests(run: Run) -> frozenset[str]:
    named = {digest.rpartition("@")[2] for digest in run.properties.repo_digests}
    return frozenset(named | ({run.properties.image_id} if run.properties.image_id else set()))
