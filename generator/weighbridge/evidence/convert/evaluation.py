"""Metrics as the predicate `evaluation/v1`: named unambiguously, finite, with the dataset by its digest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.convert.report import Conversion, Options
from weighbridge.evidence.predicates import EVALUATION

if TYPE_CHECKING:
    from collections.abc import Mapping


def evaluation(
    measured: Mapping[str, float], finished_ns: int, notes: tuple[str, ...], options: Options, file: str
) -> Conversion:
    """The predicate of an evaluation.

    Args:
        measured: the report's metrics, each by its one unambiguous name.
        finished_ns: when the report says that it ended.
        notes: what was not carried.
        options: the dataset, and what metrics are to be called.
        file: the report's, for errors.

    Raises:
        InputError: no metric, one that is not finite or not there, or no dataset.
    """
    if options.dataset is None:
        fix = "Give --dataset-uri and --dataset-digest: the report names its dataset by no digest."
        raise InputError.single("", "the dataset is missing", fix, field="--dataset-digest")
    metrics = _named(measured, options, file)
    wrong = [name for name, value in metrics.items() if not math.isfinite(value)]
    if wrong or not metrics:
        message = f"has a metric that is no finite number: {wrong[0]!a}" if wrong else "has no metric"
        raise InputError.single(file, message, "Evaluate again.")
    left = len(measured.keys() - {source for _, source in options.metrics}) if options.metrics else 0
    if left:
        notes = (*notes, f"{left} metrics that --metric does not name are not carried")
    uri, digest = options.dataset
    predicate = {
        "metrics": metrics,
        "dataset": {"uri": uri, "digest": digest},
        "finished_at": format_time(finished_ns),
    }
    return Conversion(EVALUATION, predicate, notes)


def _named(measured: Mapping[str, float], options: Options, file: str) -> dict[str, float]:
    if not options.metrics:
        return dict(sorted(measured.items()))
    names = [name for name, _ in options.metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError.single("", f"names {twice[0]!a} twice", "Name each metric once.", field="--metric")
    missing = [source for _, source in options.metrics if source not in measured]
    if missing:
        known = ", ".join(sorted(measured)[:10])
        raise InputError(
            Problem(file, message=f"has no metric {source!a}", fix=f"Known: {known}.") for source in missing
        )
    return {name: measured[source] for name, source in options.metrics}
