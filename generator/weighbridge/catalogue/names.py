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
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
CODE_PATTERN = r"^[A-Z]{3}-[0-9]{3}$"
_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$")
_DURATION = re.compile(r"^([1-9][0-9]{0,5})(s|m|h|d)$")
_SIZE = re.compile(r"^([1-9][0-9]{0,8})(B|KiB|MiB|GiB)$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
NEVER_NS = 2**63 - 1
"""The `not_after`, in nanoseconds, of what does not expire: the last instant that `time.now_ns` can name."""


class Document(BaseModel):
    """Base of every document: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _name(value: str) -> str:
    if any(bad in value for bad in ("..", ".-", "-.")):
        raise ValueError("must not contain '..', '.-' or '-.'")
    return value


def parse_time_ns(value: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time.

    Raises:
        ValueError: no RFC 3339 time with a time zone, or one that no clock shows (a 60th second, before 1970, after
            2262).
    """
    match = _TIME.match(value)
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
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time such as 2026-01-15T00:00:00Z")  # noqa: TRY004 -- pydantic collects ValueErrors
    return parse_time_ns(value)


def _duration(value: Any) -> Any:
    match = _DURATION.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("must be a duration such as 90s, 30m, 24h or 7d")
    return int(match.group(1)) * _UNITS[match.group(2)] * 10**9


def _size(value: Any) -> Any:
    match = _SIZE.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("must be a size such as 512KiB or 8MiB")
    return int(match.group(1)) * _BYTES[match.group(2)]


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN), AfterValidator(_name)]
"""A model id, version, environment, tenant or alias."""
VersionName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?@[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"),
    AfterValidator(_name),
]
"""`<model id>@<version>`."""
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""A signer's or an attestation's name."""
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""The name of an evidence rule: a Rego package's last part."""
KeyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{8}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Uri = Annotated[str, StringConstraints(min_length=3, max_length=2048, pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$")]
TimeNs = Annotated[
    int,
    BeforeValidator(_time),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An RFC 3339 time in the document, integer nanoseconds in memory."""
DurationNs = Annotated[
    int, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": _DURATION.pattern})
]
"""`90s`, `30m`, `24h`, `7d` in the document, integer nanoseconds in memory."""
SizeBytes = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string", "pattern": _SIZE.pattern})]
"""`8MiB` in the document, bytes in memory."""
PositiveCount = Annotated[int, Field(ge=1, le=1_000_000_000)]
