"""`weighbridge generate hardened`: the same workload, with everything mended that can be mended mechanically."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from weighbridge.cli import options


@click.command("hardened", context_settings=options.HELP)
@click.argument("file", metavar="MANIFEST", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--bundle", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The folder that `compile` wrote."
)
@click.option("--environment", metavar="E", required=True, help="The environment into which the workload would go.")
@click.option("--whole", is_flag=True, help="Print the whole manifest instead of a diff.")
def command(file: Path, bundle: Path, environment: str, whole: bool) -> None:
    """Print what would have to change in a manifest, as a diff that `patch` takes.

    Whatever can be mended without knowing the workload is: security contexts, host access, digests that the catalogue
    knows, settings that leave the mesh. Limits, secrets, models and their sources are not. What is still denied is told
    on standard error. Exit status: 1 if the result would be denied.
    """
    from weighbridge.harden.harden import harden  # noqa: PLC0415 -- late, as other commands do without
    from weighbridge.points.check import Checker  # noqa: PLC0415 -- the same
    from weighbridge.points.manifests import read_text  # noqa: PLC0415 -- the same

    text = read_text(file, sys.stdin.buffer)
    with Checker(bundle, environment) as checker:
        hardened = harden(text, str(file), checker)
    if whole:
        click.echo(hardened.after, nl=False)
    else:
        name = "manifest.yaml" if str(file) == "-" else file.as_posix().lstrip("/")
        lines = (hardened.before.splitlines(keepends=True), hardened.after.splitlines(keepends=True))
        click.echo("".join(difflib.unified_diff(*lines, f"a/{name}", f"b/{name}")), nl=False)
    for result in hardened.report.results:
        for each in result.violations:
            said = f"{result.kind}/{result.name}: {each.effect} {each.code}: {each.message}"
            click.echo(options.printable(said), err=True)
    sys.exit(1 if hardened.report.denied else 0)
