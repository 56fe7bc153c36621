"""Fixtures as pytest tests, for users' catalogues as for ours.

Set the folders that hold fixtures (and, if they are others, the catalogue that fixtures mean when they name none, and
the points to ask, `all` for every one):

    [tool.pytest.ini_options]
    weighbridge_fixtures = ["policy-tests"]
    weighbridge_catalogue = "catalogue"
    weighbridge_points = ["conftest", "gator"]

Every YAML file below such a folder is one test. All that were selected run when the first of them is due, so that they
share engines; a fixture that cannot be read fails alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.harness.fixtures import Fixture
    from weighbridge.harness.judgement import Outcome

_SUFFIXES = {".yaml", ".yml"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the settings."""
    parser.addini("weighbridge_fixtures", "Folders with enforcement fixtures, below the root.", type="args", default=[])
    parser.addini("weighbridge_catalogue", "The catalogue that fixtures mean when they name none.", default="")
    parser.addini(
        "weighbridge_points", "Points to ask; all but gator and gatekeeper by default.", type="args", default=[]
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep one run of fixtures a session."""
    config.stash[_RUNS] = {}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Take YAML files below the configured folders."""
    root = parent.config.rootpath
    folders = [(root / folder).resolve() for folder in parent.config.getini("weighbridge_fixtures")]
    if file_path.suffix in _SUFFIXES and any(folder in file_path.resolve().parents for folder in folders):
        return FixtureFile.from_parent(parent, path=file_path)
    return None


class FixtureFile(pytest.File):
    """A file that holds one fixture."""

    def collect(self) -> Iterator[pytest.Item]:
        """The one test in it."""
        yield FixtureItem.from_parent(self, name="fixture")


class FixtureItem(pytest.Item):
    """One fixture, shown to every point that applies."""

    def runtest(self) -> None:
        """Fail with everything that is not as it should be."""
        outcome = _outcome(self)
        if isinstance(outcome, WeighbridgeError):
            raise outcome
        if outcome.failures:
            raise FixtureFailed("\n".join(outcome.failures))
        if not outcome.judgements:
            pytest.skip(f"nobody asked for {', '.join(outcome.unasked)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what is wrong without a traceback of ours."""
        if isinstance(excinfo.value, (FixtureFailed, WeighbridgeError)):
            return f"{self.path}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the test stands."""
        return self.path, 0, f"fixture: {self.path.name}"


class FixtureFailed(Exception):  # noqa: N818 -- it is a finding, not an error of the program
    """A point did not say what the fixture expects."""


_RUNS = pytest.StashKey[dict[Path, "Outcome | WeighbridgeError"]]()


def _outcome(item: FixtureItem) -> Outcome | WeighbridgeError:
    known = item.config.stash[_RUNS]
    if item.path not in known:
        paths = [other.path for other in item.session.items if isinstance(other, FixtureItem)]
        known.update(_run(item.config, paths))
    return known[item.path]


def _run(config: pytest.Config, paths: list[Path]) -> dict[Path, Outcome | WeighbridgeError]:
    # Imported late: pytest loads this plugin in every project where Weighbridge is installed.
    from weighbridge.harness.fixtures import chosen_points, read_fixture  # noqa: PLC0415
    from weighbridge.harness.run import DEFAULT_CATALOGUE, HarnessOptions, run_fixtures  # noqa: PLC0415

    said: dict[Path, Outcome | WeighbridgeError] = {}
    fixtures: dict[Path, Fixture] = {}
    for path in paths:
        try:
            fixtures[path] = read_fixture(path)
        except WeighbridgeError as error:
            said[path] = error
    catalogue = str(config.rootpath / (config.getini("weighbridge_catalogue") or DEFAULT_CATALOGUE))
    try:
        points = chosen_points(config.getini("weighbridge_points"))
        outcomes = run_fixtures(list(fixtures.values()), HarnessOptions(catalogue=catalogue, points=points))
    except WeighbridgeError as error:
        return said | dict.fromkeys(fixtures, error)
    return said | dict(zip(fixtures, outcomes, strict=True))
