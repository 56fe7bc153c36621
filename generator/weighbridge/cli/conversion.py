"""The options of `weighbridge attest --scanner`: what a report is, and what it does not say itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.catalogue.names import Digest, Uri, parse_time_ns
from weighbridge.catalogue.validation import validate_value
from weighbridge.errors import InputError
from weighbridge.evidence.convert import SCANNERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.evidence.convert.report import Conversion

_PATH = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--scanner", type=click.Choice(SCANNERS), help="FILE is the report of this program: convert it."),
    click.option("--vex", multiple=True, metavar="FILE", type=_PATH, help="OpenVEX about the findings of the scan."),
    click.option("--scanned-at", metavar="TIME", help="When the scan ended, for reports that do not say."),
    click.option("--exit-code", metavar="N", type=click.IntRange(0, 255), help="The scanner's own exit status."),
    click.option("--metric", multiple=True, metavar="NAME=SOURCE", help="Carry this metric only, and call it NAME."),
    click.option("--dataset-uri", metavar="URI", help="What the model was evaluated on."),
    click.option("--dataset-digest", metavar="D", help="The digest of that, sha256:..."),
)


@dataclass(frozen=True)
class Given:
    """The options as they were given."""

    scanner: str | None
    vex: tuple[Path, ...]
    scanned_at: str | None
    exit_code: int | None
    metric: tuple[str, ...]
    dataset_uri: str | None
    dataset_digest: str | None


def conversion_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as keyword arguments, to be put into `Given`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def refuse_without_scanner(given: Given) -> None:
    """Refuse what would otherwise be ignored.

    Raises:
        InputError: naming the options that only a conversion takes.
    """
    options = {
        "--vex": given.vex,
        "--scanned-at": given.scanned_at,
        "--exit-code": given.exit_code is not None,
        "--metric": given.metric,
        "--dataset-uri": given.dataset_uri,
        "--dataset-digest": given.dataset_digest,
    }
    used = [name for name, value in options.items() if value]
    if used:
        raise InputError.single(
            "", "is for reports that are converted", "Add --scanner, or leave it out.", field=used[0]
        )


def convert_report(
    given: Given, source: Path, subject: str, predicate_type: str | None, read: Callable[[Path, int], bytes]
) -> Conversion:
    """The report as a predicate.

    Args:
        given: the options; `scanner` is one of them.
        source: the report.
        subject: the digest that the statement will be about.
        predicate_type: `--predicate-type`.
        read: gives the bytes of a file, up to a number of them.

    Raises:
        InputError: an option or the report cannot be used.
    """
    from weighbridge.evidence.convert.formats import convert  # noqa: PLC0415 -- a dozen models, for this option alone
    from weighbridge.evidence.convert.reading import REPORT_BYTES  # noqa: PLC0415 -- the same
    from weighbridge.evidence.convert.report import Options  # noqa: PLC0415 -- the same

    options = Options(
        subject=subject,
        predicate_type=predicate_type,
        vex=tuple((str(file), read(file, REPORT_BYTES)) for file in given.vex),
        scanned_at_ns=_time(given.scanned_at),
        exit_code=given.exit_code,
        dataset=_dataset(given),
        metrics=tuple(_metric(text) for text in given.metric),
    )
    return convert(str(given.scanner), read(source, REPORT_BYTES), str(source), options)


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_time_ns(text)
    except ValueError as error:
        raise InputError.single("", f"is {text[:80]!a}, {error}", "Correct the time.", field="--scanned-at") from error


def _dataset(given: Given) -> tuple[str, str] | None:
    if given.dataset_uri is None and given.dataset_digest is None:
        return None
    validate_value(Uri, given.dataset_uri, "--dataset-uri")
    validate_value(Digest, given.dataset_digest, "--dataset-digest")
    return str(given.dataset_uri), str(given.dataset_digest)


def _metric(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if not (name and equals and source):
        raise InputError.single(
            "", f"is {text[:80]!a}, not NAME=SOURCE", "Write exact_match=gsm8k/exact_match.", field="--metric"
        )
    return name, source
