"""Accepted orders as a catalogue keeps them: the order, and beside it the entries that accepted it. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.canonical import canonical
from weighbridge.control.entry import Accepted
from weighbridge.control.order import merged_envelope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.control.entry import Entry

ACCEPTANCE = ".acceptance.json"


def exported_orders(entries: Iterable[Entry]) -> dict[str, bytes]:
    """Files by name: `<id>.json`, the envelope with every signature that counted somewhere, and `<id>.acceptance.json`.

    Args:
        entries: verified, of one environment or several.
    """
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if isinstance(entry.content, Accepted):
            found.setdefault(entry.content.id, []).append(entry)
    files: dict[str, bytes] = {}
    for order_id, accepted in found.items():
        envelopes = [dict(entry.content.envelope) for entry in accepted if isinstance(entry.content, Accepted)]
        files[f"{order_id}.json"] = merged_envelope(envelopes)
        texts = sorted(entry.text for entry in accepted)
        files[f"{order_id}{ACCEPTANCE}"] = canonical({"entries": texts}) + b"\n"
    return files
