import json

import pytest
from benchmarks.load import percentile, post
from benchmarks.report import Report, Target


def _report(**figures: float) -> Report:
    report = Report("x", (Target("ratio", 1.5, aim=1.2), Target("mb", 100)))
    report.add("one thing", "ms", [3.0, 1.0, 2.0])
    report.figures = figures
    return report


@pytest.mark.parametrize(
    ("figures", "met"),
    [({"ratio": 1.5, "mb": 1}, True), ({"ratio": 1.51, "mb": 1}, False), ({"ratio": 1.0}, False), ({}, False)],
    ids=["at the limit", "above it", "one was not measured", "nothing was measured"],
)
def test_a_target_that_was_not_measured_is_not_met(figures: dict[str, float], met: bool) -> None:
    assert _report(**figures).met is met


def test_the_last_line_is_one_json_object(capsys) -> None:
    _report(ratio=1.23456789, mb=5).print()
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document == {
        "bench": "x",
        "figures": {"ratio": 1.2346, "mb": 5},
        "targets": {"ratio": {"limit": 1.5, "aim": 1.2}, "mb": {"limit": 100}},
        "met": True,
    }


def test_percentiles() -> None:
    values = list(range(100, 0, -1))
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.99)) == (51, 100, 7)


def test_a_request_says_how_long_it_is() -> None:
    head, body = post("/x", {"é": 1}, {"A": "b"}).split(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    assert b"A: b" in head.split(b"\r\n")
