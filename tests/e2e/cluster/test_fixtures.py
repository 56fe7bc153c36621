"""Every pod fixture through gator and through the real API server with Gatekeeper, against what all points must say."""

from pathlib import Path

import pytest

from weighbridge.harness.fixtures import read_fixtures
from weighbridge.harness.report import as_text
from weighbridge.harness.run import HarnessOptions, failed, run_fixtures

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[3]


def test_every_pod_fixture_is_judged_alike():
    fixtures = read_fixtures([ROOT / "tests/fixtures/pods"])
    options = HarnessOptions(catalogue=str(ROOT / "examples/catalogue"), points=("gator", "gatekeeper"))
    outcomes = run_fixtures(fixtures, options)
    assert not failed(outcomes), as_text(outcomes)
    for point in options.points:
        unasked = {Path(each.fixture.file).name for each in outcomes if point not in each.judgements}
        # Roots of bundles are OPA's matter: a cluster loads none.
        assert {name[:7] for name in unasked} == {"mod-016"}, unasked
