"""Whether a server that says it accepted an order has put it into its log: by the live key, not by its word. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from weighbridge.control.entry import Accepted, verify_log
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.control.entry import Entry
    from weighbridge.evidence.dsse import Envelope
    from weighbridge.keys import PublicKey


def unproven(
    log: bytes, keys: Mapping[str, PublicKey], *, environment: str, number: int | None, envelope: Envelope
) -> str:
    """Why the log does not show that the order was accepted; "" if it does.

    Args:
        log: JSON Lines, as the server gave it.
        keys: live keys by fingerprint.
        environment: whose log it must be.
        number: of the entry, as the server said.
        envelope: the order; entries keep only the signatures that counted.
    """
    if number is None:
        return "it names no log entry"
    try:
        entries = verify_log(log.decode("utf-8", "replace").splitlines(), keys)
    except InputError as error:
        return f"its log does not verify: {error}"
    entry = next((entry for entry in entries if entry.number == number), None)
    if entry is None or entry.environment != environment:
        return f"its log has no entry {number} for {environment}"
    return "" if _is(entry, envelope) else f"entry {number} of its log is about something else"


def _is(entry: Entry, envelope: Envelope) -> bool:
    if not isinstance(entry.content, Accepted):
        return False
    kept = parse_envelope(json.dumps(dict(entry.content.envelope)).encode(), f"entry {entry.number}")
    return (kept.payload_type, kept.payload) == (envelope.payload_type, envelope.payload)
