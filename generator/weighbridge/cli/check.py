"""`weighbridge check`: what an environment says to workload manifests, before anybody deploys them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.points.check import Checker

if TYPE_CHECKING:
    from weighbridge.points.report import Report


@click.command(context_settings=options.HELP)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--bundle", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The folder that `compile` wrote."
)
@click.option("--environment", metavar="E", required=True, help="The environment into which the workloads would go.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Leave alone what matches, below folders; repeatable.")
@options.report_format_option
def command(files: tuple[Path, ...], bundle: Path, environment: str, exclude: tuple[str, ...], form: str) -> None:
    """Judge workload manifests by what `compile` wrote.

    A FILE is a YAML or JSON file, a folder of them, or `-` for standard input, such as what `helm template` and
    `kustomize build` print. What is live (revocations since the last compile, freezes, suspensions) is not known here.
    Exit status: 1 if anything is denied, 2 if anything cannot be read.
    """
    with Checker(bundle, environment) as checker:
        # From here on OPA compiles the rules: what is imported now costs no time.
        from weighbridge.points.manifests import Manifests  # noqa: PLC0415

        stdin = sys.stdin.buffer.read() if Path("-") in files else None
        manifests = Manifests([file for file in files if file != Path("-")], stdin, exclude)
        report = checker.check(manifests)
        report = replace(report, not_judged=tuple(manifests.not_judged))
        click.echo(_shown(report, form, checker))
    sys.exit(1 if report.denied else 0)


def _shown(report: Report, form: str, checker: Checker) -> str:
    # Each run shows one form, and need not wait for the others to be imported.
    if form == "json":
        import json  # noqa: PLC0415

        return json.dumps(report.document(), indent=2, ensure_ascii=False)
    if form == "sarif":
        from weighbridge.points.reports.sarif import as_sarif  # noqa: PLC0415
        from weighbridge.points.rule_help import rule_help  # noqa: PLC0415

        return as_sarif(report, rule_help(checker.policy), Path.cwd())
    if form == "junit":
        from weighbridge.points.reports.junit import as_junit  # noqa: PLC0415

        return as_junit(report)
    if form == "github":
        from weighbridge.points.reports.github import as_github  # noqa: PLC0415

        return as_github(report, Path.cwd())
    from weighbridge.points.reports.text import as_text  # noqa: PLC0415

    return as_text(report)
