"""What converters hand over: findings of a scan, or a finished predicate, with what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "unknown"
"""The score of what a scanner gives no severity: no rule takes it for a low one."""


@dataclass(frozen=True)
class Suppression:
    """Who says, and why, that a finding does not matter. Whether that counts is for the evidence rule."""

    by: str
    """`openvex`, or the format of the tool that suppressed it itself."""
    status: str
    justification: str
    source: str
    """The document or file that says so."""
    author: str = ""
    timestamp: str = ""


@dataclass(frozen=True)
class Finding:
    """One vulnerability in one package, or one result of a rule at one place."""

    id: str
    severity: tuple[tuple[str, str], ...]
    """`(method, score)` as the tool gives them; empty where it gives none."""
    aliases: tuple[str, ...] = ()
    purl: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    """For people: package, version, place."""
    suppressed: Suppression | None = None


@dataclass(frozen=True)
class Scan:
    """A scan that provably took place, with everything that it found."""

    uri: str
    """What the program is called in `scanners` of the evidence rule."""
    version: str
    findings: tuple[Finding, ...]
    database: Mapping[str, str] = field(default_factory=dict)
    """`uri`, `version`, `lastUpdate`, as far as the report says."""
    started_ns: int | None = None
    finished_ns: int | None = None
    digests: frozenset[str] = frozenset()
    """What the report says that it scanned; empty where it does not say."""
    not_carried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What the command line adds to a report."""

    subject: str
    """The digest that the statement will be about."""
    predicate_type: str | None = None
    vex: tuple[tuple[str, bytes], ...] = ()
    """`(file, bytes)` of each OpenVEX document."""
    scanned_at_ns: int | None = None
    exit_code: int | None = None
    """What the program's exit status was: some write a report of nothing when they failed."""
    dataset: tuple[str, str] | None = None
    """URI and digest."""
    metrics: tuple[tuple[str, str], ...] = ()
    """`(name, source)`: what a metric is to be called, and what the report calls it."""


@dataclass(frozen=True)
class Conversion:
    """A predicate, ready to be signed."""

    predicate_type: str
    predicate: dict[str, Any]
    notes: tuple[str, ...] = ()
    """What of the report was not carried, and what whoever signs should know."""


def require_exit(options: Options, found: bool, file: str) -> None:
    """Demand the program's exit status where its report looks the same whether it succeeded or failed.

    Args:
        options: with the exit status: 0 for a scan without findings, 1 for one with findings.
        found: whether the report has findings.
        file: the report's name.

    Raises:
        InputError: not given, that of a failure, or not the one of this report.
    """
    given = options.exit_code
    if given is None:
        fix = "Say by --exit-code what its exit status was."
        raise InputError.single(file, "does not tell whether the program succeeded", fix)
    if given not in {0, 1}:
        message = f"is what the program wrote when it failed (exit status {given})"
        raise InputError.single(file, message, "Scan again, until it succeeds.", field="--exit-code")
    if given == 1 and not found:
        raise InputError.single(
            file, "has no findings, and its exit status was 1", "Name the right report.", field="--exit-code"
        )


def require_subject(digests: frozenset[str], options: Options, file: str) -> None:
    """Refuse a report about something else than the statement.

    Raises:
        InputError: the report names digests, and the subject is none of them.
    """
    if digests and options.subject not in digests:
        named = ", ".join(sorted(digests)[:5])
        message = f"is a report about {named}, not about {options.subject}"
        raise InputError.single(file, message, "Scan exactly what the statement is about, by its digest.")
