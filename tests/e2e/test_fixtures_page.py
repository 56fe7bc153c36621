"""The page about fixtures says what is so: its examples run, and it names every field."""

import re
from pathlib import Path

import pytest

from weighbridge.harness.fixtures import FixtureDocument, LiveFixture, RequestFixture, read_fixture
from weighbridge.harness.run import HarnessOptions, run_fixtures

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "reference" / "fixtures.md").read_text(encoding="utf-8")


@pytest.mark.engines
def test_its_examples_run(tmp_path: Path) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    fixtures = []
    for number, text in enumerate(examples):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        fixtures.append(read_fixture(path))
    outcomes = run_fixtures(fixtures, HarnessOptions(catalogue=str(REPOSITORY / "examples" / "catalogue")))
    assert [failure for outcome in outcomes for failure in outcome.failures] == []


@pytest.mark.parametrize("document", [FixtureDocument, LiveFixture, RequestFixture])
def test_it_names_every_field(document: type[FixtureDocument | LiveFixture | RequestFixture]) -> None:
    assert [name for name in document.model_fields if f"`{name}`" not in PAGE and f"`request.{name}`" not in PAGE] == []
