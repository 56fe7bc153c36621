"""`weighbridge compile`: a catalogue into signed bundles."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from weighbridge.bundle.compile import CompileOptions, CompileResult, compile_catalogue
from weighbridge.cli import options
from weighbridge.cli.progress import watched
from weighbridge.keys import load_private_key


@click.command("compile", context_settings=options.HELP)
@options.catalogue_argument
@click.option("--environment", "environments", metavar="E", multiple=True, help="Write only this one; repeatable.")
@click.option(
    "--release-key",
    "release_keys",
    required=True,
    multiple=True,
    metavar="K",
    help=f"Signs the releases: {options.PRIVATE_KEY}. Several while one replaces another, the main one first.",
)
@click.option(
    "--live-key",
    "live_keys",
    multiple=True,
    metavar="K",
    help=f"Signs the first live bundle: {options.PRIVATE_KEY}. Several as above.",
)
@options.root_option
@options.require_option
@options.at_option
@options.jobs_option
@click.option("--cache", metavar="DIR", type=click.Path(path_type=Path), help="Where judgements are kept.")
@click.option("--no-cache", is_flag=True, help="Keep nothing, and use nothing that was kept.")
@click.option("--pss", is_flag=True, help="PS256 instead of RS256 for RSA keys; its signatures are random.")
@options.example_option
@click.option(
    "-o", "--output", required=True, metavar="DIR", type=click.Path(path_type=Path), help="A folder to write."
)
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option, all given by click by name
    catalogue: Path,
    environments: tuple[str, ...],
    release_keys: tuple[str, ...],
    live_keys: tuple[str, ...],
    root_key: Path | None,
    require_signed_trust: bool,
    at: str | None,
    jobs: int | None,
    cache: Path | None,
    no_cache: bool,
    pss: bool,
    allow_example_keys: bool,
    output: Path,
    form: str,
) -> None:
    """Compile CATALOGUE into signed bundles below DIR.

    DIR appears whole or not at all, and is the same bytes for the same catalogue, keys and --at; only the signatures by
    a key in an HSM or KMS, or with --pss, differ each time. All environments are judged whichever are written. Refused
    versions are no failure: they are compiled, as refused.
    """
    releasing = [load_private_key(key) for key in release_keys]
    living = [load_private_key(key) for key in live_keys]
    chosen = CompileOptions(
        output=output,
        release_key=releasing[0],
        further_release_keys=releasing[1:],
        live_key=living[0] if living else None,
        further_live_keys=living[1:],
        at_ns=options.at_ns(at),
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        environments=environments,
        jobs=options.jobs(jobs),
        cache=None if no_cache else cache or _default_cache(),
        pss=pss,
        allow_example_keys=allow_example_keys,
    )
    with watched() as progress:
        result = compile_catalogue(catalogue, chosen, progress)
    _say(result, output, form)


def _default_cache() -> Path | None:
    """Below `$XDG_CACHE_HOME`, or `~/.cache`; none for a user without a home."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "weighbridge" / "judgements"


def _say(result: CompileResult, output: Path, form: str) -> None:
    options.say_trust(result.judged.trust)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if form == "json":
        click.echo(json.dumps(_document(result, output), indent=2))
    else:
        options.console().print(_table(result))


def _counts(result: CompileResult, environment: str) -> dict[str, int]:
    records = result.judged.records[environment].values()
    orders = result.judged.orders.restrictions[environment]
    return {
        "approved": sum(record.approved for record in records),
        "refused": sum(not record.approved for record in records),
        "revoked": sum(record.digest in orders.revoked for record in records),
        "frozen": sum(record.name in orders.frozen for record in records),
    }


def _document(result: CompileResult, output: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "trust": result.judged.trust,
        "warnings": list(result.warnings),
        "environments": {
            name: {"revision": revision, **_counts(result, name)} for name, revision in _in_order(result).items()
        },
    }


def _table(result: CompileResult) -> Table:
    table = Table("environment", "approved", "refused", "revoked", "frozen", "revision")
    for name, revision in _in_order(result).items():
        counts = _counts(result, name)
        table.add_row(name, *(str(count) for count in counts.values()), revision[:19])
    return table


def _in_order(result: CompileResult) -> dict[str, str]:
    """The revisions in the order in which the catalogue names its environments."""
    return {name: result.revisions[name] for name in result.judged.records if name in result.revisions}
