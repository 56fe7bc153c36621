"""`weighbridge engines`: what is found, what is used, and building what is missing."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console

from weighbridge.cli import options
from weighbridge.engines.install import BUILT, install
from weighbridge.engines.locate import ENGINES, candidates, pinned_version, usable


@click.group(invoke_without_command=True, context_settings=options.HELP)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def command(context: click.Context, form: str) -> None:
    """Show, or build, the engines that enforce."""
    if context.invoked_subcommand is None:
        _show(form)


@command.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_engines(form: str) -> None:
    """Show which engines are found, which are used, and why others are not."""
    _show(form)


@command.command("install")
@click.argument("names", nargs=-1, type=click.Choice(BUILT))
@click.option("--force", is_flag=True, help="Build also what is found on PATH in a version that serves.")
def install_engines(names: tuple[str, ...], force: bool) -> None:
    """Build engines (by default OPA, all that the demo needs) from the pinned modules into the cache."""
    console = Console(stderr=True)
    for name in names or ("opa",):
        found = usable(name, envoy_plugin=name == "opa")
        if found and not force:
            click.echo(f"{name} {found.version} is there: {found.path} ({found.origin})")
            continue
        if console.is_terminal:
            with console.status(f"Building {name}") as status:
                path = install(name, progress=status.update)
        else:
            path = install(name)
        click.echo(f"{name} {pinned_version(name)}: {path}")


def _show(form: str) -> None:
    document = [_engine(name) for name in ENGINES]
    if form == "json":
        click.echo(json.dumps(document, indent=2))
        return
    for engine in document:
        click.echo(f"{engine['name']}: {engine['role']}")
        if not engine["candidates"]:
            click.echo(
                "  not found" + (f"; `weighbridge engines install {engine['name']}`" if engine["pinned"] else "")
            )
        for found in engine["candidates"]:
            plugin = (
                ", Envoy plugin" if found["envoy_plugin"] else ", no Envoy plugin" if engine["name"] == "opa" else ""
            )
            verdict = "used" if found["used"] else f"not used: {found['why']}"
            click.echo(f"  {found['path']} ({found['origin']}) {found['version'] or 'no version'}{plugin}: {verdict}")


def _engine(name: str) -> dict[str, Any]:
    found = candidates(name)
    # A plain OPA compiles; the gateway may need another, with the plugin.
    used = {usable(name), usable(name, envoy_plugin=name == "opa")}
    return {
        "name": name,
        "role": ENGINES[name].role,
        "pinned": pinned_version(name),
        "candidates": [
            {
                "path": str(candidate.path),
                "origin": candidate.origin,
                "version": candidate.version,
                "envoy_plugin": candidate.envoy_plugin,
                "used": candidate in used,
                "why": candidate.refused or ("" if candidate in used else "an earlier one is used"),
            }
            for candidate in found
        ],
    }
