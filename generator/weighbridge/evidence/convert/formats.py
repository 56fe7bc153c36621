"""The formats that `weighbridge attest --scanner` reads: one table, and how a report shows which of them it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.evidence.convert import grype, lm_eval, mlflow, openvex, osv_scanner, pip_audit, sarif, slsa, trivy
from weighbridge.evidence.convert.reading import parse_report
from weighbridge.evidence.predicates import EVALUATION
from weighbridge.evidence.times import VULNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.evidence.convert.report import Conversion, Options

AUTO = "auto"


@dataclass(frozen=True)
class Format:
    """One format of a report."""

    accepted: str
    """Versions, for people."""
    predicate_types: tuple[str, ...]
    """What it can become; the first unless `--predicate-type` says otherwise."""
    convert: Callable[[dict[str, Any], str, Options], Conversion]
    shows: Callable[[dict[str, Any]], bool]
    """Whether a report has the marks of this format."""


FORMATS: dict[str, Format] = {
    "trivy": Format("SchemaVersion 2", (VULNS,), trivy.convert, lambda d: "SchemaVersion" in d and "ArtifactName" in d),
    "grype": Format("Grype 0.x", (VULNS,), grype.convert, lambda d: "matches" in d and "descriptor" in d),
    "osv-scanner": Format(
        "OSV-Scanner 1 and 2", (VULNS,), osv_scanner.convert, lambda d: isinstance(d.get("results"), list)
    ),
    "pip-audit": Format("pip-audit 2", (VULNS,), pip_audit.convert, lambda d: "dependencies" in d and "fixes" in d),
    "sarif": Format("SARIF 2.1.0", sarif.PREDICATES, sarif.convert, lambda d: "runs" in d and "version" in d),
    "openvex": Format("OpenVEX 0.2.0", (openvex.OPENVEX,), openvex.convert, lambda d: "@context" in d),
    "lm-eval": Format(
        "lm_eval 0.4.x", (EVALUATION,), lm_eval.convert, lambda d: "lm_eval_version" in d or "n-shot" in d
    ),
    "mlflow": Format(
        "a run of MLflow 1 to 3", (EVALUATION,), mlflow.convert, lambda d: "run" in d or {"info", "data"} <= d.keys()
    ),
    "slsa": Format(
        "SLSA provenance 1 and 0.2, unsigned",
        slsa.PREDICATES,
        slsa.convert,
        lambda d: "_type" in d or any(mark in d for mark in slsa.SIGNED_MARKS),
    ),
}
"""Every format by the name that `--scanner` takes."""


def convert(scanner: str, data: bytes, file: str, options: Options) -> Conversion:
    """A report as a predicate.

    Args:
        scanner: a name in `FORMATS`, or `auto`.
        data: the whole report.
        file: its name, for errors.
        options: what the command line adds.

    Raises:
        InputError: unreadable, of a format or version that is not known, or not what `options` says.
    """
    document = parse_report(data, file)
    name = detect(document, file) if scanner == AUTO else scanner
    known = FORMATS[name]
    wanted = options.predicate_type
    if wanted is not None and wanted not in known.predicate_types:
        message = f"{name} becomes {' or '.join(known.predicate_types)}, not {wanted}"
        raise InputError.single("", message, "Leave it out, or name one of these.", field="--predicate-type")
    _refuse_unused(known, options)
    conversion = known.convert(document, file, options)
    if wanted is not None and conversion.predicate_type != wanted:
        message = f"became {conversion.predicate_type}, not {wanted}"
        raise InputError.single(file, message, "Leave --predicate-type out.", field="--predicate-type")
    return conversion


def _refuse_unused(known: Format, options: Options) -> None:
    """Options that a conversion would ignore, as if they had an effect."""
    used = {"--dataset-digest": options.dataset, "--metric": options.metrics}
    if known.predicate_types != (EVALUATION,):
        for name, value in used.items():
            if value:
                raise InputError.single("", "is for evaluations", "Leave it out.", field=name)
    scans = {
        "--vex": bool(options.vex),
        "--scanned-at": options.scanned_at_ns is not None,
        "--exit-code": options.exit_code is not None,
    }
    if VULNS not in known.predicate_types:
        for name, given in scans.items():
            if given:
                raise InputError.single("", "is for scans", "Leave it out.", field=name)


def detect(document: dict[str, Any], file: str) -> str:
    """The one format whose marks a report has.

    Raises:
        InputError: it has the marks of none, or of several.
    """
    found = sorted(name for name, known in FORMATS.items() if known.shows(document))
    if len(found) != 1:
        known = "; ".join(f"{name}: {entry.accepted}" for name, entry in FORMATS.items())
        message = f"could be {' or '.join(found)}" if found else "is of no format that is known here"
        raise InputError.single(file, message, f"Name it by --scanner. Accepted: {known}.")
    return found[0]
