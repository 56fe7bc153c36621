"""The engine's answers: believed in exactly one form, and its failures are refusals."""

import json
from collections.abc import Iterator

import pytest

from weighbridge import resources
from weighbridge.catalogue.names import NEVER_NS
from weighbridge.engines.opa import OpaServer
from weighbridge.evidence import judge
from weighbridge.evidence.judge import Judgement

GOOD = '{"passed": true, "reasons": [], "claims": {"a": 1}}'
ANSWERS = {
    "good": GOOD,
    "timed": '{"passed": true, "reasons": [], "claims": {}, "at_ns": 5, "expires_ns": 7}',
    "failed": '{"passed": false, "reasons": ["because"], "claims": {}, "at_ns": 5}',
    "silent": '{"passed": false, "reasons": [], "claims": {}}',
    "contradicting": '{"passed": true, "reasons": ["but"], "claims": {}}',
    "number": "1",
    "text": '"passed"',
    "none": "null",
    "list": "[true]",
    "truthy": '{"passed": "true", "reasons": [], "claims": {}}',
    "one": '{"passed": 1, "reasons": [], "claims": {}}',
    "unreasoned": '{"passed": true, "claims": {}}',
    "reasons_text": '{"passed": true, "reasons": "", "claims": {}}',
    "reasons_numbers": '{"passed": false, "reasons": [1], "claims": {}}',
    "claims_list": '{"passed": true, "reasons": [], "claims": []}',
    "more": '{"passed": true, "reasons": [], "claims": {}, "ok": true}',
    "time_text": '{"passed": true, "reasons": [], "claims": {}, "at_ns": "now"}',
    "time_true": '{"passed": true, "reasons": [], "claims": {}, "at_ns": true}',
    "time_negative": '{"passed": true, "reasons": [], "claims": {}, "at_ns": -1}',
    "time_fraction": '{"passed": true, "reasons": [], "claims": {}, "at_ns": 0.5}',
    "expires_late": '{"passed": true, "reasons": [], "claims": {}, "expires_ns": 9223372036854775808}',
    "set_of_reasons": '{"passed": false, "reasons": {"b", "a"}, "claims": {}}',
}


@pytest.fixture(scope="module")
def engine() -> Iterator[OpaServer]:
    modules = {
        name: f"package weighbridge.user.evidence.{name}\n\nverdict := {answer}\n" for name, answer in ANSWERS.items()
    }
    modules["undefined"] = "package weighbridge.user.evidence.undefined\n\nverdict := 1 if false\n"
    conflicting = "package weighbridge.user.evidence.conflicting\n\nverdict := 1\n\nverdict := 2 if input.rule\n"
    modules["conflicting"] = conflicting
    with OpaServer([resources.policies() / "evidence"], modules=modules) as server:
        yield server


def item(rule, **more):
    return json.dumps({"rule": rule, **more}).encode()


def test_a_good_answer_is_believed(engine):
    assert judge.judge([item("good"), item("timed"), item("failed")], engine) == [
        Judgement(passed=True, reasons=(), claims={"a": 1}),
        Judgement(passed=True, reasons=(), claims={}, at_ns=5, expires_ns=7),
        # A failure keeps its time: it is what lets it beat an older pass.
        Judgement(passed=False, reasons=("because",), at_ns=5),
    ]


@pytest.mark.parametrize("rule", sorted(set(ANSWERS) - {"good", "timed", "failed", "set_of_reasons"}))
def test_any_other_answer_is_a_refusal(engine, rule):
    (verdict,) = judge.judge([item(rule)], engine)
    assert not verdict.passed
    assert verdict.reasons
    assert (verdict.claims, verdict.expires_ns) == ({}, NEVER_NS)


def test_sets_come_as_lists(engine):
    assert judge.judge([item("set_of_reasons")], engine)[0].reasons == ("a", "b")


@pytest.mark.parametrize("rule", ["undefined", "nosuch", "", "batch", "../good", "good.verdict", None, 1, ["good"], {}])
def test_without_a_verdict_there_is_a_refusal(engine, rule):
    (verdict,) = judge.judge([item(rule)], engine)
    assert "the rule gave no verdict" in verdict.reasons[0]


def test_an_item_that_breaks_the_evaluation_refuses_itself_and_not_its_neighbours(engine):
    items = [item("good", number=number) for number in range(judge.BATCH_ITEMS)]
    items[137] = item("conflicting")
    verdicts = judge.judge(items, engine)
    assert [index for index, verdict in enumerate(verdicts) if not verdict.passed] == [137]
    assert "the engine could not judge it" in verdicts[137].reasons[0]


def test_order_is_kept_over_many_batches(engine):
    items = [item("good" if number % 3 else "failed", number=number) for number in range(3 * judge.BATCH_ITEMS + 1)]
    verdicts = judge.judge(items, engine)
    assert [verdict.passed for verdict in verdicts] == [bool(number % 3) for number in range(len(items))]


def test_batches_are_bounded_by_number_and_size(monkeypatch):
    assert [len(batch) for batch in judge.batches([b"x"] * (judge.BATCH_ITEMS + 1))] == [judge.BATCH_ITEMS, 1]
    monkeypatch.setattr(judge, "BATCH_BYTES", 10)
    assert [len(batch) for batch in judge.batches([b"x" * 4, b"x" * 4, b"x" * 4, b"x" * 40, b"x"])] == [2, 1, 1, 1]
    assert list(judge.batches([])) == []


def test_an_engine_that_died_approves_nothing():
    with OpaServer([resources.policies() / "evidence"]) as server:
        assert server.query(judge.PATH, {"items": []}) == {}
        server._process.stop()
        verdicts = judge.judge([item("good")] * 3, server)
    assert [verdict.passed for verdict in verdicts] == [False] * 3
    assert "the engine could not judge it" in verdicts[0].reasons[0]


def test_an_engine_without_our_rules_approves_nothing():
    with OpaServer(modules={"x": "package x\n"}) as server:
        verdicts = judge.judge([item("package")], server)
    assert not verdicts[0].passed


def test_an_item_that_is_no_json_approves_nothing(engine):
    assert not judge.judge([b"{"], engine)[0].passed


def test_an_item_cannot_break_out_of_its_batch(engine):
    # Items are JSON that we encoded; if one were not, it could at worst refuse its batch.
    verdicts = judge.judge([b'{"rule": "failed"}], "other": [{"rule": "good"}', item("failed")], engine)
    assert [verdict.passed for verdict in verdicts] == [False, False]
