"""`weighbridge explain`: why a version is approved, or why not."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.tree import Tree

from weighbridge.cli import options
from weighbridge.cli.judging import judge_version
from weighbridge.errors import InputError
from weighbridge.registry.explanation import explain

if TYPE_CHECKING:
    from pathlib import Path

_MARKS = {True: "[green]✓[/green]", False: "[red]✗[/red]"}


@click.command("explain", context_settings=options.HELP)
@options.catalogue_argument
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--environment", "environments", metavar="E", multiple=True, help="Explain only this one; repeatable.")
@options.root_option
@options.require_option
@options.at_option
@options.example_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option, all given by click by name
    catalogue: Path,
    version: str,
    environments: tuple[str, ...],
    root_key: Path | None,
    require_signed_trust: bool,
    at: str | None,
    allow_example_keys: bool,
    form: str,
) -> None:
    """Explain MODEL@VERSION of CATALOGUE, environment by environment: each requirement, its evidence, what is missing.

    Exit status: 0 if it is approved in all that are explained, and no order restricts it; 1 if not.
    """
    moment = options.at_ns(at)
    judged = judge_version(
        catalogue,
        version,
        moment,
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        allow_example_keys=allow_example_keys,
    )
    strange = sorted(set(environments) - set(judged.records))
    if strange:
        raise InputError.single("", f"there is no environment {strange[0]}", f"There is {', '.join(judged.records)}.")
    chosen = [name for name in judged.records if not environments or name in environments]
    document = explain(judged, version, chosen, moment)
    options.say_trust(judged.trust)
    if form == "json":
        click.echo(json.dumps(document, indent=2))
    else:
        options.console().print(_tree(document))
    sys.exit(0 if all(part["record"]["approved"] and not part["orders"] for part in document["environments"]) else 1)


def _tree(document: dict[str, Any]) -> Tree:
    tree = Tree(f"[bold]{document['version']}[/bold] {document['digest']} at {document['at']}")
    for part in document["environments"]:
        record = part["record"]
        until = f" until {record['not_after']}" if record["not_after"] else ""
        verdict = f"[green]approved[/green]{until}" if record["approved"] else "[red]refused[/red]"
        branch = tree.add(f"[bold]{part['environment']}[/bold]: {verdict}")
        for requirement in part["requirements"]:
            _add_requirement(branch, requirement)
        for waiver in part["waivers"]:
            branch.add(escape(_waiver(waiver)))
        for order in part["orders"]:
            branch.add(f"{_MARKS[False]} {order['kind']} since {order['issued_at']}: {escape(order['reason'])}")
    _add_unusable(tree, document["unusable"])
    return tree


def _waiver(waiver: dict[str, Any]) -> str:
    codes, end = ", ".join(waiver["codes"]), f"{waiver['not_after']} ({waiver['left'] or 'ended'})"
    return f"{waiver['state']} waiver of {codes} by {waiver['signer']} until {end}: {waiver['reason']}"


def _add_requirement(branch: Tree, requirement: dict[str, Any]) -> None:
    demanded = requirement.get("predicate_type")
    wanted = "" if requirement["met"] or demanded is None else f": {demanded} by {', '.join(requirement['signers'])}"
    leaf = branch.add(f"{_MARKS[requirement['met']]} {escape(requirement['requirement'] + wanted)}")
    for reason in requirement["reasons"]:
        leaf.add(f"[red]{reason['code']}[/red] {escape(reason['message'])}")
    for reason in requirement.get("waived", []):
        leaf.add(f"[yellow]{reason['code']}[/yellow] waived: {escape(reason['message'])}")
    for given in requirement["evidence"]:
        leaf.add(escape(_evidence(given)))
    _add_unusable(leaf, requirement.get("unusable", []))


def _add_unusable(leaf: Tree, unusable: list[dict[str, str]]) -> None:
    for refusal in unusable:
        leaf.add(f"[yellow]{escape(refusal['file'])}[/yellow] does not count: {escape(refusal['reason'])}")


def _evidence(given: dict[str, Any]) -> str:
    parts = [given["file"], f"by {given['signer']}"]
    if given.get("age_seconds") is not None:
        parts.append(f"{_span(given['age_seconds'])} old")
    if given.get("expires"):
        parts.append(f"counts until {given['expires']}")
    if given.get("metrics"):
        parts.append(json.dumps(given["metrics"], sort_keys=True))
    if given.get("passed") is False:
        parts.append("says no: " + ", ".join(given["reasons"]))
    return ", ".join(parts)


def _span(seconds: int) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
