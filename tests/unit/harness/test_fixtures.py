"""Fixtures: read strictly, every problem at once, nothing that could pass by accident."""

import json

import pytest

from weighbridge.errors import InputError
from weighbridge.harness.call_input import check_request
from weighbridge.harness.fixtures import (
    ALL_POINTS,
    USUAL_POINTS,
    Fixture,
    FixtureDocument,
    chosen_points,
    read_fixture,
    read_fixtures,
)
from weighbridge.harness.judgement import Judgement, Outcome
from weighbridge.harness.live_data import live_for
from weighbridge.harness.report import as_json, as_junit, as_text

POD = "object: {kind: Pod}\n"
CALL = "request: {path: /v1/models, method: GET}\n"
WHY = "reason: it sees what others cannot"


def write(tmp_path, text, name="fixture.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def fixture(**document):
    whole = {"environment": "prod", "expect": {"allowed": True}, **document}
    return Fixture("f.yaml", FixtureDocument.model_validate(whole))


def test_points_follow_from_the_subject(tmp_path):
    head = "environment: prod\nexpect: {allowed: true}\n"
    everywhere = ("conftest", "check", "workload", "gator", "gatekeeper")
    assert read_fixture(write(tmp_path, head + POD)).points == everywhere
    assert read_fixture(write(tmp_path, head + CALL)).points == ("opa", "envoy")
    live = read_fixture(write(tmp_path, head + POD + "live: {frozen: [a@1]}\n"))
    assert (live.points, live.skipped) == (("workload", "gator", "gatekeeper"), ("conftest", "check"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("environment: prod\nexpect: {allowed: true}\n", "exactly one"),
        ("environment: prod\nexpect: {allowed: true}\n" + POD + CALL, "exactly one"),
        ("environment: prod\nexpect: {allowed: false}\n" + POD, "codes"),
        ("environment: prod\nexpect: {allowed: true, codes: [MOD-001]}\n" + POD, "codes"),
        ("environment: prod\nexpect: {allowed: true, points: [envoy]}\n" + POD, "envoy"),
        ("environment: prod\nexpect: {allowed: true, points: [kyverno]}\n" + POD, "points"),
        (f"environment: prod\nexpect: {{allowed: true, differs: {{envoy: {{{WHY}}}}}}}\n" + POD, "envoy"),
        ("environment: prod\nexpect: {allowed: true, differs: {gator: {codes: [MOD-001]}}}\n" + POD, "reason"),
        (
            f"environment: prod\nexpect: {{allowed: true, differs: {{gator: {{allowed: true, {WHY}}}}}}}\n" + POD,
            "gator",
        ),
        ("environment: prod\nexpect: {allowed: true}\nlive: {frozen: [a@1]}\n" + POD + "", ""),
        ("environment: prod\nexpect: {allowed: true, points: [check]}\nlive: {}\n" + POD, "goes through no point"),
        ("environment: prod\nexpect: {allowed: maybe}\n" + POD, "allowed"),
        ("environment: prod\nexpect: {allowed: false, codes: [mod-1]}\n" + POD, "codes"),
        ("environment: prod\nat: yesterday\nexpect: {allowed: true}\n" + POD, "RFC 3339"),
        ("environment: prod\nexpected: {allowed: true}\n" + POD, "expect"),
        ("environment: prod\nexpect: {allowed: true}\nobjects: []\n", "objects"),
        ("environment: prod\nexpect: {allowed: true}\nrequest: {path: models}\n", "path"),
        ('environment: prod\nexpect: {allowed: true}\nrequest: {path: /, headers: {"a b": c}}\n', "headers"),
        ('environment: prod\nexpect: {allowed: true}\nrequest: {path: /, headers: {a: "b\\r\\nc: d"}}\n', "headers"),
        ('environment: prod\nexpect: {allowed: true}\nrequest: {path: "/ HTTP/1.1"}\n', "path"),
        ("environment: prod\nenvironment: dev\nexpect: {allowed: true}\n" + POD, "twice"),
        ("- 1\n", "mapping"),
        ("", ""),
        ("\x00", ""),
    ],
)
def test_a_fixture_that_means_nothing_is_refused(tmp_path, text, part):
    path = write(tmp_path, text)
    if part == "" and "frozen" in text:
        assert read_fixture(path)
        return
    with pytest.raises(InputError) as caught:
        read_fixture(path)
    assert part in str(caught.value)
    assert all(problem.file == str(path) for problem in caught.value.problems)


def test_every_bad_fixture_is_told_at_once(tmp_path):
    write(tmp_path, "a: 1\n", "a.yaml")
    write(tmp_path, "b: 1\n", "b.yaml")
    (tmp_path / "no fixture.txt").write_text("nothing")
    with pytest.raises(InputError) as caught:
        read_fixtures([tmp_path, tmp_path / "missing.yaml"])
    assert {problem.file.rsplit("/", 1)[-1] for problem in caught.value.problems} == {
        "a.yaml",
        "b.yaml",
        "missing.yaml",
    }


def test_no_fixture_at_all_is_no_success(tmp_path):
    with pytest.raises(InputError, match="no fixture"):
        read_fixtures([tmp_path])


def test_a_large_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="larger"):
        read_fixture(write(tmp_path, "x: " + "a" * 1024 * 1024 + "\n"))


BASE = {
    "environment": "prod",
    "issued_at": 10**18,
    "not_after": 2 * 10**18,
    "sequence": 1,
    "active": {"a": "m@1", "b": "m@2"},
    "releases": [{"revision": "r1"}],
    **{part: {} for part in ("revoked", "frozen", "suspended", "keys", "exhausted")},
}


def test_live_data_in_short():
    live = {
        "revoked": ["m@1"],
        "frozen": ["m@2"],
        "suspended": ["t"],
        "keys": ["k7m2p9qa"],
        "active": {"a": None, "c": "m@3"},
    }
    said = live_for(BASE, fixture(request={"path": "/"}, live=live), {"m@1": "sha256:" + "0" * 64})
    assert list(said["revoked"]) == ["sha256:" + "0" * 64]
    assert (list(said["frozen"]), list(said["suspended"]), list(said["keys"])) == (["m@2"], ["t"], ["k7m2p9qa"])
    assert said["active"] == {"b": "m@2", "c": "m@3"}
    assert said["revoked"]["sha256:" + "0" * 64]["issued_at"] == BASE["issued_at"]


def test_live_data_that_is_over_or_announces_nothing():
    past = fixture(request={"path": "/"}, live={"not_after": "2000-01-01T00:00:00Z", "releases": ["current", "other"]})
    said = live_for(BASE, past, {})
    assert said["not_after"] < BASE["issued_at"]
    assert said["issued_at"] < said["not_after"]
    assert said["releases"] == [{"revision": "r1"}, {"revision": "other"}]
    assert live_for(BASE, fixture(request={"path": "/"}), {}) == BASE


def test_revoking_an_unknown_version_is_an_error():
    with pytest.raises(InputError, match="lacks"):
        live_for(BASE, fixture(request={"path": "/"}, live={"revoked": ["m@9"]}), {"m@1": "sha256:" + "0" * 64})


def outcome(document, **judgements):
    return Outcome(fixture(**document), judgements, 0.0)


DENIED = {"object": {}, "expect": {"allowed": False, "codes": ["MOD-001"]}}


@pytest.mark.parametrize(
    ("document", "judgements", "part"),
    [
        (DENIED, {"check": Judgement(False, ("MOD-001",))}, None),
        (DENIED, {"check": Judgement(False, ("MOD-001", "MOD-002"))}, "has MOD-002 beyond"),
        (DENIED, {"check": Judgement(False, ("MOD-002",))}, "misses MOD-001"),
        (DENIED, {"check": Judgement(True, ())}, "expected denied"),
        (DENIED, {}, "no point was asked"),
        (DENIED, {"check": Judgement(False, ("MOD-001",)), "workload": Judgement(False, ("MOD-002",))}, "disagree"),
        ({"object": {}}, {"check": Judgement(False, ())}, "expected allowed"),
        ({"object": {}}, {"check": Judgement(True, ("MOD-001",))}, "has MOD-001"),
    ],
)
def test_what_fails_a_fixture(document, judgements, part):
    failures = outcome(document, **judgements).failures
    assert (not failures) if part is None else any(part in failure for failure in failures)


def test_a_point_that_gave_no_answer_fails_the_fixture():
    silent = Outcome(fixture(**DENIED), {"check": Judgement(False, ("MOD-001",))}, 0.0, {"workload": "ended"})
    assert silent.failures == ("workload: ended",)


def test_headers_are_joined_and_hidden_as_envoy_does():
    request = fixture(
        request={
            "path": "/v1//x/../models?a=b",
            "headers": {"Authorization": ["a", "b"], "X-Other": "c"},
            "body": {"model": "m"},
        }
    ).document.request
    http = check_request(request)["attributes"]["request"]["http"]
    assert http["path"] == "/v1/models?a=b"
    assert http["headers"] == {"authorization": "a,b", "content-type": "application/json", "content-length": "13"}


def test_points_are_chosen_by_name():
    assert chosen_points([]) == USUAL_POINTS
    assert not {"gator", "gatekeeper"} & set(USUAL_POINTS)
    assert chosen_points(["all", "gator"]) == ALL_POINTS
    assert chosen_points(["gatekeeper", "gator"]) == ("gator", "gatekeeper")
    with pytest.raises(InputError, match="kyverno"):
        chosen_points(["kyverno"])


def test_a_declared_difference_is_expected_of_that_point_alone():
    differs = {"gatekeeper": {"codes": ["NET-006"], "reason": "CI does not see the namespace"}}
    shown = fixture(object={"kind": "Pod"}, expect={"allowed": True, "differs": differs})
    allowed, denied = Judgement.of(True, set()), Judgement.of(False, {"NET-006"})
    assert Outcome(shown, {"check": allowed, "gator": allowed, "gatekeeper": denied}, 0).failures == ()
    (missing,) = Outcome(shown, {"check": allowed, "gatekeeper": allowed}, 0).failures[:1]
    assert missing.startswith("gatekeeper: is allowed, expected denied")
    assert Outcome(shown, {"check": denied, "gatekeeper": denied}, 0).failures


def test_what_nobody_asked_for_is_no_failure_and_no_silence():
    shown = fixture(object={"kind": "Pod"}, expect={"allowed": True})
    assert Outcome(shown, {}, 0).failures == ("no point was asked",)
    unasked = Outcome(shown, {}, 0, unasked=("gatekeeper",))
    assert unasked.failures == ()
    assert "1 fixtures did not go through gatekeeper: not asked for" in as_text([unasked])
    assert json.loads(as_json([unasked]))["fixtures"][0]["unasked"] == ["gatekeeper"]
    assert 'classname="gatekeeper"' in as_junit([unasked])
