"""`environments.<name>.enforcement`: how each requirement is enforced, and from when on.

A requirement that nobody names is enforced. One that is named has steps, each from a moment on; what holds before the
first of them is the other side of it, so that announcing a requirement, and announcing that it is softened, both need
one line only.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from weighbridge.catalogue.names import Document, TimeNs

Mode = Literal["enforce", "warn", "dry-run"]


class Step(Document):
    """How a requirement is enforced, from when on; without `from`: from the beginning."""

    mode: Mode
    from_: TimeNs | None = Field(default=None, alias="from")


def _several(value: Any) -> Any:
    """One step alone is a list of one. It is read here, so that what is wrong in it is told where it stands."""
    return [Step.model_validate(value)] if isinstance(value, dict) else value


def _in_order(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if any(step.from_ is None for step in steps[1:]):
        raise ValueError("has a step without `from` behind another. Say from when on each further step holds.")
    begun = [step.from_ or 0 for step in steps]
    if any(later <= earlier for earlier, later in pairwise(begun)):
        raise ValueError("has steps that are not in the order of their time. Sort them by `from`, each time once.")
    return steps


Steps = Annotated[
    tuple[Step, ...],
    Field(min_length=1, strict=False),
    AfterValidator(_in_order),
    BeforeValidator(_several, json_schema_input_type=Step | tuple[Step, ...]),
]
"""One step, or several in the order of their time."""


def timeline(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """Every step with the moment from which it holds, in nanoseconds, as points read it: the first one from 0.

    Before a first step with a date, what it changes still holds: before `enforce` the requirement warns, before `warn`
    and `dry-run` it is enforced.
    """
    dated = [{"mode": step.mode, "from": step.from_ or 0} for step in steps]
    if not steps[0].from_:
        return dated
    return [{"mode": "warn" if steps[0].mode == "enforce" else "enforce", "from": 0}, *dated]
