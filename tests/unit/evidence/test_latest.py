"""Which of several statements counts."""

import pytest

from weighbridge.catalogue.names import NEVER_NS, parse_time_ns

EVALUATION = "https://weighbridge.dev/evaluation/v1"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
WEEK = 7 * 86_400 * 10**9
BAD = {"metrics": {}, "dataset": {"uri": "https://e.example", "digest": "sha256:" + "5" * 64}}


@pytest.fixture
def evaluated(workshop):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", "ev2")
    return workshop


def add(workshop, kit, at, *signers, predicate=None, name=""):
    body = kit.evaluation() if predicate is None else predicate
    data = kit.payload(EVALUATION, {**body, "finished_at": at})
    return workshop.add(kit.signed(data, *(signers or ("ev",))), name)


def test_a_newer_failure_beats_an_older_pass(evaluated, kit):
    older = add(evaluated, kit, "2026-01-02T00:00:00Z")
    assert evaluated.attest().attestations["eval"].held
    newer = add(evaluated, kit, "2026-01-03T00:00:00Z", predicate=BAD)
    state = evaluated.attest().attestations["eval"]
    assert not state.held
    assert [(verdict.file, verdict.passed) for verdict in state.verdicts] == [(newer, False)]
    (refusal,) = state.refused
    assert refusal.file == older
    assert f"ev signed a later one, of 2026-01-03T00:00:00Z, in {newer}" in refusal.reason


def test_a_newer_pass_beats_an_older_failure_whatever_the_files_are_called(evaluated, kit):
    add(evaluated, kit, "2026-01-02T00:00:00Z", predicate=BAD, name="z.json")
    add(evaluated, kit, "2026-01-02T00:00:00.000000001Z", name="a.json")
    assert evaluated.attest().attestations["eval"].held


def test_the_failure_of_another_signer_is_that_signers_own(evaluated, kit):
    add(evaluated, kit, "2026-01-02T00:00:00Z")
    add(evaluated, kit, "2026-01-03T00:00:00Z", "ev2", predicate=BAD)
    state = evaluated.attest().attestations["eval"]
    assert state.held
    assert sorted((verdict.signer, verdict.passed) for verdict in state.verdicts) == [("ev", True), ("ev2", False)]


def test_a_failure_under_another_name_of_the_key_is_the_same_signers(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", "alias")
    workshop.same_key["alias"] = "ev"
    add(workshop, kit, "2026-01-02T00:00:00Z", "ev")
    add(workshop, kit, "2026-01-03T00:00:00Z", "ev", predicate=BAD)
    assert not workshop.attest().attestations["eval"].held


def test_one_from_the_future_neither_counts_nor_stands_in_the_way(evaluated, kit):
    add(evaluated, kit, "2026-01-02T00:00:00Z")
    add(evaluated, kit, "2026-01-16T00:00:00Z", predicate=BAD)
    assert evaluated.attest().attestations["eval"].held
    assert not evaluated.attest(at_ns=parse_time_ns("2026-01-16T00:00:00Z")).attestations["eval"].held


def test_two_of_one_moment_that_differ_are_both_refused_and_so_is_what_came_before(evaluated, kit):
    add(evaluated, kit, "2026-01-01T00:00:00Z")
    add(evaluated, kit, "2026-01-02T00:00:00Z")
    add(evaluated, kit, "2026-01-02T00:00:00Z", predicate=BAD)
    state = evaluated.attest().attestations["eval"]
    assert (state.held, state.verdicts, len(state.refused)) == (False, (), 3)
    assert all("which is the latest cannot be told" in refusal.reason for refusal in state.refused)


def test_a_time_that_cannot_be_read_hides_no_failure(evaluated, kit):
    add(evaluated, kit, "2026-01-02T00:00:00Z")
    add(evaluated, kit, "the day after", predicate=BAD)
    assert "which is the latest cannot be told" in evaluated.reasons("eval")


def test_identical_statements_are_one(evaluated, kit):
    data = kit.payload(EVALUATION, kit.evaluation())
    evaluated.add(kit.signed(data, "ev"), "a.json")
    evaluated.add(kit.signed(data, "ev", "ev"), "b.json")
    evaluated.add(kit.signed(data, "ev2", "ev"), "c.json")
    state = evaluated.attest().attestations["eval"]
    assert state.held
    assert [(verdict.signer, verdict.file[-6:]) for verdict in state.verdicts] == [("ev", "a.json"), ("ev2", "c.json")]


def tested(workshop, kit, *results, **more):
    workshop.packaged()
    workshop.attestation("tests", TESTS, "test_result", "ci", **more)
    for result in results:
        workshop.add(kit.signed(kit.payload(TESTS, {"result": result, "passedTests": []}), "ci"))


def test_without_a_time_one_counts(workshop, kit):
    tested(workshop, kit, "PASSED", "PASSED")
    state = workshop.attest().attestations["tests"]
    assert state.held
    assert state.verdicts[0].at_ns is None


def test_without_a_time_two_that_differ_are_both_refused(workshop, kit):
    tested(workshop, kit, "PASSED", "FAILED")
    state = workshop.attest().attestations["tests"]
    assert (state.held, state.verdicts, len(state.refused)) == (False, (), 2)


def test_without_a_time_nothing_has_an_age(workshop, kit):
    tested(workshop, kit, "PASSED", max_age="7d")
    assert "carries no time, and this attestation has a max_age" in workshop.reasons("tests")


def test_max_age_counts_from_the_statements_own_time(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", max_age="7d")
    add(workshop, kit, "2026-01-02T00:00:00Z")
    made = parse_time_ns("2026-01-02T00:00:00Z")
    state = workshop.attest(at_ns=made + WEEK - 1).attestations["eval"]
    assert (state.held, state.expires_ns) == (True, made + WEEK)
    aged = workshop.attest(at_ns=made + WEEK).attestations["eval"]
    # Not held, and it says when it lapsed: the gate tells "too old" from "never held" by that.
    assert (aged.held, aged.expires_ns) == (False, made + WEEK)
    assert [verdict.passed for verdict in aged.verdicts] == [True]


def test_with_a_threshold_it_holds_until_too_few_are_left(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "a", "b", "c", max_age="7d", threshold=2)
    days = {"a": 9, "b": 11, "c": 13}
    for signer, day in days.items():
        add(workshop, kit, f"2026-01-{day:02}T00:00:00Z", signer)
    state = workshop.attest().attestations["eval"]
    assert (state.held, state.expires_ns) == (True, parse_time_ns("2026-01-18T00:00:00Z"))
    assert not workshop.attest(at_ns=state.expires_ns).attestations["eval"].held


def test_a_failure_that_also_aged_is_no_matter_of_age(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", max_age="7d")
    add(workshop, kit, "2026-01-02T00:00:00Z", predicate=BAD)
    state = workshop.attest().attestations["eval"]
    assert (state.held, state.expires_ns) == (False, NEVER_NS)
