"""`orders/<x>.acceptance.json`: that the control plane took the order beside it, when its signers counted.

Whoever holds the live key may restrict, and nothing else. So a record stands in for signatures of a restricting order
alone; what lifts something, or routes, must be signed by whom the catalogue's own trust names. Removing a signer thus
never lifts a restriction, and a stolen live key lifts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, parse_json
from weighbridge.control.entry import Accepted, parse_entry
from weighbridge.errors import InputError, Problem
from weighbridge.evidence.dsse import parse_envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.catalogue.catalogue import Catalogue, EvidenceFile
    from weighbridge.control.entry import Entry
    from weighbridge.evidence.dsse import Envelope

SUFFIX = ".acceptance.json"
_EXPORT = "Take the file that `weighbridge orders export` wrote, unchanged."
_TRUST = "Name the live key that signed it under `trust.control_plane`, or have the order signed by whom trust names."


class Acceptance:
    """The records of one catalogue.

    Args:
        catalogue: as it was read.

    Attributes:
        problems: with each record that cannot be used; a record is never skipped.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._keys = catalogue.control_plane
        self._entries: dict[str, tuple[str, list[Entry]]] = {}
        self.problems: list[Problem] = []
        orders = {file.path for file in catalogue.orders}
        for file in catalogue.acceptance:
            order = f"{file.path.removesuffix(SUFFIX)}.json"
            if order not in orders:
                fix = "Put the order beside it, or take the record away."
                self.problems.append(Problem(file.path, message=f"is about {order}, which is not there", fix=fix))
                continue
            try:
                self._entries[order] = (file.path, [*self._read(file)])
            except InputError as error:
                self.problems += error.problems

    def environments(self, file: str, envelope: Envelope) -> frozenset[str]:
        """Where the control plane took an order.

        Args:
            file: of the order.
            envelope: its.

        Raises:
            InputError: the record beside it is about something else.
        """
        record, entries = self._entries.get(file, ("", []))
        for index, entry in enumerate(entries):
            if not _holds(entry, envelope):
                message = f"accepts another order than {file}"
                raise InputError.single(record, message, _EXPORT, field=f"entries[{index}]")
        return frozenset(entry.environment for entry in entries)

    def _read(self, file: EvidenceFile) -> Iterable[Entry]:
        document = parse_json(file.data, file.path)
        texts = document.get("entries") if isinstance(document, dict) and document.keys() == {"entries"} else None
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise InputError.single(file.path, "holds no list of log entries", _EXPORT, field="entries")
        for index, text in enumerate(texts):
            try:
                entry = parse_entry(text, self._keys)
            except ValueError as error:
                raise InputError.single(file.path, str(error), _TRUST, field=f"entries[{index}]") from error
            if not isinstance(entry.content, Accepted):
                message = "is a log entry that accepts no order"
                raise InputError.single(file.path, message, _EXPORT, field=f"entries[{index}]")
            yield entry


def _holds(entry: Entry, envelope: Envelope) -> bool:
    if not isinstance(entry.content, Accepted):
        return False
    given: Mapping[str, Any] = entry.content.envelope
    kept = parse_envelope(canonical(dict(given)), "an accepted order")
    return (kept.payload_type, kept.payload) == (envelope.payload_type, envelope.payload)
