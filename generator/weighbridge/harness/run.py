"""Every fixture through every point that applies; engines are shared by fixtures of the same catalogue and moment."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.engines.host import LocalHost
from weighbridge.errors import EngineError, InputError
from weighbridge.harness import points
from weighbridge.harness.fixtures import USUAL_POINTS
from weighbridge.harness.gatekeeper_point import gatekeeper
from weighbridge.harness.gator_point import gator
from weighbridge.harness.judgement import Judgement, Outcome
from weighbridge.harness.shared_cluster import SharedCluster
from weighbridge.harness.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from weighbridge.engines.cluster.cluster import Cluster
    from weighbridge.engines.host import Host
    from weighbridge.harness.fixtures import Fixture, PointName

DEFAULT_CATALOGUE = "examples/catalogue"
Batch = dict[str, Judgement] | EngineError
"""What a point said to all fixtures at once, by file; or why it said nothing."""
_AT_ONCE: dict[PointName, Callable[[Stage, list[Fixture]], dict[str, Judgement]]] = {
    "check": points.check,
    "conftest": points.conftest,
    "gatekeeper": gatekeeper,
    "gator": gator,
}
_ONE_BY_ONE: dict[PointName, Callable[[Stage, Fixture], Judgement]] = {
    "workload": points.workload,
    "opa": points.opa,
    "envoy": points.envoy,
}


@dataclass(frozen=True, order=True)
class Setting:
    """What fixtures must share to share engines."""

    catalogue: str
    environment: str
    at_ns: int
    now_ns: int


@dataclass(frozen=True)
class HarnessOptions:
    """How fixtures are run."""

    catalogue: str = DEFAULT_CATALOGUE
    """For fixtures that name none."""
    jobs: int = 1
    """Settings that are run at the same time."""
    host: Callable[[Path], Host] = lambda folder: LocalHost()  # noqa: ARG005 -- containers need the folder
    points: Collection[PointName] = USUAL_POINTS
    """Points to ask; a fixture that would go through others, too, says so in its outcome."""
    cluster: Cluster | None = None
    """A cluster that runs already, for `gatekeeper`; else one is started when it is needed."""


def run_fixtures(
    fixtures: Sequence[Fixture],
    options: HarnessOptions | None = None,
    *,
    done: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Show every fixture to every point that applies.

    Args:
        fixtures: at least one.
        options: how.
        done: called with each outcome as soon as it is known, from any thread.

    Returns:
        The outcomes, in the order of the fixtures.

    Raises:
        InputError: a catalogue cannot be compiled, or a fixture names what it does not have.
        EngineError: an engine is missing or did not start.
    """
    options = options or HarnessOptions()
    now_ns = time.time_ns()
    groups: dict[Setting, list[Fixture]] = defaultdict(list)
    for fixture in fixtures:
        document = fixture.document
        at_ns = now_ns if document.at is None else document.at
        clock_ns = at_ns if document.now is None else document.now
        setting = Setting(document.catalogue or options.catalogue, document.environment, at_ns, clock_ns)
        groups[setting].append(fixture)

    def run_group(setting: Setting) -> list[Outcome]:
        return _run_group(setting, groups[setting], options, clusters, done)

    with SharedCluster(options.cluster) as clusters, ThreadPoolExecutor(max(1, options.jobs)) as pool:
        outcomes = [outcome for group in pool.map(run_group, sorted(groups)) for outcome in group]
    order = {id(fixture): number for number, fixture in enumerate(fixtures)}
    return sorted(outcomes, key=lambda outcome: order[id(outcome.fixture)])


def _run_group(
    setting: Setting,
    fixtures: list[Fixture],
    options: HarnessOptions,
    clusters: SharedCluster,
    done: Callable[[Outcome], None],
) -> list[Outcome]:
    outcomes = []
    asked = {fixture.file: tuple(each for each in fixture.points if each in options.points) for fixture in fixtures}
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as name:
        folder = Path(name)
        host = options.host(folder)
        clocks = {"at_ns": setting.at_ns, "now_ns": setting.now_ns}
        with _naming(fixtures[0]):
            stage = Stage(Path(setting.catalogue), setting.environment, **clocks, folder=folder, host=host)
            stage.clusters = clusters
        with stage:
            shown = {point: [each for each in fixtures if point in asked[each.file]] for point in _AT_ONCE}
            batches = {point: _batch(stage, point, shown[point]) for point in _AT_ONCE}
            # Neighbours share live data, so that little has to be published.
            for fixture in sorted(fixtures, key=lambda each: repr(each.document.live)):
                outcome = _show(stage, fixture, asked[fixture.file], batches)
                outcomes.append(outcome)
                done(outcome)
    return outcomes


@contextmanager
def _naming(fixture: Fixture) -> Iterator[None]:
    """Say which fixture wanted what cannot be compiled: the place alone lies in its catalogue."""
    try:
        yield
    except InputError as error:
        asked = f"as {fixture.file} asks for {fixture.document.environment}"
        named = [replace(problem, message=f"{problem.message}, {asked}") for problem in error.problems]
        raise InputError(named) from error


def _batch(stage: Stage, point: PointName, fixtures: list[Fixture]) -> Batch:
    try:
        return _AT_ONCE[point](stage, fixtures) if fixtures else {}
    except EngineError as error:
        return error


def _show(stage: Stage, fixture: Fixture, asked: tuple[PointName, ...], batches: dict[PointName, Batch]) -> Outcome:
    started = time.monotonic()
    judgements: dict[PointName, Judgement] = {}
    errors: dict[PointName, str] = {}
    unasked = tuple(point for point in fixture.points if point not in asked)
    try:
        if any(point in _ONE_BY_ONE for point in asked):
            stage.set_live(fixture)
    except EngineError as error:
        return Outcome(fixture, {}, time.monotonic() - started, dict.fromkeys(asked, str(error)), unasked)
    for point in asked:
        batch = batches.get(point)
        try:
            if batch is None:
                judgements[point] = _ONE_BY_ONE[point](stage, fixture)
            elif isinstance(batch, EngineError):
                errors[point] = str(batch)
            else:
                judgements[point] = batch[fixture.file]
        except EngineError as error:
            errors[point] = str(error)
    return Outcome(fixture, judgements, time.monotonic() - started, errors, unasked)


def failed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those of which anything is not as it should be."""
    return [outcome for outcome in outcomes if outcome.failures]
