"""The pods with which Kubernetes tests its own Pod Security Standards, judged by the compiled policy.

Each file is of one level and one outcome. The files are not ours, so they are read where they lie, beside the checkout;
where they do not, these tests say so.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.points.check import Checker
from weighbridge.points.manifests import read_manifests

REPOSITORY = Path(__file__).resolve().parents[2]
REAL = REPOSITORY.parent / "shared" / "real" / "psa"
VERSION = "v1.22"
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
ENVIRONMENTS = {"baseline": "staging", "restricted": "prod"}
"""By level the environment that is made to demand it."""
STANDARDS = {f"POD-{number:03}" for number in range(1, 20)}
"""What comes after them the standards do not speak of."""
BASELINE = {f"POD-{number:03}" for number in range(1, 14)}
LEAST = {
    ("baseline", "pass"): 10,
    ("baseline", "fail"): 20,
    ("restricted", "pass"): 10,
    ("restricted", "fail"): 20,
}
"""How many pods at least there are."""

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        not REAL.is_dir(), reason=f"the standards' own pods do not lie in {REAL.parent.name}/ beside us"
    ),
]
Checkers = dict[str, Checker]


@pytest.fixture(scope="module")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkers]:
    """By level what judges at it."""
    folder = tmp_path_factory.mktemp("standards")
    catalogue, output = folder / "catalogue", folder / "bundles"
    shutil.copytree(REPOSITORY / "examples" / "catalogue", catalogue)
    configuration = catalogue / "weighbridge.yaml"
    text = configuration.read_text(encoding="utf-8")
    for level, environment in ENVIRONMENTS.items():
        before, rest = text.split(f"\n  {environment}:\n")
        rest = rest.replace("    workloads:\n", f"    workloads:\n      pod_security: {level}\n", 1)
        text = f"{before}\n  {environment}:\n{rest}"
    assert text.count("pod_security:") == len(ENVIRONMENTS)
    configuration.write_text(text, encoding="utf-8")
    options = CompileOptions(
        output=output,
        release_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=AT_NS,
        environments=tuple(ENVIRONMENTS.values()),
        allow_example_keys=True,
        fixed_clock_ns=AT_NS,
    )
    compile_catalogue(catalogue, options)
    with Checker(output, ENVIRONMENTS["baseline"]) as baseline, Checker(output, ENVIRONMENTS["restricted"]) as strict:
        yield {"baseline": baseline, "restricted": strict}


def judged(checker: Checker, level: str, outcome: str) -> dict[str, set[str]]:
    """By file the codes of the standards."""
    files = sorted((REAL / level / VERSION / outcome).glob("*.yaml"))
    assert len(files) >= LEAST[level, outcome]
    report = checker.check(read_manifests(files))
    assert len(report.results) == len(files)
    return {
        Path(result.file).name: {violation.code for violation in result.violations} & STANDARDS
        for result in report.results
    }


@pytest.mark.parametrize("level", ENVIRONMENTS)
def test_what_the_standards_let_pass_passes(checkers: Checkers, level: str) -> None:
    found = judged(checkers[level], level, "pass")
    assert {file: codes for file, codes in found.items() if codes} == {}


@pytest.mark.parametrize("level", ENVIRONMENTS)
def test_what_the_standards_deny_is_denied(checkers: Checkers, level: str) -> None:
    found = judged(checkers[level], level, "fail")
    assert [file for file, codes in found.items() if not codes] == []


def test_the_stricter_level_demands_what_the_other_does(checkers: Checkers) -> None:
    at_baseline, strictly = (judged(checkers[level], "baseline", "fail") for level in ENVIRONMENTS)
    assert all(codes <= strictly[file] for file, codes in at_baseline.items())
    assert set().union(*at_baseline.values()) <= BASELINE


def test_the_other_level_demands_nothing_of_the_stricter_one_alone(checkers: Checkers) -> None:
    found = judged(checkers["baseline"], "restricted", "pass")
    assert {file: codes for file, codes in found.items() if codes} == {}


def test_each_requirement_is_tried_by_some_pod(checkers: Checkers) -> None:
    denied = [judged(checkers["restricted"], level, "fail") for level in ENVIRONMENTS]
    tried = {code for found in denied for codes in found.values() for code in codes}
    # Types are enforced before the standards are; hosts of probes came to them after this version.
    assert tried == STANDARDS - {"POD-001", "POD-007", "POD-017"}
