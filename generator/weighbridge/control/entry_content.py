"""What a log's entry says: an order that was accepted, a release that is announced, one that has settled. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from weighbridge.catalogue.configuration import OrderKind
from weighbridge.catalogue.names import parse_time_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = frozenset({"environment", "number", "at", "previous", "kind"})
_MEMBERS = {
    "order": _COMMON | {"envelope", "id", "trust", "signers", "kind_of_order"},
    "release": _COMMON | {"revision", "control_sha256", "announced_active"},
    "settled": _COMMON | {"revision"},
}
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order that was accepted: `kind: order`."""

    envelope: Mapping[str, Any] = field(repr=False)
    """The DSSE envelope, with the signatures that counted and no others."""
    id: str
    trust: str
    """Revision of the release whose authority judged it."""
    signers: tuple[str, ...]
    """Who signed, sorted; one name for each key."""
    kind_of_order: str


@dataclass(frozen=True, slots=True)
class Announced:
    """A release that is announced: `kind: release`."""

    revision: str
    control_sha256: str
    """`ControlData.sha256` of its control data."""
    announced_active: Mapping[str, str]
    """Where its catalogue lets the aliases point; counts once it is settled."""
    until_ns: int | None = None
    """When the release before ceases to count; None for the first."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A roll-out that is over: `kind: settled`."""

    revision: str


Content = Accepted | Announced | Settled


def exact_time(nanoseconds: int) -> str:
    """RFC 3339, UTC, to the nanosecond."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def content_fields(content: Content) -> dict[str, Any]:
    """The members of an entry that its content makes."""
    if isinstance(content, Accepted):
        return {
            "kind": "order",
            "envelope": dict(content.envelope),
            "id": content.id,
            "trust": content.trust,
            "signers": list(content.signers),
            "kind_of_order": content.kind_of_order,
        }
    if isinstance(content, Settled):
        return {"kind": "settled", "revision": content.revision}
    until = {} if content.until_ns is None else {"until": exact_time(content.until_ns)}
    return {
        "kind": "release",
        "revision": content.revision,
        "control_sha256": content.control_sha256,
        "announced_active": dict(content.announced_active),
        **until,
    }


def read_content(fields: Mapping[str, Any]) -> Content:
    """The content of an entry's members.

    Raises:
        ValueError: of no known kind, or with members that are missing, unknown or of another form.
    """
    kind = fields.get("kind")
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if members is None:
        raise ValueError(f"is of no known kind: {kind!a:.100}")
    strange = (fields.keys() ^ members) - ({"until"} if kind == "release" else set())
    if strange:
        raise ValueError(f"lacks a member, or has one that is unknown: {', '.join(sorted(strange))!a:.200}")
    if kind == "settled":
        return Settled(text_of(fields["revision"]))
    if kind == "order":
        return _accepted(fields)
    until = fields.get("until")
    active = fields["announced_active"]
    if not isinstance(active, dict) or not is_digest(fields["control_sha256"]):
        raise ValueError("announces a release without its control data, or without its routes")
    return Announced(
        text_of(fields["revision"]),
        fields["control_sha256"],
        {alias: text_of(version) for alias, version in active.items()},
        None if until is None else parse_time_ns(text_of(until)),
    )


def _accepted(fields: Mapping[str, Any]) -> Accepted:
    signers = fields["signers"]
    if not isinstance(fields["envelope"], dict) or not isinstance(signers, list) or not signers:
        raise ValueError("holds no envelope, or names nobody who signed")
    if not isinstance(fields["id"], str) or not _ID.fullmatch(fields["id"]):
        # It becomes a file's name.
        raise ValueError(f"holds an order whose id is none: {fields['id']!a:.100}")
    if fields["kind_of_order"] not in get_args(OrderKind):
        raise ValueError(f"is an order of no known kind: {fields['kind_of_order']!a:.100}")
    return Accepted(
        fields["envelope"],
        fields["id"],
        text_of(fields["trust"]),
        tuple(text_of(signer) for signer in signers),
        fields["kind_of_order"],
    )


def text_of(value: Any) -> str:
    """The same value, if it is a text with something in it.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, str) or not value:
        raise ValueError("has an empty member, or one that is no text")
    return value


def is_digest(value: Any) -> bool:
    """Whether it is `sha256:<hex>`."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None
