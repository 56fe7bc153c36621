"""The types that names, digests, times and sizes have in every document (CONTRACTS: Names)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
VERSION_NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?@[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
CODE_PATTERN = r"^[A-Z]{3}-[0-9]{3}$"
TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
DURATION_PATTERN = r"^([1-9][0-9]{0,5})(s|m|h|d)$"
SIZE_PATTERN = r"^([1-9][0-9]{0,8})(B|KiB|MiB|GiB)$"
_NAME = re.compile(NAME_PATTERN)
_TIME = re.compile(TIME_PATTERN)
_DURATION = re.compile(DURATION_PATTERN)
_SIZE = re.compile(SIZE_PATTERN)
_AMBIGUOUS = ("..", ".-", "-.")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
NEVER_NS = 2**63 - 1
"""The `not_after`, in nanoseconds, of what does not expire: the last instant that `time.now_ns` can name."""
FORMS: dict[str, str] = {}
"""Pattern to a sentence on what it accepts, for errors."""


class Document(BaseModel):
    """Base of every document: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


def form(pattern: str, expected: str, *, max_length: int | None = None) -> StringConstraints:
    """A pattern (of the subset that Rust, ECMAScript and Python read alike) with a sentence on what it accepts."""
    FORMS[pattern] = expected
    return StringConstraints(pattern=pattern, max_length=max_length)


def is_name(value: str) -> bool:
    """Whether a folder's name, say, is a name as contracted."""
    return bool(_NAME.fullmatch(value)) and not any(bad in value for bad in _AMBIGUOUS)


def _name(value: str) -> str:
    if any(bad in value for bad in _AMBIGUOUS):
        raise ValueError("must not contain '..', '.-' or '-.'. Put a letter or a digit on either side of a dot.")
    return value


def parse_time_ns(value: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time.

    Raises:
        ValueError: no RFC 3339 time with a time zone, or one that no clock shows (a 60th second, before 1970, after
            2262).
    """
    match = _TIME.fullmatch(value)
    if not match:
        raise ValueError("must be an RFC 3339 time such as 2026-01-15T00:00:00Z")
    fraction = match.group(1) or ""
    whole = value.upper().replace(fraction, "", 1).replace("Z", "+00:00")
    seconds = (datetime.fromisoformat(whole) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    result = seconds * 10**9 + int(fraction[1:].ljust(9, "0") if fraction else 0)
    if not 0 <= result < NEVER_NS:
        raise ValueError("must lie between 1970 and 2262")
    return result


def format_time(nanoseconds: int) -> str:
    """RFC 3339, UTC, whole seconds (rounded down)."""
    return datetime.fromtimestamp(nanoseconds // 10**9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time such as 2026-01-15T00:00:00Z")  # noqa: TRY004 -- pydantic collects ValueErrors
    return parse_time_ns(value)


def duration_ns(value: Any) -> int:
    """Nanoseconds of a duration such as `30d`.

    Raises:
        ValueError: no duration.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("must be a duration such as 90s, 30m, 24h or 7d")
    nanoseconds = int(match.group(1)) * _UNITS[match.group(2)] * 10**9
    if nanoseconds > 36525 * 86400 * 10**9:
        raise ValueError("must be at most 100 years, or no clock can add it to a time")
    return nanoseconds


def _size(value: Any) -> Any:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("must be a size such as 512KiB or 8MiB")
    return int(match.group(1)) * _BYTES[match.group(2)]


_NAME_FORM = form(
    NAME_PATTERN,
    "Use 1 to 63 lower-case letters, digits, dots and hyphens; begin and end with a letter or a digit.",
)
_VERSION_NAME_FORM = form(
    VERSION_NAME_PATTERN,
    "Write `<model id>@<version>`, such as kb-qa-001@2025.03.15.",
)
_IDENTIFIER_FORM = form(
    r"^[a-z][a-z0-9_-]{0,62}$",
    "Use 1 to 63 lower-case letters, digits, hyphens and underscores; begin with a letter.",
)
_URI_FORM = form(r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$", "Write a URI, such as https://example.com/x.", max_length=2048)
_TEXT_FORM = StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")
FORMS[r"^[^\x00-\x08\x0b-\x1f\x7f]+$"] = "Remove control characters."

Name = Annotated[str, _NAME_FORM, AfterValidator(_name)]
"""A model id, version, environment, tenant or alias."""
VersionName = Annotated[str, _VERSION_NAME_FORM, AfterValidator(_name)]
"""`<model id>@<version>`."""
Digest = Annotated[str, form(DIGEST_PATTERN, "Write `sha256:` and 64 lower-case hexadecimal digits.")]
Code = Annotated[str, form(CODE_PATTERN, "Write a code such as POD-007.")]
Identifier = Annotated[str, _IDENTIFIER_FORM]
"""A signer's or an attestation's name."""
RuleName = Annotated[
    str,
    form(
        r"^[a-z][a-z0-9_]{0,62}$",
        "Use 1 to 63 lower-case letters, digits and underscores; begin with a letter: it is part of a Rego package.",
    ),
]
"""The name of an evidence rule: a Rego package's last part."""
KeyId = Annotated[str, form(r"^[a-z0-9]{8}$", "Use 8 lower-case letters and digits, as `weighbridge tenant key` does.")]
Text = Annotated[str, _TEXT_FORM]
Uri = Annotated[str, _URI_FORM]
TimeNs = Annotated[
    int,
    BeforeValidator(_time),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIME_PATTERN}),
]
"""An RFC 3339 time in the document, integer nanoseconds in memory."""
DurationNs = Annotated[
    int, BeforeValidator(duration_ns), WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})
]
"""`90s`, `30m`, `24h`, `7d` in the document, integer nanoseconds in memory."""
SizeBytes = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN})]
"""`8MiB` in the document, bytes in memory."""
PositiveCount = Annotated[int, Field(ge=1, le=1_000_000_000)]
