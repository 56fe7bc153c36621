"""`weighbridge approve`: sign a person's consent to a version in an environment."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.cli.judging import judge_version
from weighbridge.errors import InputError
from weighbridge.example_keys import refuse_example_keys
from weighbridge.keys import load_private_key
from weighbridge.release.approve import approve, consider
from weighbridge.release.evidence_file import write_evidence

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.release.approve import Consideration

SHOWN = 40
"""Differences that are printed; `--format json` has all."""


@click.command("approve", context_settings=options.HELP)
@options.catalogue_argument
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--environment", required=True, metavar="E", help="For which environment it is approved.")
@click.option("--key", required=True, metavar="K", help=f"Yours, of one of approvals.signers: {options.PRIVATE_KEY}.")
@click.option("--yes", is_flag=True, help="Sign without asking; needed where there is no terminal.")
@options.root_option
@options.require_option
@options.at_option
@options.example_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    catalogue: Path,
    version: str,
    environment: str,
    key: str,
    yes: bool,
    root_key: Path | None,
    require_signed_trust: bool,
    at: str | None,
    allow_example_keys: bool,
    form: str,
) -> None:
    """Approve MODEL@VERSION of CATALOGUE for the environment E, after showing what is approved.

    Shown are the digest, what is held of evidence, and what differs from the version approved there before. The signed
    approval is written into the version's evidence/; it speaks of exactly this manifest.

    Exit status: 0 if it is approved by this key; 1 if it is not to be approved, or you said no: nothing was signed.
    """
    moment = options.at_ns(at)
    private = load_private_key(key)
    if not allow_example_keys:
        refuse_example_keys({"--key": private.public_key()})
    judged = judge_version(
        catalogue,
        version,
        moment,
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        allow_example_keys=allow_example_keys,
        siblings=True,
    )
    found = consider(judged, version, environment, private.public_key(), moment)
    options.say_trust(judged.trust)
    if form == "text":
        _show(found)
    written = None
    if not found.given and not found.refusals and _consents(yes):
        file = approve(judged, found, private, moment)
        write_evidence(judged.catalogue.root, [file])
        written = file.path
    _conclude(found, written, form)
    sys.exit(0 if found.given or written else 1)


def _consents(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        message = "an approval is asked for, and there is no terminal to ask on"
        raise InputError.single("", message, "Add --yes once you have seen what is approved.", field="--yes")
    return click.confirm("Approve this?", default=False, err=True)


def _show(found: Consideration) -> None:
    shown = found.shown
    lines = [
        f"{shown['version']} for {shown['environment']}, by {shown['signer']} at {shown['at']}",
        f"  artifact  {shown['digest']}",
        f"  manifest  {shown['manifest_sha256']}",
    ]
    for requirement in shown["requirements"]:
        lines.append(f"  {'✓' if requirement['met'] else '✗'} {requirement['requirement']}")
        lines += [f"      {reason['code']} {reason['message']}" for reason in requirement["reasons"]]
    if shown["before"] is None:
        lines.append(f"  no other version is approved for {shown['environment']}")
    else:
        lines.append(f"  differs from {shown['before']}, approved before, in {len(shown['differences'])} things")
        lines += [f"      {_difference(given)}" for given in shown["differences"][:SHOWN]]
        if len(shown["differences"]) > SHOWN:
            lines.append(f"      and {len(shown['differences']) - SHOWN} more; --format json shows all")
    lines += [f"  ✗ {refusal}" for refusal in found.refusals]
    click.echo("\n".join(map(options.printable, lines)))


def _difference(given: dict[str, Any]) -> str:
    before, after = (json.dumps(given[side], ensure_ascii=True)[:80] for side in ("before", "after"))
    return f"{given['what']}: {before} -> {after}"


def _conclude(found: Consideration, written: str | None, form: str) -> None:
    if form == "json":
        document = {
            **found.shown,
            "refusals": list(found.refusals),
            "approved": found.given or written is not None,
            "written": written,
        }
        click.echo(json.dumps(document, indent=2))
    elif written:
        click.echo(f"approved: wrote {written}")
    elif found.given:
        click.echo(f"{found.signer.name} has approved this already; nothing signed")
    else:
        click.echo("not approved; nothing signed")
