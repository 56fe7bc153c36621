"""`weighbridge orders verify`: a log, checked by whoever has it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli import options
from weighbridge.cli.log_options import controls_of, keys_of, log_options, read_lines
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.control.checked_log import CheckedLog


@click.command("verify", context_settings=options.HELP)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@log_options
@click.option(
    "--live",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The live bundle that was published with it: shows that nothing was cut off, and must follow from it.",
)
@options.format_option
def command(
    log: Path,
    live_keys: tuple[Path, ...],
    release_keys: tuple[Path, ...],
    bundles: tuple[Path, ...],
    live: Path | None,
    form: str,
) -> None:
    """Verify LOG: each signature, the chain, each order by the authority of its release, the live data that follows.

    Exit status: 0 if all of it is as it must be, 1 if not.
    """
    from weighbridge.bundle.live import KEYID, ROOTS  # noqa: PLC0415 -- it takes a while
    from weighbridge.bundle.verify import verify_bundle  # noqa: PLC0415 -- as above
    from weighbridge.control.checked_log import check_log, controls_in, signed_releases  # noqa: PLC0415 -- as above

    keys, files, lines = keys_of(live_keys), controls_of(bundles), read_lines(log)
    signed = signed_releases(files, keys_of(release_keys, "--release-key").values()) if release_keys else None
    controls = controls_in(files)
    try:
        bundle = None
        if live is not None:
            data = live.read_bytes()
            bundle = verify_bundle(data, keys.values(), keyid=KEYID, scope=None, roots=ROOTS, file=str(live))
        checked = check_log(lines, keys, controls, signed=signed, live=bundle, file=str(log))
    except OSError as error:
        raise InputError.single(str(live), f"cannot be read: {error.strerror}", field="--live") from error
    except InputError as error:
        # The log was read: that it does not verify is the answer.
        _tell({"verified": False, "differences": [str(problem) for problem in error.problems]}, form)
        sys.exit(1)
    if bundle is not None and bundle.scope != f"{checked.environment}-live":
        message = f"is signed for {bundle.scope}, and the log is of {checked.environment}"
        raise InputError.single(str(live), message, field="--live")
    _tell(_document(checked), form)
    sys.exit(1 if checked.differences else 0)


def _document(checked: CheckedLog) -> dict[str, Any]:
    return {
        "verified": not checked.differences,
        "environment": checked.environment,
        "entries": checked.head.number,
        "sha256": checked.head.sha256,
        "orders": checked.orders,
        "judged": checked.judged,
        "releases": list(checked.releases),
        "live": checked.live,
        "differences": list(checked.differences),
        "unchecked": list(checked.unchecked),
    }


def _tell(document: dict[str, Any], form: str) -> None:
    if form == "json":
        click.echo(json.dumps(document, indent=2))
        return
    for difference in document["differences"]:
        click.echo(options.printable(f"wrong: {difference}"))
    if document["verified"]:
        judged = f"{document['judged']} of {document['orders']} orders judged anew"
        click.echo(f"{document['environment']}: {document['entries']} entries verified, {judged}")
        if document["live"]:
            click.echo(f"live bundle {document['live']} follows from them")
    for unchecked in document.get("unchecked", ()):
        click.echo(options.printable(f"not checked: {unchecked}"))
