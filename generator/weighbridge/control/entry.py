"""The log's entries: what was accepted, in which order, each signed by the live key and chained to the one before.

An entry is a compact JWS (RFC 7515) of type `weighbridge-log` over the RFC 8785 bytes of its fields. `previous` is the
SHA-256 of the text of the entry before, so nothing can be taken out, put in or changed in the middle; that the end was
cut off shows by the number and hash that every live bundle's manifest carries. An entry proves that whoever holds the
live key took an order at that place; what an order may do was judged by its own signatures. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.canonical import canonical, digest, parse_json
from weighbridge.catalogue.names import is_name, parse_time_ns
from weighbridge.control.entry_content import (
    Accepted,
    Announced,
    Content,
    Settled,
    content_fields,
    exact_time,
    is_digest,
    read_content,
    text_of,
)
from weighbridge.errors import InputError, Problem
from weighbridge.keys import bundle_algorithm, fingerprint, jws
from weighbridge.tokens import read_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.keys import PrivateKey, PublicKey

__all__ = [
    "EMPTY",
    "Accepted",
    "Announced",
    "Content",
    "Entry",
    "Head",
    "Settled",
    "log_line",
    "parse_entry",
    "sign_entry",
    "verify_log",
]
TYPE = "weighbridge-log"
"""The `typ` of an entry's header: no other token by the live key passes for one."""
MAX_ENTRY_CHARACTERS = 256 * 1024
"""Longest entry that is read: an envelope of 64 KiB, twice in base64."""
_CURE = "Take the log as it was published, or name the live key that signed it."


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a log, as far as the next one rests on it."""

    number: int
    """0 of an empty log."""
    sha256: str
    """`sha256:<hex>` of the entry's text; "" of an empty log."""
    at_ns: int


EMPTY = Head(0, "", 0)
"""The head of a log without entries."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry whose signature holds."""

    environment: str
    number: int
    at_ns: int
    previous: str
    content: Content
    text: str = field(repr=False)
    """The compact JWS."""
    sha256: str
    """`sha256:<hex>` of the text."""

    @property
    def head(self) -> Head:
        """What the next entry rests on."""
        return Head(self.number, self.sha256, self.at_ns)


def sign_entry(
    content: Content, key: PrivateKey, *, environment: str, head: Head, at_ns: int, pss: bool = False
) -> Entry:
    """The entry that follows `head`; a clock that went back gives it the time of the entry before.

    Args:
        content: what it says.
        key: the live key.
        environment: whose log it is.
        head: of the entry before, or `EMPTY`.
        at_ns: now.
        pss: sign with PS256 instead of RS256.

    Raises:
        InputError: a key that signs no JWS, or a device that refused.
    """
    at_ns = max(at_ns, head.at_ns)
    fields = {
        "environment": environment,
        "number": head.number + 1,
        "at": exact_time(at_ns),
        "previous": head.sha256,
        **content_fields(content),
    }
    algorithm = bundle_algorithm(key, "the live key", pss=pss)
    header = {"kid": fingerprint(key.public_key()), "typ": TYPE}
    text = jws(key, algorithm, header, canonical(fields))
    return Entry(environment, head.number + 1, at_ns, head.sha256, content, text, digest(text.encode()))


def parse_entry(text: str, keys: Mapping[str, PublicKey]) -> Entry:
    """One entry, its signature verified; what stands before it is for `verify_log` to compare.

    Args:
        text: the compact JWS.
        keys: the live keys that count, by fingerprint.

    Raises:
        ValueError: no entry, by none of these keys, or with members that are missing, unknown or of another form.
    """
    if len(text) > MAX_ENTRY_CHARACTERS:
        raise ValueError(f"has {len(text)} characters, more than {MAX_ENTRY_CHARACTERS}")
    token = read_token(text, keys.values())
    if token.header.keys() != {"alg", "kid", "typ"} or token.header["typ"] != TYPE:
        raise ValueError(f"is a token, and not of type {TYPE}")
    if token.header["kid"] != token.key_fingerprint:
        raise ValueError("names another key than the one that signed it")
    try:
        fields = parse_json(token.payload, "entry")
        is_plain = isinstance(fields, dict) and canonical(fields) == token.payload
    except (InputError, ValueError) as error:
        raise ValueError(f"is not JSON in its canonical form: {error}") from error
    if not is_plain:
        raise ValueError("is no JSON object in its canonical form")
    number, previous = fields.get("number"), fields.get("previous")
    if type(number) is not int or number < 1 or not ((number == 1 and previous == "") or is_digest(previous)):
        raise ValueError("has no number, or no digest of the entry before")
    environment = text_of(fields.get("environment"))
    if not is_name(environment):
        # It becomes a folder's name.
        raise ValueError(f"is of an environment that is none: {environment!a:.100}")
    content = read_content(fields)
    at_ns = parse_time_ns(text_of(fields["at"]))
    return Entry(environment, number, at_ns, previous, content, text, digest(text.encode()))


def verify_log(
    lines: Iterable[str], keys: Mapping[str, PublicKey], *, file: str = "log", head: Head | None = None
) -> tuple[Entry, ...]:
    """All entries of a log file, JSON Lines of `{"entry": "<JWS>"}`, verified one by one and as a chain.

    Args:
        lines: of the file.
        keys: the live keys that count, by fingerprint: several, where the key was rotated.
        file: what errors call it.
        head: number and hash that a live bundle or a checkpoint promises; its time is not compared. The log may be
            longer, and must hold that entry.

    Raises:
        InputError: with the line of the first entry that is not as it must be.
    """
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_entry(_entry_of(line), keys)
            _require_next(entry, entries[-1] if entries else None)
        except ValueError as error:
            raise InputError([Problem(file, line=number, message=f"entry {number} {error}", fix=_CURE)]) from error
        entries.append(entry)
    if head is not None and not _holds(entries, head):
        message = f"does not hold entry {head.number} as it was published: it was cut off, or is another log"
        raise InputError.single(file, message, _CURE)
    return tuple(entries)


def _entry_of(line: str) -> str:
    try:
        document = parse_json(line.encode(), "line")
    except (InputError, UnicodeError) as error:
        raise ValueError("is not JSON") from error
    if not isinstance(document, dict) or document.keys() != {"entry"}:
        raise ValueError("is no object with the one member `entry`")
    return text_of(document["entry"])


def _require_next(entry: Entry, before: Entry | None) -> None:
    head = before.head if before else EMPTY
    if entry.number != head.number + 1 or entry.previous != head.sha256:
        raise ValueError(f"says that it is number {entry.number}, and does not follow the one before")
    if entry.at_ns < head.at_ns:
        raise ValueError("is older than the one before")
    if before is not None and entry.environment != before.environment:
        raise ValueError(f"is of environment {entry.environment!a:.100}, not {before.environment}")


def _holds(entries: list[Entry], head: Head) -> bool:
    if head.number == 0:
        return head.sha256 == ""
    return head.number <= len(entries) and entries[head.number - 1].sha256 == head.sha256


def log_line(text: str) -> bytes:
    """An entry as a line of a log file, line break included."""
    return canonical({"entry": text}) + b"\n"
