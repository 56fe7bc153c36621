"""A user's own requirements hold at every point, on the fast way to a decision, too."""

import shutil
from pathlib import Path

import pytest

from weighbridge.bundle.policies import declared_point, point_policies
from weighbridge.catalogue.catalogue import UserPolicy
from weighbridge.errors import InputError
from weighbridge.harness.fixtures import Fixture, FixtureDocument, read_fixture
from weighbridge.harness.run import HarnessOptions, run_fixtures

REPOSITORY = Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "fixtures"
RULE = """
package lib.weighbridge.user.requirements.acme

import data.lib.weighbridge.request

deny contains {"code": "ACM-001", "message": "Nobody calls magika through its alias."} if {
	request.subject.kind == "call"
	request.subject.call.model == "content-type"
}

deny contains {"code": "ACM-002", "message": "Nobody deploys magika."} if {
	request.subject.kind == "workload"
	request.subject.pod.labels.model_id == "magika"
}
"""

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user") / "catalogue"
    shutil.copytree(REPOSITORY / "examples" / "catalogue", folder)
    (folder / "policies").mkdir()
    (folder / "policies" / "acme.rego").write_text(RULE, encoding="utf-8")
    return folder


def expecting(name: str, *codes: str) -> Fixture:
    """A shipped fixture, of which something else is expected."""
    known = read_fixture(FIXTURES / name).document
    expect = {"allowed": not codes, "codes": list(codes)}
    return Fixture(
        name, FixtureDocument.model_validate({**known.model_dump(by_alias=True, exclude_none=True), "expect": expect})
    )


def test_they_hold_for_calls_and_workloads_at_every_point(catalogue: Path) -> None:
    fixtures = [
        expecting("requests/inf-003-pass-alias.yaml", "ACM-001"),
        expecting("requests/inf-004-pass-version.yaml"),
        expecting("requests/inf-012-fail-not-entitled.yaml", "ACM-001", "INF-012"),
        expecting("pods/mod-003-pass-approved.yaml", "ACM-002"),
        expecting("pods/mod-002-pass-other-model.yaml"),
        expecting("pods/mod-003-fail-missing-scan.yaml", "ACM-002", "MOD-003"),
    ]
    outcomes = run_fixtures(fixtures, HarnessOptions(catalogue=str(catalogue)))
    assert [failure for outcome in outcomes for failure in outcome.failures] == []
    assert {len(outcome.judgements) for outcome in outcomes} == {2, 3}


def test_one_that_a_point_cannot_link_fails_the_compile() -> None:
    """Else every sidecar would refuse the bundle, long after somebody signed it."""
    rule = f'{RULE}\nanswers if request.grant("x").tenant == "acme"\n'
    own = [UserPolicy("policies/acme.rego", rule)]
    assert "user/policies/acme.rego" in point_policies(declared_point("envoy"), own)
    with pytest.raises(InputError) as caught:
        point_policies(declared_point("workload"), own)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (
        "policies/acme.rego",
        rule.splitlines().index('answers if request.grant("x").tenant == "acme"') + 1,
    )
    assert "request.grant" in problem.message
    assert "(at workload)" in problem.message
