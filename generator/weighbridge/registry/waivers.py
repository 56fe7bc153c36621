"""Waivers that lie in the catalogue: verified, and brought into the form that points compare (CONTRACTS: Waivers).

Order of steps: read and verify every file of `waivers/`; demand a signer whose `waives` names each code, who counts at
`--at`; sort out what has expired. One that does not verify fails the whole catalogue, as an order does: somebody relies
on it, and would learn of it from denials. One that has expired is listed and has no effect. No I/O.

A waiver lifts something, so who signs it must count now. It ends with its signer's key at the latest. The time is not
judged here but by every point, with its own clock, at each decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import NEVER_NS, format_time
from weighbridge.catalogue.softening import gate_waives, waiver_refusal
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.context import context_of
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.predicates import WAIVER, WaiverPredicate
from weighbridge.evidence.signed import Signatures
from weighbridge.evidence.statement import parse_statement
from weighbridge.registry.own_subject import own_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weighbridge.catalogue.catalogue import Catalogue, EvidenceFile, Signer
    from weighbridge.evidence.statement import Statement

SOON_NS = 14 * 86_400 * 10**9
"""From how long before its end on a waiver is mentioned, in nanoseconds."""
_SIGN_AGAIN = "Have somebody sign it whose `waives` names every one of its codes, or remove the file."
_WRITE_AGAIN = "Write it anew with `weighbridge waive`, or remove the file."


@dataclass(frozen=True)
class Waiver:
    """A waiver whose form and signature are in order; whether its time has come is another matter."""

    file: str
    predicate: WaiverPredicate
    signer: str
    not_after: int
    """Nanoseconds: its own end, or that of its signer's key if that comes first."""

    def state(self, at_ns: int) -> str:
        """`pending`, `current` or `expired` at a moment."""
        if at_ns >= self.not_after:
            return "expired"
        return "pending" if at_ns < self.predicate.not_before else "current"

    def scope(self) -> dict[str, Any]:
        """What it is about, without what is not given."""
        return self.predicate.scope.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def entry(self) -> dict[str, Any]:
        """As points read it."""
        scope = self.scope()
        return {
            "file": self.file,
            "signer": self.signer,
            "not_before": self.predicate.not_before,
            "not_after": self.not_after,
            "scope": scope if "artifact" in scope else {"images": [], **scope},
        }


def read_waivers(catalogue: Catalogue, at_ns: int) -> tuple[Waiver, ...]:
    """Every waiver of the catalogue, verified, expired ones too, sorted by file.

    Args:
        catalogue: what was read.
        at_ns: `--at`.

    Raises:
        InputError: with every problem of every file: one waiver that does not verify is never skipped.
    """
    if not catalogue.waivers:
        return ()
    reader = _Reader(catalogue, at_ns)
    problems: list[Problem] = []
    waivers: list[Waiver] = []
    for file in sorted(catalogue.waivers, key=lambda entry: entry.path):
        try:
            waivers.append(reader.read(file))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(waivers)


def point_waivers(waivers: Iterable[Waiver], environment: str, at_ns: int) -> dict[str, list[dict[str, Any]]]:
    """By code, what the points of one environment compare: all that has not ended at `--at`, also what is to come."""
    found: dict[str, list[dict[str, Any]]] = {}
    for waiver in waivers:
        if waiver.predicate.environment == environment and waiver.state(at_ns) != "expired":
            for code in waiver.predicate.codes:
                if not gate_waives(code):
                    found.setdefault(code, []).append(waiver.entry())
    return dict(sorted(found.items()))


def gate_waivers(waivers: Iterable[Waiver], environment: str, artifact: str) -> dict[str, list[dict[str, int]]]:
    """By code, when the gate of one environment takes something else for what one artifact lacks."""
    found: dict[str, list[dict[str, int]]] = {}
    for waiver in waivers:
        if (waiver.predicate.environment, waiver.predicate.scope.artifact) == (environment, artifact):
            for code in waiver.predicate.codes:
                if gate_waives(code):
                    times = {"not_before": waiver.predicate.not_before, "not_after": waiver.not_after}
                    found.setdefault(code, []).append(times)
    return found


def lifted_artifacts(waivers: Iterable[Waiver]) -> set[str]:
    """The artifacts about which the gate has some waiver, whenever it holds."""
    return {
        waiver.predicate.scope.artifact
        for waiver in waivers
        if waiver.predicate.scope.artifact is not None and any(map(gate_waives, waiver.predicate.codes))
    }


def waiver_warnings(catalogue: Catalogue, waivers: Sequence[Waiver], at_ns: int) -> tuple[str, ...]:
    """What a reader should know: which have ended, which end soon, and which are about nothing there is."""
    known = {version.artifact_digest for version in catalogue.versions.values()}
    return tuple(warning for waiver in waivers for warning in _warnings(waiver, known, at_ns))


def remaining(waiver: Waiver, at_ns: int) -> str:
    """How long a waiver still holds, for people."""
    left = waiver.not_after - at_ns
    days, hours = left // (86_400 * 10**9), left // (3600 * 10**9)
    return f"{days} days" if days > 1 else f"{hours} hours" if hours > 1 else f"{max(left // (60 * 10**9), 0)} minutes"


def _warnings(waiver: Waiver, known: set[str], at_ns: int) -> Iterable[str]:
    codes = ", ".join(waiver.predicate.codes)
    if waiver.state(at_ns) == "expired":
        yield f"{waiver.file}: the waiver of {codes} ended at {format_time(waiver.not_after)}; remove the file"
        return
    if waiver.not_after - at_ns < SOON_NS:
        what = f"the waiver of {codes} in {waiver.predicate.environment}"
        yield f"{waiver.file}: {what} ends in {remaining(waiver, at_ns)}"
    artifact = waiver.predicate.scope.artifact
    if artifact is not None and artifact not in known:
        yield f"{waiver.file}: waives {codes} for {artifact}, which is not in the catalogue"


class _Reader:
    """Reads and verifies one waiver after the other, with the signers of one catalogue."""

    def __init__(self, catalogue: Catalogue, at_ns: int) -> None:
        self._signers = catalogue.signers
        self._environments: Mapping[str, Any] = catalogue.configuration.environments
        self._at_ns = at_ns
        self._signatures = Signatures(context_of(catalogue, at_ns))

    def read(self, file: EvidenceFile) -> Waiver:
        """One file.

        Raises:
            InputError: unreadable, not what a waiver looks like, or not signed by somebody who may waive that.
        """
        envelope = parse_envelope(file.data, file.path, keyless=True)
        statement = parse_statement(envelope, file.path)
        predicate = _predicate(statement, file.path)
        problems = list(check_waiver(predicate, file.path, self._environments))
        try:
            signed = self._signatures.of(envelope)
        except ValueError as error:
            problems.append(Problem(file.path, field="signatures", message=str(error), fix=_SIGN_AGAIN))
            raise InputError(problems) from error
        objections = [each.objection() for each in signed]
        counted = [each for each, wrong in zip(signed, objections, strict=True) if not wrong]
        named = [self._signers[name] for each in counted for name in each.names]
        wanted = _waivable(predicate)
        may = [signer for signer in named if wanted <= set(signer.document.waives)]
        if not may:
            problems.append(_nobody(wanted, file.path, named, objections))
        elif not (counting := [signer for signer in may if self._counts(signer, predicate)]):
            message = f"signed by {may[0].name}, whose key does not count at --at"
            problems.append(Problem(file.path, field="signatures", message=message, fix=_SIGN_AGAIN))
        if problems:
            raise InputError(problems)
        latest = max(counting, key=lambda signer: (signer.document.not_after or NEVER_NS, signer.name))
        return Waiver(
            file.path, predicate, latest.name, min(predicate.not_after, latest.document.not_after or NEVER_NS)
        )

    def _counts(self, signer: Signer, predicate: WaiverPredicate) -> bool:
        """Whether the signer may lift something now; of what has ended by itself it does not matter any more."""
        if predicate.not_after <= self._at_ns:
            return True
        return (signer.document.not_before or 0) <= self._at_ns < (signer.document.not_after or NEVER_NS)


def check_waiver(predicate: WaiverPredicate, file: str, environments: Mapping[str, Any]) -> Iterable[Problem]:
    """What is wrong with a waiver itself, whoever signed it."""
    if predicate.environment not in environments:
        message = f"there is no environment {predicate.environment}"
        yield Problem(file, field="environment", message=message, fix=f"There is {', '.join(environments)}.")
    for index, code in enumerate(predicate.codes):
        refusal = waiver_refusal(code, artifact=predicate.scope.artifact is not None)
        if refusal:
            yield Problem(file, 0, 0, f"codes[{index}]", *refusal)
        if code in predicate.codes[:index]:
            yield Problem(file, field=f"codes[{index}]", message=f"names {code} twice", fix="Name it once.")


def _waivable(predicate: WaiverPredicate) -> set[str]:
    """The codes that a signer must be allowed to waive; that nobody may waive the others is told already."""
    artifact = predicate.scope.artifact is not None
    return {code for code in predicate.codes if waiver_refusal(code, artifact=artifact) is None}


def _nobody(wanted: set[str], file: str, named: Sequence[Signer], objections: Sequence[str]) -> Problem:
    lacking = [
        f"{signer.name} may not waive {', '.join(sorted(wanted - set(signer.document.waives)))}" for signer in named
    ]
    message = "; ".join([*lacking, *filter(None, objections)]) or "nobody has signed it who may waive"
    return Problem(file, field="signatures", message=message, fix=_SIGN_AGAIN)


def _predicate(statement: Statement, file: str) -> WaiverPredicate:
    """The waiver, whose digest must be the statement's one subject."""
    if statement.predicate_type != WAIVER:
        message = f"has predicate type {statement.predicate_type!r:.100}, not {WAIVER}"
        raise InputError.single(file, message, "Only waivers belong into waivers/.", field="predicateType")
    predicate = validate(WaiverPredicate, dict(statement.predicate), file, prefix=("predicate",))
    own_subject(statement, WAIVER, file, _WRITE_AGAIN)
    return predicate
