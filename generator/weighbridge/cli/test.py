"""`weighbridge test`: fixtures through every enforcement point."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from weighbridge.cli import options

if TYPE_CHECKING:
    from weighbridge.engines.host import Host
    from weighbridge.harness.fixtures import Fixture, PointName

_FORMATS = ("json", "junit", "text")


@click.command(context_settings=options.HELP)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--catalogue", metavar="DIR", default="examples/catalogue", show_default=True, help="For fixtures that name none."
)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option(
    "--points",
    metavar="NAMES",
    default="",
    help="Points to ask, or `all`; by default all but `gator` and `gatekeeper`, which need engines of their own.",
)
@click.option("--engine", type=click.Choice(["local", "docker"]), default="local", show_default=True)
@click.option("--opa-image", metavar="REF", help="With `--engine docker`: an image of OPA with the Envoy plugin.")
@click.option("--envoy-image", metavar="REF", help="With `--engine docker`.")
@click.option("--conftest-image", metavar="REF", help="With `--engine docker`.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Catalogues and moments at once."
)
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    paths: tuple[Path, ...],
    catalogue: str,
    form: str,
    points: str,
    engine: str,
    opa_image: str | None,
    envoy_image: str | None,
    conftest_image: str | None,
    jobs: int,
) -> None:
    """Run fixtures through every enforcement point that applies.

    PATHS are fixtures or folders of them; `tests/fixtures` by default. A fixture fails if a code is missing or surplus,
    or if the points disagree. Exit status: 1 if any fails, 2 if anything cannot be read or an engine is missing.
    """
    from weighbridge.engines.locate import require  # noqa: PLC0415 -- it takes a second, and the help should not wait
    from weighbridge.harness import report  # noqa: PLC0415 -- it takes a second, and the help should not wait for it
    from weighbridge.harness.fixtures import CLUSTER_POINTS, chosen_points, read_fixtures  # noqa: PLC0415 -- the same
    from weighbridge.harness.run import HarnessOptions, failed, run_fixtures  # noqa: PLC0415 -- the same

    fixtures = read_fixtures(list(paths) or [Path("tests/fixtures/pods"), Path("tests/fixtures/requests")])
    asked = chosen_points([name for name in points.split(",") if name])
    options = HarnessOptions(catalogue=catalogue, jobs=jobs, points=asked)
    if engine == "docker":
        images = {"opa": opa_image, "envoy": envoy_image, "conftest": conftest_image}
        named = {name: image for name, image in images.items() if image}
        if set(asked) & set(CLUSTER_POINTS):
            raise click.UsageError("gator and gatekeeper run on this machine only")
        missing = sorted(_engines(fixtures) - set(named))
        if missing:
            raise click.UsageError(f"name images: {', '.join(f'--{name}-image' for name in missing)}")
        options = replace(options, host=functools.partial(_containers, named))
    for name in sorted(_engines_of(set(asked) & set(CLUSTER_POINTS))):
        require(name)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Showing fixtures", total=len(fixtures))
        outcomes = run_fixtures(fixtures, options, done=lambda _: progress.advance(task))
    reports = {"text": report.as_text, "json": report.as_json, "junit": report.as_junit}
    click.echo(reports[form](outcomes))
    sys.exit(1 if failed(outcomes) else 0)


def _engines_of(points: set[PointName]) -> set[str]:
    needed = {"gator": {"gator"}, "gatekeeper": {"etcd", "gatekeeper", "kube-apiserver"}}
    return set().union(*(needed[point] for point in points))


def _engines(fixtures: list[Fixture]) -> set[str]:
    needed = {"workload": {"opa"}, "opa": {"opa"}, "envoy": {"opa", "envoy"}, "conftest": {"conftest"}}
    return set().union(*(needed.get(point, set()) for fixture in fixtures for point in fixture.points))


def _containers(images: dict[str, str], folder: Path) -> Host:
    from weighbridge.engines.containers import ContainerHost  # noqa: PLC0415 -- needs the `docker` package, others do not

    return ContainerHost(images, folder)
