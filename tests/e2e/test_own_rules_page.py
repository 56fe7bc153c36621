"""The page about a user's own rules: what stands there compiles, and does what is said there."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.catalogue import UserPolicy
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.opa import opa_eval
from weighbridge.evidence.user_rules import check_user_rules
from weighbridge.points.check import Checker
from weighbridge.points.manifests import parse_manifests

REPOSITORY = Path(__file__).resolve().parents[2]
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
REQUIREMENT, EVIDENCE = re.findall(
    r"```rego\n(.*?)```", (REPOSITORY / "docs" / "reference" / "own-rules.md").read_text(encoding="utf-8"), re.DOTALL
)

pytestmark = pytest.mark.engines


def codes(checker: Checker, labels: dict[str, str]) -> set[str]:
    """What is denied about the example's admitted workload with further labels."""
    manifest = yaml.safe_load((REPOSITORY / "examples" / "pods" / "admitted.yaml").read_text(encoding="utf-8"))
    manifest["spec"]["template"]["metadata"]["labels"] |= labels
    report = checker.check(parse_manifests(yaml.safe_dump(manifest).encode(), "pod.yaml"))
    return {violation.code for result in report.results for violation in result.violations}


def test_the_requirement(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue"
    shutil.copytree(REPOSITORY / "examples" / "catalogue", catalogue)
    (catalogue / "policies").mkdir()
    (catalogue / "policies" / "owners.rego").write_text(REQUIREMENT, encoding="utf-8")
    options = CompileOptions(
        output=tmp_path / "out",
        release_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=AT_NS,
        environments=("prod",),
        allow_example_keys=True,
        fixed_clock_ns=AT_NS,
    )
    compile_catalogue(catalogue, options)
    with Checker(tmp_path / "out", "prod") as checker:
        assert codes(checker, {}) == {"OWN-001"}
        assert codes(checker, {"owner": ""}) == {"OWN-001"}
        assert codes(checker, {"owner": "search"}) == set()


@pytest.mark.parametrize(
    ("predicate", "passed"),
    [
        ({"reviewer": "somebody", "open_findings": 2}, True),
        ({"reviewer": "somebody", "open_findings": 3}, False),
        ({"reviewer": "somebody"}, False),
        ({"open_findings": 0}, False),
        ({}, False),
        ([], False),
    ],
)
def test_the_rule_about_evidence(tmp_path: Path, predicate: object, passed: bool) -> None:
    check_user_rules([UserPolicy("policies/reviewed.rego", EVIDENCE)])
    file = tmp_path / "reviewed.rego"
    file.write_text(EVIDENCE, encoding="utf-8")
    document = {"predicate": predicate, "with": {"max_open": 2}}
    verdict = opa_eval("data.weighbridge.user.evidence.reviewed.verdict", [file], document=document)
    assert verdict["passed"] is passed
    assert bool(verdict["reasons"]) is not passed
