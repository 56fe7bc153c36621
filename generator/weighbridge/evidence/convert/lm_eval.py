"""Results of lm-evaluation-harness 0.4.

A metric is called `task/metric`; where a task measured it through several filters, `task/metric,filter`, so that none
is taken for another. How many samples were looked at is a metric, too: `task/samples`. Results over a part of a task
(`--limit`) are refused: they are no measurement of the dataset.

The file says when the evaluation began and how long the program ran, which counts from an earlier moment: so when it
ended cannot be told, and `finished_at` is the beginning. The evidence is thus never taken for newer than it is.

Source: github.com/EleutherAI/lm-evaluation-harness, `lm_eval/evaluator.py`, `lm_eval/loggers/evaluation_tracker.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from weighbridge.errors import InputError
from weighbridge.evidence.convert.evaluation import evaluation
from weighbridge.evidence.convert.reading import FindingId, Foreign, Table, read

if TYPE_CHECKING:
    from weighbridge.evidence.convert.report import Conversion, Options

VERSIONS = "0.4.x"
_VERSION = re.compile(r"0\.4\.[0-9]+([.a-z0-9+-]*)\Z")
_Results = Annotated[Table[FindingId, Table[FindingId, Any]], Field(min_length=1)]


class _Samples(Foreign):
    original: Annotated[int, Field(ge=0)]
    effective: Annotated[int, Field(ge=0)]


class _Config(Foreign):
    limit: Any = None


class _Report(Foreign):
    results: _Results
    samples: Table[FindingId, _Samples] = Field(default_factory=dict, alias="n-samples")
    config: _Config = _Config()
    date: Annotated[float, Field(gt=0, lt=9e9, allow_inf_nan=False)]
    """When the evaluation began, in seconds since the epoch."""


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The metrics of a results file.

    Raises:
        InputError: of another version, not of its form, over a part of a task, or without its time.
    """
    version = document.get("lm_eval_version")
    if not isinstance(version, str) or not _VERSION.match(version):
        message = f"is by lm_eval {version!r:.50}; accepted: {VERSIONS}"
        raise InputError.single(file, message, "Use a release that is known here.", field="lm_eval_version")
    report = read(_Report, document, file)
    _require_whole(report, file)
    measured: dict[str, float] = {}
    left = 0
    for task, values in report.results.items():
        # Every metric names its filter; what has no comma is about the task itself.
        metrics = {key: value for key, value in values.items() if "," in key}
        numbers = {key: float(value) for key, value in metrics.items() if _is_number(value)}
        left += len(metrics) - len(numbers)
        measured |= _names(task, numbers)
    measured |= {f"{task}/samples": float(seen.effective) for task, seen in report.samples.items()}
    notes = (f"{left} values that are no numbers are not carried",) if left else ()
    return evaluation(measured, int(report.date * 10**9), notes, options, file)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _names(task: str, numbers: dict[str, float]) -> dict[str, float]:
    metrics = [key.partition(",")[0] for key in numbers]
    filters = Counter(metrics)
    return {
        f"{task}/{metric if filters[metric] == 1 else key}": value
        for (key, value), metric in zip(numbers.items(), metrics, strict=True)
    }


def _require_whole(report: _Report, file: str) -> None:
    for task, seen in report.samples.items():
        if seen.effective != seen.original:
            message = f"evaluated {seen.effective} of {seen.original} samples of {task!a}"
            raise InputError.single(file, message, "Evaluate the whole task, without --limit.", field="n-samples")
    if report.config.limit is not None:
        raise InputError.single(file, "was limited", "Evaluate without --limit.", field="config.limit")
    unsaid = sorted(task for task in report.results if task not in report.samples)
    if unsaid and not report.samples:
        raise InputError.single(file, "does not say how many samples it looked at", field="n-samples")
