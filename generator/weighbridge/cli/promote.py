"""`weighbridge promote`: move a version into the next environment, by evidence alone."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.names import format_time
from weighbridge.cli import options
from weighbridge.cli.judging import judge_version
from weighbridge.example_keys import refuse_example_keys
from weighbridge.keys import load_private_key
from weighbridge.release.evidence_file import write_evidence
from weighbridge.release.promote import outlook, promote
from weighbridge.release.signers import named_signer

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.keys import PrivateKey
    from weighbridge.registry.judgement import Judged
    from weighbridge.release.promote import Outlook


@click.command("promote", context_settings=options.HELP)
@options.catalogue_argument
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--to", "target", required=True, metavar="E", help="The environment it is to be promoted into.")
@click.option(
    "--key", metavar="K", help=f"Of one of promotions.signers, without which nothing is signed: {options.PRIVATE_KEY}."
)
@click.option(
    "--vsa-key", metavar="K", help=f"Signs the verification summary, by default the same key: {options.PRIVATE_KEY}."
)
@options.root_option
@options.require_option
@options.at_option
@options.example_option
@options.format_option
def command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    catalogue: Path,
    version: str,
    target: str,
    key: str | None,
    vsa_key: str | None,
    root_key: Path | None,
    require_signed_trust: bool,
    at: str | None,
    allow_example_keys: bool,
    form: str,
) -> None:
    """Promote MODEL@VERSION of CATALOGUE into the environment E, if its gate finds all but the promotion itself.

    Writes the signed promotion and a signed SLSA verification summary into the version's evidence/. Without --key it
    only shows what is missing.

    Exit status: 0 if it is promoted, or could be; 1 if something is missing, and nothing was signed.
    """
    moment = options.at_ns(at)
    private = load_private_key(key) if key is not None else None
    summary = load_private_key(vsa_key) if vsa_key is not None else private
    if not allow_example_keys:
        given = {"--key": private, "--vsa-key": summary}
        refuse_example_keys({option: found.public_key() for option, found in given.items() if found is not None})
    judged = judge_version(
        catalogue,
        version,
        moment,
        root_key=root_key,
        require_signed_trust=require_signed_trust,
        allow_example_keys=allow_example_keys,
    )
    found = outlook(judged, version, target)
    if private is not None and summary is not None:
        _check_signers(judged, target, private, summary, moment)
    options.say_trust(judged.trust)
    written: list[str] = []
    if private is not None and summary is not None and not found.missing and not found.promoted:
        files = promote(judged, found, private, summary, moment)
        write_evidence(judged.catalogue.root, files)
        written = [file.path for file in files]
    _report(_document(judged, found, written, moment), form)
    sys.exit(1 if found.missing else 0)


def _check_signers(judged: Judged, target: str, key: PrivateKey, summary: PrivateKey, at_ns: int) -> None:
    """Before anything is signed: a statement by anybody else would lie in the catalogue and count for nothing."""
    catalogue = judged.catalogue
    promotions = catalogue.configuration.environments[target].promotions
    if promotions is not None:
        place = f"environments.{target}.promotions.signers"
        named_signer(catalogue, promotions.signers, key.public_key(), at_ns, place=place)
    named_signer(catalogue, catalogue.signers, summary.public_key(), at_ns, place="trust.signers", option="--vsa-key")


def _document(judged: Judged, found: Outlook, written: list[str], at_ns: int) -> dict[str, Any]:
    possible = found.possible_from_ns
    return {
        "version": found.name,
        "digest": judged.catalogue.versions[found.name].artifact_digest,
        "from": found.origin,
        "to": found.target,
        "at": format_time(at_ns),
        "trust": judged.trust,
        "promoted": found.promoted or bool(written),
        "missing": [reason.document() for reason in found.missing],
        # Rounded up: at that second it is possible.
        "possible_from": None if possible is None else format_time(possible + 10**9 - 1),
        "written": written,
    }


def _report(document: dict[str, Any], form: str) -> None:
    if form == "json":
        click.echo(json.dumps(document, indent=2))
        return
    head = f"{document['version']} {document['digest']}: {document['from']} to {document['to']} at {document['at']}"
    lines = [head, *(f"  ✗ {reason['code']} {reason['message']}" for reason in document["missing"])]
    if document["possible_from"]:
        lines.append(f"  long enough in {document['from']} from {document['possible_from']} on")
    lines += [f"  wrote {path}" for path in document["written"]]
    if document["written"]:
        lines.append("promoted")
    elif document["missing"]:
        lines.append(f"not promoted, nothing signed: {len(document['missing'])} missing")
    elif document["promoted"]:
        lines.append("is there already; nothing signed")
    else:
        lines.append("nothing is missing but the promotion itself: sign it with --key")
    click.echo("\n".join(map(options.printable, lines)))
