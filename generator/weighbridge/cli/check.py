"""`weighbridge check`: what an environment says to workload manifests, before anybody deploys them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options
from weighbridge.points.check import Checker
from weighbridge.points.manifests import read_manifests

if TYPE_CHECKING:
    from weighbridge.points.check import Report, Result


@click.command(context_settings=options.HELP)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--bundle", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The folder that `compile` wrote."
)
@click.option("--environment", metavar="E", required=True, help="The environment into which the workloads would go.")
@options.format_option
def command(files: tuple[Path, ...], bundle: Path, environment: str, form: str) -> None:
    """Judge workload manifests by what `compile` wrote.

    A FILE is a YAML or JSON file, a folder of them, or `-` for standard input. What is live (revocations since the last
    compile, freezes, suspensions) is not known here. Exit status: 1 if anything is denied, 2 if anything cannot be
    read.
    """
    stdin = sys.stdin.buffer.read() if Path("-") in files else None
    manifests = read_manifests([file for file in files if file != Path("-")], stdin)
    with Checker(bundle, environment) as checker:
        report = checker.check(manifests)
    if form == "json":
        click.echo(json.dumps(report.document(), indent=2, ensure_ascii=False))
    else:
        _print(report)
    sys.exit(1 if report.denied else 0)


def _print(report: Report) -> None:
    for result in report.results:
        for violation in result.violations:
            place = f"{result.file}:{violation.line}:{violation.column}"
            click.echo(f"{place}: {violation.effect} {violation.code} ({violation.severity}): {violation.message}")
    denied = [result for result in report.results if result.denied]
    for result in denied:
        click.echo(f"denied: {_title(result)}")
    allowed = len(report.results) - len(denied)
    click.echo(f"{report.environment}: {allowed} allowed, {len(denied)} denied")


def _title(result: Result) -> str:
    return f"{result.kind or 'object'} {result.name} ({result.file}, document {result.document})"
