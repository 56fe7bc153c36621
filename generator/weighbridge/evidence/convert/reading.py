"""Reading a report of somebody else's program: bounded, typed, and with what is not ours left out.

A report is a foreign document: unknown fields are its author's business, but a field that is read here must have
exactly the kind that the format says. What is carried into a signed predicate is text without control characters and
without characters that show nothing or turn the direction of writing.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, FailFast, Field

from weighbridge.canonical import parse_json
from weighbridge.catalogue.names import Document, Text, TimeNs, form
from weighbridge.catalogue.validation import validate
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection


REPORT_BYTES = 32 * 1024**2
"""Size of a report, in bytes; Trivy's of a large image, with every description, has about 20 MiB."""
MAX_ENTRIES = 100_000
"""Elements of one list in a report."""
MAX_NAMES = 10_000
"""Names in one mapping of a report, of which each may be wrong."""
SHOWN_PROBLEMS = 20
"""Problems of one report that are told; a program's mistake is repeated at every element."""
_TRICKS = frozenset({"Cf", "Cs", "Zl", "Zp"})

D = TypeVar("D", bound=Document)
K = TypeVar("K")
T = TypeVar("T")


class Foreign(Document):
    """Base of what is read of a report: unknown fields are left out."""

    model_config = ConfigDict(extra="ignore")


def _empty_for_null(value: Any) -> Any:
    return [] if value is None else value


def _bounded(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > MAX_NAMES:
        raise ValueError(f"has {len(value)} names, more than {MAX_NAMES}. Leave out what nobody judges.")
    return value


def _none_for_nothing(value: Any) -> Any:
    return None if value == "" else value


def _no_tricks(value: str) -> str:
    if any(unicodedata.category(character) in _TRICKS for character in value):
        raise ValueError("holds a character that shows nothing or turns the writing. Remove it.")
    return value


Many = Annotated[list[T], FailFast(), Field(max_length=MAX_ENTRIES), BeforeValidator(_empty_for_null)]
"""A list; programs in Go write an empty one as `null`. Of a list's wrong elements the first is told."""
Table = Annotated[dict[K, T], BeforeValidator(_bounded)]
"""A mapping from names; all its problems are told, so its size is looked at first."""
Words = Annotated[Text, AfterValidator(_no_tricks)]
"""Text that people will read."""
Maybe = Annotated[Words | None, BeforeValidator(_none_for_nothing)]
"""Text that may be missing, or empty, which is the same."""
MaybeTime = Annotated[TimeNs | None, BeforeValidator(_none_for_nothing)]
"""A time that may be missing; nanoseconds since the epoch."""
FindingId = Annotated[
    str, form(r"^[!-~]{1,200}$", "An identifier has 1 to 200 printable ASCII characters and no spaces.")
]
"""The id of a vulnerability or of a tool's rule."""
Counted = Annotated[list[Any], BeforeValidator(_empty_for_null)]
"""What is counted and not carried."""


def none() -> Any:
    """The default of a list that may be missing."""
    return Field(default_factory=list)


def parse_report(data: bytes, file: str) -> dict[str, Any]:
    """The report as plain JSON values.

    Raises:
        InputError: too large, not strict JSON, or no JSON object.
    """
    if len(data) > REPORT_BYTES:
        raise InputError.single(
            file, f"is larger than {REPORT_BYTES} bytes", "Let the scanner leave out what it did not find."
        )
    document = parse_json(data, file)
    if not isinstance(document, dict):
        raise InputError.single(file, "is no JSON object", "Name the report as the program wrote it.")
    return document


def read(model: type[D], document: Any, file: str) -> D:
    """The part of a report that is used.

    Raises:
        InputError: with the first problems, and how many there are.
    """
    try:
        return validate(model, document, file)
    except InputError as error:
        if len(error.problems) <= SHOWN_PROBLEMS:
            raise
        more = f"has {len(error.problems) - SHOWN_PROBLEMS} problems more"
        raise InputError([*error.problems[:SHOWN_PROBLEMS], Problem(file, message=more)]) from error


def require_version(found: Any, accepted: Collection[Any], field: str, file: str) -> None:
    """Refuse a version of a format that nobody has looked at, newer ones above all.

    Raises:
        InputError: naming the version that was found and those that are accepted.
    """
    # True is 1 to Python, and no version.
    if isinstance(found, bool) or not isinstance(found, str | int) or found not in accepted:
        known = ", ".join(str(version) for version in accepted)
        got = "is missing" if found is None else f"is {found!r:.100}"
        raise InputError.single(
            file, f"{got}; accepted: {known}", "Use a release of the program that writes it.", field=field
        )
