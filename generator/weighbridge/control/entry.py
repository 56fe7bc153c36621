"""The log's entries: what was accepted, in which order, each signed by the live key and chained to the one before.

An entry is a compact JWS (RFC 7515) of type `weighbridge-log` over the RFC 8785 bytes of its fields. `previous` is the
SHA-256 of the text of the entry before, so nothing can be taken out, put in or changed in the middle; that the end was
cut off shows by the number and hash that every live bundle's manifest carries. An entry proves that whoever holds the
live key took an order at that place; what an order may do was judged by its own signatures. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.keys import PrivateKey, PublicKey

TYPE = "weighbridge-log"
"""The `typ` of an entry's header: no other token by the live key passes for one."""


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
    raise NotImplementedError


def parse_entry(text: str, keys: Mapping[str, PublicKey]) -> Entry:
    """One entry, its signature verified; what stands before it is for `verify_log` to compare.

    Args:
        text: the compact JWS.
        keys: the live keys that count, by fingerprint.

    Raises:
        ValueError: no entry, by none of these keys, or with members that are missing, unknown or of another form.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def log_line(text: str) -> bytes:
    """An entry as a line of a log file, line break included."""
    raise NotImplementedError
