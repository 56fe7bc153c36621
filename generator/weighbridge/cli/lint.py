"""`weighbridge lint`: a catalogue's own rules, before anybody compiles them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.engines.lint import Finding


@click.command(context_settings=options.HELP)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Format the files in place first.")
@click.option("--strict", is_flag=True, help="Fail for warnings, too.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
def command(paths: tuple[Path, ...], fix: bool, strict: bool, form: str) -> None:
    """Check Rego of your own: what a compile would refuse, `opa check`, `opa fmt` and Regal, in one list.

    A PATH is a catalogue, whose `policies/` is read, or a folder or file of Rego. Regal goes by your own
    `.regal/config.yaml` where there is one. Exit status: 1 if there is an error, 2 if anything cannot be read.
    """
    from weighbridge.engines.lint import lint, reformat, rego_files  # noqa: PLC0415 -- late, as other commands do without

    files = rego_files(paths)
    for file in reformat(files) if fix else ():
        click.echo(f"{file}: formatted", err=True)
    findings = lint(files)
    _SHOW[form](findings, len(files))
    grave = [each for each in findings if strict or each.level == "error"]
    sys.exit(1 if grave else 0)


def _text(findings: Sequence[Finding], files: int) -> None:
    for each in findings:
        more = f" ({each.reference})" if each.reference else ""
        place = ":".join(str(part) for part in (each.file, each.line, each.column) if part)
        click.echo(options.printable(f"{place}: {each.level} {each.rule}: {each.message}{more}"))
    errors = sum(each.level == "error" for each in findings)
    click.echo(f"{files} files, {errors} errors, {len(findings) - errors} warnings")


def _json(findings: Sequence[Finding], files: int) -> None:
    click.echo(json.dumps({"files": files, "findings": [asdict(each) for each in findings]}, indent=2))


def _github(findings: Sequence[Finding], _: int) -> None:
    from weighbridge.points.reports.github import annotation  # noqa: PLC0415 -- the same

    for each in findings:
        line, column = str(each.line or 1), str(each.column or 1)
        properties = {"file": each.file, "line": line, "col": column, "title": each.rule}
        click.echo(annotation(each.level, properties, each.message))


_SHOW = {"text": _text, "json": _json, "github": _github}
