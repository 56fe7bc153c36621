"""Reports made to mislead or to exhaust: refused with a place, never a traceback, never a pass."""

import json
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.evidence.convert import reading
from weighbridge.evidence.convert.formats import FORMATS, convert, detect
from weighbridge.evidence.convert.report import Options
from weighbridge.evidence.convert.vulns import MAX_FINDINGS

SAMPLES = Path(__file__).resolve().parents[2] / "documents" / "scanners"
SERVING = "sha256:e292067fa9c3dae5143d72e16f77495e5e3716f6d84c779ff518b632afc3f1b3"
WHOLE = {
    "trivy": "trivy.json",
    "grype": "grype.json",
    "osv-scanner": "osv-scanner.json",
    "pip-audit": "pip-audit.json",
    "sarif": "grype.sarif",
    "openvex": "openvex.json",
    "lm-eval": "lm-eval.json",
    "mlflow": "mlflow.json",
    "slsa": "slsa-v1.statement.json",
}
SCANS = {"osv-scanner", "pip-audit", "sarif"}


def options(scanner, subject=SERVING):
    if scanner in SCANS:
        exit_code = None if scanner == "pip-audit" else 1
        return Options(subject, scanned_at_ns=10**18, exit_code=exit_code)
    dataset = ("https://example.com/d", "sha256:" + "5" * 64) if scanner in {"lm-eval", "mlflow"} else None
    return Options(subject, dataset=dataset)


def converted(scanner, document, name=None, **more):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return convert(name or scanner, data, "report.json", options(scanner, **more))


def refused(scanner, document, expected=None, **more):
    with pytest.raises(InputError, match=expected) as caught:
        converted(scanner, document, **more)
    assert len(caught.value.problems) <= reading.SHOWN_PROBLEMS + 1
    return str(caught.value)


def sample(scanner):
    return (SAMPLES / WHOLE[scanner]).read_bytes()


def test_every_format_has_a_sample():
    assert set(WHOLE) == set(FORMATS)


@pytest.mark.parametrize("scanner", FORMATS)
def test_a_truncated_report_is_refused(scanner):
    whole = sample(scanner)
    for end in (0, 1, len(whole) // 3, len(whole) // 2, len(whole.rstrip()) - 1):
        refused(scanner, whole[:end])


@pytest.mark.parametrize("scanner", FORMATS)
@pytest.mark.parametrize(
    "document", [b"", b"null", b"[]", b"{}", b'"x"', b"1", b"[" * 5000, b'{"a":' * 5000, b"\xff\xfe", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_report_is_refused(scanner, document):
    refused(scanner, document)


@pytest.mark.parametrize("scanner", FORMATS)
def test_a_key_written_twice_is_refused(scanner):
    first = next(iter(json.loads(sample(scanner))))
    doubled = sample(scanner).rstrip()[:-1] + f', "{first}": []}}'.encode()
    refused(scanner, doubled, "duplicate key")


@pytest.mark.parametrize("scanner", FORMATS)
def test_the_report_of_another_program_is_refused(scanner):
    for other in FORMATS:
        if other != scanner:
            refused(scanner, sample(other))


@pytest.mark.parametrize("scanner", FORMATS)
def test_a_report_shows_what_it_is_and_two_at_once_are_nobodys(scanner):
    document = json.loads(sample(scanner))
    assert detect(document, "x") == scanner
    marks = {
        "SchemaVersion": 2, "ArtifactName": "x", "matches": [], "descriptor": {}, "runs": [], "version": "2.1.0",
    }  # fmt: skip
    for both in (document | marks, marks):
        with pytest.raises(InputError, match="could be"):
            detect(both, "x")
    with pytest.raises(InputError, match="of no format that is known here"):
        detect({"vulnerabilities": []}, "x")


def test_a_report_that_is_too_large_is_not_parsed(monkeypatch):
    monkeypatch.setattr(reading, "REPORT_BYTES", 1000)
    refused("trivy", b"{" * 1001, "is larger than 1000 bytes")


def test_of_a_list_full_of_mistakes_the_first_is_told():
    document = json.loads(sample("trivy"))
    document["Results"] = [1] * 50_000
    assert "Results[0]" in refused("trivy", document)
    document["Results"] = [{}] * (reading.MAX_ENTRIES + 1)
    refused("trivy", document, "Results")
    run = {"info": {"status": "FINISHED", "end_time": 1, "lifecycle_stage": "active"}}
    refused("mlflow", run | {"data": {"metrics": dict.fromkeys(map(str, range(1000)), "x")}}, "980 problems more")
    refused("mlflow", run | {"data": {"metrics": dict.fromkeys(map(str, range(10_001)), 1)}}, "more than 10000")


def test_more_findings_than_a_statement_holds_are_refused():
    document = json.loads(sample("trivy"))
    result = document["Results"][0]
    result["Vulnerabilities"] = [{"VulnerabilityID": "CVE-1"}] * (MAX_FINDINGS + 1)
    refused("trivy", document, f"{MAX_FINDINGS + 1} findings")


TRIVY = ("Results", 0, "Vulnerabilities", 0)
GRYPE = ("matches", 0, "vulnerability")
OSV = ("results", 0, "packages", 0)
WRONG = [
    ("trivy", ("SchemaVersion",), 3, "is 3; accepted: 2"),
    ("trivy", ("SchemaVersion",), 1, "is 1; accepted: 2"),
    ("trivy", ("SchemaVersion",), "2", "is '2'; accepted: 2"),
    ("trivy", ("SchemaVersion",), True, "is True; accepted: 2"),
    ("trivy", ("SchemaVersion",), 2.0, "accepted: 2"),
    ("trivy", ("SchemaVersion",), None, "is missing; accepted: 2"),
    ("trivy", ("CreatedAt",), "yesterday", "CreatedAt"),
    ("trivy", ("CreatedAt",), 1, "CreatedAt"),
    ("trivy", ("CreatedAt",), None, "does not say when"),
    ("trivy", ("Results",), None, "proves no vulnerability scan"),
    ("trivy", ("Results",), [], "proves no vulnerability scan"),
    ("trivy", ("Results",), {}, "Results"),
    ("trivy", ("Results", 0, "Class"), "secret", "proves no vulnerability scan"),
    ("trivy", ("Results", 0, "Class"), None, "proves no vulnerability scan"),
    ("trivy", ("Metadata",), {"OS": {"Family": "none"}, "RepoDigests": [1]}, "RepoDigests"),
    ("trivy", (*TRIVY, "VulnerabilityID"), None, "VulnerabilityID"),
    ("trivy", (*TRIVY, "VulnerabilityID"), 2019, "VulnerabilityID"),
    ("trivy", (*TRIVY, "VulnerabilityID"), "", "VulnerabilityID"),
    ("trivy", (*TRIVY, "VulnerabilityID"), "CVE-2019-14806\n", "VulnerabilityID"),
    ("trivy", (*TRIVY, "VulnerabilityID"), "\u0421VE-2019-14806", "VulnerabilityID"),
    ("trivy", (*TRIVY, "VulnerabilityID"), "CVE-2019-14806\u200b", "VulnerabilityID"),
    ("trivy", (*TRIVY, "VulnerabilityID"), "C" * 201, "VulnerabilityID"),
    ("trivy", (*TRIVY, "Severity"), 1, "Severity"),
    ("trivy", (*TRIVY, "Severity"), ["LOW"], "Severity"),
    ("trivy", (*TRIVY, "PkgName"), "requests\u202e", "turns the writing"),
    ("trivy", (*TRIVY, "PkgName"), "\x1b[2J", "PkgName"),
    ("trivy", (*TRIVY, "PkgName"), "\ud800", "PkgName"),
    ("grype", ("descriptor", "version"), "1.0.0", "is by 'grype' '1.0.0'; accepted: grype 0.x"),
    ("grype", ("descriptor", "version"), None, "accepted: grype 0.x"),
    ("grype", ("descriptor", "version"), "[not provided]", "accepted: grype 0.x"),
    ("grype", ("descriptor", "name"), "syft", "is by 'syft'"),
    ("grype", ("descriptor",), [], "accepted: grype 0.x"),
    ("grype", ("descriptor", "db"), None, "no vulnerability database that was valid"),
    ("grype", ("descriptor", "db"), {}, "no vulnerability database that was valid"),
    ("grype", ("descriptor", "db", "status", "valid"), False, "no vulnerability database that was valid"),
    ("grype", ("descriptor", "db", "status", "error"), "hash mismatch", "hash mismatch"),
    ("grype", ("descriptor", "db", "status", "built"), "", "no vulnerability database that was valid"),
    ("grype", ("descriptor", "timestamp"), None, "does not say when"),
    ("grype", ("matches",), {}, "matches"),
    ("grype", (*GRYPE, "id"), None, "id"),
    ("grype", (*GRYPE, "severity"), 9.8, "severity"),
    ("grype", ("source",), None, "source"),
    ("grype", ("source", "target"), "serving", "mapping"),
    ("grype", ("source", "target", "manifestDigest"), "sha256:" + "7" * 64, None),
    ("osv-scanner", ("results",), [], "does not prove a scan"),
    ("osv-scanner", ("results", 0, "packages"), None, "does not prove a scan"),
    ("osv-scanner", (*OSV, "groups", 0, "ids"), [], "ids"),
    ("osv-scanner", (*OSV, "groups", 0, "max_severity"), 8.6, "max_severity"),
    ("osv-scanner", (*OSV, "package", "name"), None, "name"),
    ("osv-scanner", (*OSV, "vulnerabilities", 0, "id"), 7, "id"),
    ("pip-audit", ("dependencies",), [], "audited nothing"),
    ("pip-audit", ("dependencies", 0, "vulns"), {}, "vulns"),
    ("pip-audit", ("dependencies", 0, "skip_reason"), "no", "neither audited nor skipped 'jinja2', or both"),
    ("pip-audit", ("dependencies", 0), {"name": "jinja2", "version": "1"}, "neither audited nor skipped"),
    ("pip-audit", ("dependencies", 0, "vulns", 0, "id"), "PYSEC 1", "id"),
    ("pip-audit", ("dependencies", 0, "name"), "\u0458inja2", "name"),
]


def changed(document, path, value):
    target = document
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return document


@pytest.mark.parametrize(("scanner", "path", "value", "expected"), WRONG)
def test_a_wrong_field_is_refused_by_its_name(scanner, path, value, expected):
    document = changed(json.loads(sample(scanner)), path, value)
    if path[-1] == "manifestDigest":
        # Any digest that the report names will do: what it calls the image is not one of several truths.
        converted(scanner, document, subject="sha256:" + "7" * 64)
        return
    refused(scanner, document, expected)


def test_a_report_in_the_older_form_of_pip_audit_is_refused():
    refused("pip-audit", [{"name": "jinja2", "version": "1", "vulns": []}], "is no JSON object")


def scores(scanner, document, **more):
    result = converted(scanner, document, **more).predicate["scanner"]["result"]
    return {entry["id"]: [severity["score"] for severity in entry["severity"]] for entry in result}


@pytest.mark.parametrize("severity", [None, "", "UNKNOWN"])
def test_a_severity_that_nobody_gives_is_unknown_and_never_none(severity):
    trivy = changed(json.loads(sample("trivy")), (*TRIVY, "Severity"), severity)
    assert scores("trivy", trivy)["CVE-2019-14806"][0].lower() == "unknown"
    grype = changed(json.loads(sample("grype")), (*GRYPE, "severity"), severity)
    assert scores("grype", grype)["GHSA-x84v-xcm2-53pg"][0].lower() == "unknown"


def test_osv_scores_are_the_programs_and_a_word_that_is_none_is_unknown():
    document = json.loads(sample("osv-scanner"))
    package = document["results"][0]["packages"][0]
    package["groups"][0]["max_severity"] = ""
    assert scores("osv-scanner", document)["PYSEC-2019-217"] == ["HIGH"]
    package["vulnerabilities"][1]["database_specific"]["severity"] = 0
    assert scores("osv-scanner", document)["PYSEC-2019-217"] == ["unknown"]
    del package["vulnerabilities"][1]["database_specific"]
    assert scores("osv-scanner", document)["PYSEC-2019-217"] == ["unknown"]


def test_a_vulnerability_in_no_group_is_a_finding_of_its_own():
    document = json.loads(sample("osv-scanner"))
    document["results"][0]["packages"][0]["groups"] = None
    assert set(scores("osv-scanner", document)) == {"PYSEC-2018-28", "PYSEC-2019-217", "GHSA-462w-v97r-4m45"}


def test_the_same_report_becomes_the_same_predicate_in_any_order():
    document = json.loads(sample("grype"))
    before = converted("grype", document).predicate
    document["matches"].reverse()
    assert converted("grype", document).predicate == before
