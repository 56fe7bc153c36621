"""A run of MLflow, as its REST API (`runs/get`), `mlflow runs describe` or `Run.to_dictionary()` write it.

Metrics keep their names; of each the last value counts, which is what MLflow shows. A dataset in a run has MLflow's
own short digest, so URI and SHA-256 come from the command line. A tag `weighbridge.dev/artifact-digest`, if the run
has one, must be the subject.

Source: MLflow REST API, `Run`, `RunInfo`, `RunData`; `mlflow/entities/run.py`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from weighbridge.errors import InputError
from weighbridge.evidence.convert.evaluation import evaluation
from weighbridge.evidence.convert.reading import FindingId, Foreign, Many, Table, Words, none, read
from weighbridge.evidence.convert.report import Conversion, Options, require_subject

SUBJECT_TAG = "weighbridge.dev/artifact-digest"
_Value = Annotated[float, Field(allow_inf_nan=False)]
_MILLISECONDS = re.compile(r"[0-9]{1,15}\Z")


class _Info(Foreign):
    status: Words
    lifecycle_stage: Words
    end_time: Any = None
    """Milliseconds since the epoch; a number, or its digits as protocol buffers write them."""


class _Metric(Foreign):
    key: FindingId
    value: _Value


class _Tag(Foreign):
    key: str
    value: str = ""


class _Data(Foreign):
    metrics: Table[FindingId, _Value]
    tags: Table[str, str] = Field(default_factory=dict)


class _Run(Foreign):
    """As Python writes it."""

    info: _Info
    data: _Data


class _ListedData(Foreign):
    metrics: Many[_Metric] = none()
    tags: Many[_Tag] = none()


class _ListedRun(Foreign):
    """As the REST API writes it."""

    info: _Info
    data: _ListedData


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The metrics of a finished run.

    Raises:
        InputError: not of its form, not finished, about another artifact, or one metric twice.
    """
    info, metrics, tags = _parts(document.get("run", document), file)
    if (info.status, info.lifecycle_stage) != ("FINISHED", "active"):
        message = f"is a run that is {info.status!a} and {info.lifecycle_stage!a}, not FINISHED and active"
        raise InputError.single(file, message, "Export a run that has ended and was not deleted.", field="info.status")
    require_subject(frozenset({tags[SUBJECT_TAG]} if SUBJECT_TAG in tags else ()), options, file)
    return evaluation(metrics, _ended_ns(info.end_time, file), (), options, file)


def _parts(document: Any, file: str) -> tuple[_Info, dict[str, float], dict[str, str]]:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("metrics"), list):
        run = read(_Run, document, file)
        return run.info, run.data.metrics, run.data.tags
    listed = read(_ListedRun, document, file)
    metrics = {metric.key: metric.value for metric in listed.data.metrics}
    tags = {tag.key: tag.value for tag in listed.data.tags}
    if len(metrics) != len(listed.data.metrics) or len(tags) != len(listed.data.tags):
        fix = "Export the run, not the history of its metrics."
        raise InputError.single(file, "has two values of one metric or tag", fix, field="data")
    return listed.info, metrics, tags


def _ended_ns(value: Any, file: str) -> int:
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not _MILLISECONDS.match(digits) or not 0 < int(digits) < 9_000_000_000_000:
        message = f"has no end time in milliseconds: {value!r:.50}"
        raise InputError.single(file, message, "Export it when it has ended.", field="info.end_time")
    return int(digits) * 10**6
