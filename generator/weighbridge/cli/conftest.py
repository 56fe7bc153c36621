"""`weighbridge conftest`: `conftest test` with what `compile` wrote, for whoever has conftest in their pipeline."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from weighbridge.cli import options


@click.command(context_settings={**options.HELP, "ignore_unknown_options": True})
@click.option(
    "--bundle", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The folder that `compile` wrote."
)
@click.option(
    "--environment",
    "environments",
    metavar="E",
    required=True,
    multiple=True,
    help="One of its environments; repeatable.",
)
@click.argument("arguments", metavar="[CONFTEST'S OPTIONS] FILE...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(bundle: Path, environments: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run `conftest test` on manifests, with the policy and data of one environment or several.

    Everything that conftest loads is compared with `index.json` first. Options that are not Weighbridge's are
    conftest's own, such as `--output table`. Exit status: 1 if anything is denied, 2 if anything cannot be read.
    """
    from weighbridge.engines.conftest import conftest_test  # noqa: PLC0415 -- late, as other commands do without
    from weighbridge.points.compiled import CompiledFolder  # noqa: PLC0415 -- the same

    stdin = sys.stdin.buffer.read() if "-" in arguments else b""
    plain = () if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("--no-color",)
    folders = {environment: CompiledFolder(bundle, environment) for environment in dict.fromkeys(environments)}
    denied = False
    for environment, compiled in folders.items():
        if len(folders) > 1:
            click.echo(f"{environment}:", err=True)
        tested = conftest_test(compiled, (*plain, *arguments), stdin)
        denied = denied or tested.denied
        click.echo(tested.stdout, nl=False)
        click.echo(tested.stderr, nl=False, err=True)
    sys.exit(1 if denied else 0)
