"""What is fuzzed takes its seeds, refuses their ruins in order, and never again breaks by what once broke it."""

import pytest
from fuzzing.targets import FOUND, TARGETS

from weighbridge.errors import WeighbridgeError


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_is_taken(name):
    seeds = list(TARGETS[name].seeds())
    assert seeds, "a fuzzer without seeds never gets past the first check"
    for seed in seeds:
        assert len(seed) <= TARGETS[name].limit or name in {"configuration", "envelope"}
        TARGETS[name].read(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_a_ruined_seed_is_answered_by_one_of_our_errors(name):
    seed = next(iter(TARGETS[name].seeds()))
    refused = 0
    for cut in range(0, len(seed), max(1, len(seed) // 64)):
        for ruin in (seed[:cut], seed[:cut] + b"\xff" + seed[cut + 1 :], seed[:cut] + seed[cut : cut + 8] + seed[cut:]):
            try:
                TARGETS[name].read(ruin)
            except WeighbridgeError:
                refused += 1
    assert refused


def test_what_fuzzing_found_is_mended():
    for path in sorted(FOUND.glob("*/*")):
        TARGETS[path.parent.name](path.read_bytes())


def test_a_target_that_breaks_is_told(monkeypatch):
    def broken(data):
        raise KeyError(data)

    with pytest.raises(KeyError):
        type(TARGETS["card"])(broken, TARGETS["card"].seeds)(b"")
