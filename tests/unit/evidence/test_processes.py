"""Many versions, verified by several processes: the same as by one, and told as it goes on."""

import os
from dataclasses import replace

import pytest

from weighbridge.errors import EngineError
from weighbridge.evidence import attest as module
from weighbridge.evidence.attest import CHUNK, attest
from weighbridge.evidence.context import context_of
from weighbridge.evidence.verify import Subject

EVALUATION = "https://weighbridge.dev/evaluation/v1"


@pytest.fixture
def catalogue(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev")
    good = [*workshop.evidence]
    workshop.add(kit.signed(kit.payload(EVALUATION, kit.evaluation()), "ev"))
    one = workshop.catalogue()
    version = one.versions["m@1"]
    # Every third version has no evaluation.
    versions = {
        f"m@{number}": replace(
            version, name=f"m@{number}", version=f"{number}", evidence=version.evidence if number % 3 else tuple(good)
        )
        for number in range(2 * CHUNK + 1)
    }
    return replace(one, versions=versions)


def test_processes_change_nothing_but_time(catalogue, evidence_engine, kit):
    done = []
    alone = attest(catalogue, at_ns=kit.AT, engine=evidence_engine, progress=done.append)
    assert sum(done) == len(catalogue.versions)
    assert list(alone) == list(catalogue.versions)
    assert [evidence.attestations["eval"].held for evidence in alone.values()] == [
        bool(number % 3) for number in range(2 * CHUNK + 1)
    ]
    assert attest(catalogue, at_ns=kit.AT, engine=evidence_engine, jobs=2) == alone


def test_a_process_that_dies_is_an_error_and_no_verdict(catalogue, evidence_engine, kit, monkeypatch):
    # A subject that cannot be unpickled kills the work that carries it, as a worker without memory would.
    monkeypatch.setattr(module, "_verify", _die)
    with pytest.raises(EngineError, match="a process that verifies evidence died"):
        attest(catalogue, at_ns=kit.AT, engine=evidence_engine, jobs=2)


def _die(chunk: list[Subject]) -> None:
    os._exit(9)


def test_equal_statements_are_judged_once(catalogue, evidence_engine, kit):
    asked = []

    class Counting:
        def query_json(self, path, document):
            asked.append(document)
            return evidence_engine.query_json(path, document)

    attest(catalogue, at_ns=kit.AT, engine=Counting())
    assert sum(document.count(b'"rule"') for document in asked) == 2
    assert context_of(catalogue, kit.AT).package == "packaged"
