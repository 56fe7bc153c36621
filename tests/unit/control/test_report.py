"""What a point says of itself: believed as far as its credential reaches, and bounded."""

from typing import Any

import pytest
from tests.control_plane import Identity, status

from weighbridge.control.plane_parts import ReportRefusedError
from weighbridge.control.report import MAX_ACTIVATIONS, MAX_MESSAGE, merged, read_receipt, read_status, worth_writing

SECOND = 10**9


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "environment": "prod", "cluster": "east", "revision": "sha256:r", "sequence": 7, "at": "now", "state": "ok",
        "detail": {"proof": "gatekeeper", "problems": [], "workloads": []},
    } | changes  # fmt: skip


def test_a_status() -> None:
    report = read_status(Identity(), status("s1", "live-1", "release-1"), 5)
    assert report.key == ("prod", "sidecar", "east", "s1")
    assert (report.live_revision, report.release_revision, report.failing) == ("live-1", "release-1", False)


@pytest.mark.parametrize("bundle", ["live", "release"])
def test_an_error_of_either_bundle_is_a_failure(bundle: str) -> None:
    given = status("s1", "live-1", "release-1")
    given["bundles"][bundle] |= {"code": "bundle_error", "message": "bad\x1b[2J\x00", "errors": [{"a": 1}, "x"]}
    report = read_status(Identity(), given, 5)
    assert (report.failing, report.code, report.live_revision) == (True, "bundle_error", "live-1")
    assert report.message.startswith("bad [2J ")
    assert report.message.isprintable()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "labels"),
        ({"labels": []}, "labels"),
        (status("s1", labels={"id": "s1", "environment": "dev", "point": "envoy"}), "another environment"),
        (status("s1", labels={"id": "s1", "point": "envoy"}), "another environment"),
        (status(""), "label id"),
        (status("x" * 201), "label id"),
        (status("a\nb"), "label id"),
        (status("s1", bundles=[]), "bundles"),
        (status("s1", bundles={"live": "x"}), "live"),
        (status("s1", live="x" * 201), "active_revision"),
        (status("s1", bundles={"live": {"active_revision": 7}}), "active_revision"),
    ],
)
def test_a_status_that_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ReportRefusedError, match=why):
        read_status(Identity(), given, 5)


def test_a_message_is_bounded() -> None:
    given = status("s1", bundles={"live": {"code": "x" * 999, "message": "\ud800" * 9999}})
    report = read_status(Identity(), given, 5)
    assert len(report.message) == MAX_MESSAGE
    assert report.message.encode()


def test_a_receipt() -> None:
    report = read_receipt(Identity(name="agent"), receipt(state="failing", detail={"problems": ["one", 2]}), 5)
    assert report.key == ("prod", "agent", "east", "agent")
    assert (report.live_sequence, report.release_revision, report.failing) == (7, "sha256:r", True)
    assert report.message == "one; 2"


@pytest.mark.parametrize(
    "changes",
    [{"environment": "dev"}, {"cluster": "west"}, {"sequence": "7"}, {"sequence": True}, {"sequence": -1},
     {"sequence": 2**63}, {"state": "fine"}, {"state": None}],
)  # fmt: skip
def test_a_receipt_that_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ReportRefusedError):
        read_receipt(Identity(), receipt(**changes), 5)


def test_what_is_known_afterwards() -> None:
    first = merged(read_status(Identity(), status("s", "a", "r"), 10), None)
    assert (first.live_since_ns, first.first_seen_ns, first.state_since_ns) == (10, 10, 10)
    again = merged(read_status(Identity(), status("s", "a", "r"), 20), first)
    assert (again.live_since_ns, again.last_seen_ns, len(again.activations)) == (10, 20, 1)
    later = merged(read_status(Identity(), status("s", "b", "r"), 30), again)
    assert [(given.revision, given.at_ns) for given in later.activations] == [("a", 10), ("b", 30)]
    back = merged(read_status(Identity(), status("s", "a", "r"), 40), later)
    assert (back.live_revision, back.live_since_ns) == ("a", 40)
    for number in range(40):
        back = merged(read_status(Identity(), status("s", f"n{number}", "r"), 50 + number), back)
    assert len(back.activations) == MAX_ACTIVATIONS


def test_what_is_written_down() -> None:
    known = merged(read_status(Identity(), status("s", "a", "r"), SECOND), None)
    same = merged(read_status(Identity(), status("s", "a", "r"), 2 * SECOND), known)
    late = merged(read_status(Identity(), status("s", "a", "r"), 20 * SECOND), known)
    other = merged(read_status(Identity(), status("s", "a", "q"), 2 * SECOND), known)
    assert [worth_writing(given, known) for given in (same, late, other)] == [False, True, True]
