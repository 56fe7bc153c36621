"""Whatever a report holds: it is refused with a place, or becomes a predicate that hides no finding from the rule."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.canonical import canonical
from weighbridge.errors import InputError
from weighbridge.evidence.convert.formats import FORMATS, convert
from weighbridge.evidence.convert.report import Options

SAMPLES = Path(__file__).resolve().parents[1] / "documents" / "scanners"
SERVING = "sha256:e292067fa9c3dae5143d72e16f77495e5e3716f6d84c779ff518b632afc3f1b3"
WHOLE: dict[str, Any] = {
    scanner: json.loads((SAMPLES / name).read_bytes())
    for scanner, name in {
        "trivy": "trivy.json",
        "grype": "grype.json",
        "osv-scanner": "osv-scanner.json",
        "pip-audit": "pip-audit.json",
        "sarif": "osv-scanner.sarif",
        "openvex": "openvex.json",
        "lm-eval": "lm-eval.json",
        "mlflow": "mlflow.json",
        "slsa": "slsa-v0.2.statement.json",
    }.items()
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
LIGHT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def options(scanner: str) -> Options:
    if scanner in {"lm-eval", "mlflow"}:
        return Options("sha256:" + "d" * 64, dataset=("https://example.com/d", "sha256:" + "5" * 64))
    if scanner in {"osv-scanner", "pip-audit", "sarif"}:
        return Options(SERVING, scanned_at_ns=10**18, exit_code=None if scanner == "pip-audit" else 1)
    if scanner == "slsa":
        return Options("sha256:" + WHOLE["slsa"]["subject"][0]["digest"]["sha256"])
    return Options(SERVING)


def converted(scanner: str, document: Any) -> dict[str, Any] | None:
    """The predicate, or None where it was refused; anything else that is raised is a fault."""
    try:
        predicate = convert(scanner, json.dumps(document).encode(), "report.json", options(scanner)).predicate
        canonical(predicate)
    except InputError as error:
        assert error.problems[0].message
        return None
    except ValueError:
        # An integer beyond 2**53 in what is carried as it is: `write_attestation` says so.
        assert scanner in {"openvex", "slsa"}
        return None
    return predicate


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, entry in inner for place in places(entry, (*path, key)))]


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    target = document
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return document


@pytest.mark.parametrize("scanner", FORMATS)
def test_the_sample_is_accepted(scanner: str) -> None:
    assert converted(scanner, WHOLE[scanner])


@pytest.mark.parametrize("scanner", FORMATS)
@given(document=JSON)
@LIGHT
def test_any_json_is_refused_without_a_fault(scanner: str, document: Any) -> None:
    assert converted(scanner, document) is None


@pytest.mark.parametrize("scanner", FORMATS)
@given(data=st.data())
@LIGHT
def test_any_field_may_be_anything(scanner: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(WHOLE[scanner])))
    converted(scanner, replaced(WHOLE[scanner], path, data.draw(JSON)))


@pytest.mark.parametrize("scanner", FORMATS)
@given(data=st.binary(max_size=300))
@LIGHT
def test_any_bytes_are_refused_without_a_fault(scanner: str, data: bytes) -> None:
    with pytest.raises(InputError):
        convert(scanner, data, "report.json", options(scanner))


IDS = st.from_regex(r"\A(CVE|GHSA|PYSEC)-[0-9]{1,6}\Z")
SEVERITIES = st.sampled_from(["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN", "", None])


@given(found=st.lists(st.tuples(IDS, SEVERITIES), max_size=20))
@LIGHT
def test_every_finding_arrives_with_its_severity(found: list[tuple[str, str | None]]) -> None:
    expected = sorted((name, (severity or "unknown").lower()) for name, severity in found)
    trivy = copy.deepcopy(WHOLE["trivy"])
    trivy["Results"][0]["Vulnerabilities"] = [{"VulnerabilityID": name, "Severity": said} for name, said in found]
    grype = copy.deepcopy(WHOLE["grype"])
    match = grype["matches"][0]
    grype["matches"] = [
        {**match, "vulnerability": {**match["vulnerability"], "id": name, "severity": said}} for name, said in found
    ]
    for scanner, document in {"trivy": trivy, "grype": grype}.items():
        predicate = converted(scanner, document)
        assert predicate
        arrived = [(entry["id"], entry["severity"][0]["score"].lower()) for entry in predicate["scanner"]["result"]]
        assert sorted(arrived) == expected
