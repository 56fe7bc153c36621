"""`weighbridge impact`: what a catalogue's rules would deny among what runs now."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli import options

if TYPE_CHECKING:
    from weighbridge.impact.running import Running
    from weighbridge.impact.simulate import Impact

_WORD = {"deny": "would be denied", "warn": "would be warned of", "dry-run": "would be noted", "waived": "are waived"}


@click.command(context_settings=options.HELP)
@options.catalogue_argument
@click.argument("dumps", metavar="[DUMP]...", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--environment", metavar="E", required=True, help="The environment whose rules are asked.")
@click.option(
    "--kubeconfig", metavar="FILE", type=click.Path(path_type=Path), help="Ask this cluster instead of a dump."
)
@click.option("--context", metavar="NAME", help="A context of the kubeconfig; by default the current one.")
@click.option("--against", metavar="COMMIT", default="", help="Tell what is new since this commit of the catalogue.")
@click.option("--owner-label", metavar="LABEL", default="owner", show_default=True, help="The label that names owners.")
@options.root_option
@options.at_option
@options.example_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option, all given by click by name
    catalogue: Path,
    dumps: tuple[Path, ...],
    environment: str,
    kubeconfig: Path | None,
    context: str | None,
    against: str,
    owner_label: str,
    root_key: Path | None,
    at: str | None,
    allow_example_keys: bool,
    form: str,
) -> None:
    """Tell what would be denied among what runs, by requirement and owner.

    A DUMP is what `kubectl get -A -o yaml KINDS` printed, or `-` for standard input; with namespaces in it, those that
    another environment judges are left alone. `--at` is also the clock, so that a requirement that bites later can be
    tried now. Nothing is written. Exit status: 1 if anything would be denied, with --against only if that is new.
    """
    from weighbridge.cli.progress import watched  # noqa: PLC0415 -- late, as other commands do without
    from weighbridge.impact.simulate import Question, document, simulate  # noqa: PLC0415 -- the same

    question = Question(catalogue, environment, options.at_ns(at), root_key, allow_example_keys)
    running = _running(dumps, environment, kubeconfig, context)
    with watched() as progress:
        impact = simulate(question, running, owner_label, against, progress)
    if form == "json":
        click.echo(json.dumps(document(impact), indent=2, ensure_ascii=False))
    else:
        _print(impact)
    bad = any(each.effect == "deny" and impact.is_new(each) for each in impact.findings)
    sys.exit(1 if bad else 0)


def _running(dumps: tuple[Path, ...], environment: str, kubeconfig: Path | None, context: str | None) -> list[Running]:
    from weighbridge.impact.running import arranged, bound, read_running  # noqa: PLC0415 -- the same

    asked = kubeconfig is not None or context is not None
    if asked == bool(dumps):
        raise click.UsageError("name dumps, or a cluster by --kubeconfig or --context, and not both")
    if asked:
        from weighbridge.impact.cluster import read_cluster  # noqa: PLC0415 -- an extra

        found, refused = read_cluster(kubeconfig, context)
        if refused:
            names = options.printable(", ".join(refused))
            click.echo(f"not judged, as the kubeconfig's user may not list them: {names}", err=True)
        return bound(arranged(found), environment)
    stdin = sys.stdin.buffer.read() if Path("-") in dumps else None
    return bound(read_running([path for path in dumps if path != Path("-")], stdin), environment)


def _print(impact: Impact) -> None:
    from weighbridge.impact.simulate import by_requirement  # noqa: PLC0415 -- the same

    grouped = by_requirement(impact.findings)
    for (effect, code), owners in grouped.items():
        known = impact.help.get(code)
        first = next(iter(owners.values()))[0]
        title = f": {known.title}" if known else ""
        workloads = sum(map(len, owners.values()))
        click.echo(f"{code} ({first.severity}){title}: {workloads} {_WORD[effect]}")
        for owner, findings in owners.items():
            click.echo(f"  {options.printable(owner)}")
            for each in findings:
                mark = "new   " if impact.before is not None and impact.is_new(each) else ""
                click.echo(f"    {mark}{options.printable(f'{each.workload}: {each.message}')}")
    for code, effect, workload in impact.gone:
        click.echo(f"no longer: {effect} {code} {options.printable(str(workload))}")
    new = sum(each.effect == "deny" and impact.is_new(each) for each in impact.findings)
    since = f", {new} new denials" if impact.before is not None else ""
    click.echo(f"{impact.environment}: {impact.workloads} workloads, {len(impact.denied)} would be denied{since}")
