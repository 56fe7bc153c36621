"""Errors, split by who is at fault.

`InputError` is the user's input: it carries *every* problem found, each with its place and its cure. `EngineError` is
an engine (OPA, Envoy, conftest) that is missing or failed. Only the command line turns them into an exit status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with an input, where, and what to do about it."""

    file: str
    """The file as the user knows it: relative to the catalogue, or as named on the command line; "" if none."""
    line: int = 0
    """1-based; 0 where no line applies."""
    column: int = 0
    """1-based; 0 where no column applies."""
    field: str = ""
    """Path of the field, such as `environments.prod.requires[2]`."""
    message: str = ""
    """What is wrong: what was got, what was expected."""
    fix: str = ""
    """A sentence on what to do."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        head = ": ".join(part for part in (place, self.field, self.message) if part)
        return f"{head}. {self.fix}" if self.fix else head


class WeighbridgeError(Exception):
    """Base of all errors that Weighbridge raises on purpose; `exit_status` is what the command line makes of it."""

    exit_status = 2


class InputError(WeighbridgeError):
    """Unreadable or contradictory input; carries all problems at once, sorted by place.

    Attributes:
        problems: at least one problem.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        if not self.problems:
            raise ValueError("an InputError needs at least one problem")
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        # An exception is pickled with its message; between processes this one has to keep its problems.
        return type(self), (self.problems,)

    @classmethod
    def single(
        cls, file: str, message: str, fix: str = "", *, line: int = 0, column: int = 0, field: str = ""
    ) -> InputError:
        """An error with exactly one problem."""
        return cls([Problem(file=file, line=line, column=column, field=field, message=message, fix=fix)])


class EngineError(WeighbridgeError):
    """An engine is missing, did not start, or answered something unusable; `detail` holds what it printed."""

    exit_status = 2

    def __init__(self, message: str, detail: str = "") -> None:
        self.detail = detail
        super().__init__(f"{message}\n{detail}".rstrip())


class OutputError(WeighbridgeError):
    """What was computed could not be written: disk full, no permission. Nothing half-written is left behind."""
