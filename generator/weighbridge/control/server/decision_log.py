"""Decision logs as files: one of JSON Lines a day and environment, in bounded parts.

OPA has masked credentials before it sends an event; here they are masked once more, as a sidecar with another guard
would not. The batch of one request is written whole and synced before it is acknowledged, or not at all: OPA then tries
again, for as long as its buffer lasts. Blocking: `decision_worker` does this in a process of its own.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.control.server.body import unpack
from weighbridge.control.server.errors import Refused
from weighbridge.errors import InputError
from weighbridge.observe.append import append_line

if TYPE_CHECKING:
    from pathlib import Path

UNPACKED_BYTES = 32 * 1024**2
"""Of one request."""
PART_BYTES = 256 * 1024**2
"""After which a day's next part begins."""
KEPT_BYTES = 4 * 1024**3
"""Of all files together: the oldest make room, so that a disk is not filled by who may only report."""
MAX_EVENT_BYTES = 256 * 1024
_SECRET_NAMES = re.compile(r"authorization|cookie|api[-_]?key|token$|secret|password|credential", re.IGNORECASE)
_SECRET_VALUES = re.compile(r"\bwb[a-z]?_[A-Za-z0-9._-]{20,}|\b[Bb]earer\s+[A-Za-z0-9._~+/=-]{8,}")
_MASKED = "**MASKED**"
_FILE = re.compile(r".+-\d{4}-\d{2}-\d{2}\.(\d{4,})\.jsonl")


@dataclass(frozen=True)
class Sender:
    """Who sent a batch, by their credential and not by what they say."""

    client: str
    environment: str
    cluster: str


class DecisionLog:
    """The folder.

    Args:
        folder: existing.
        part_bytes: size after which a day's next part begins.
        kept_bytes: of all parts together.
    """

    def __init__(self, folder: Path, *, part_bytes: int = PART_BYTES, kept_bytes: int = KEPT_BYTES) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._kept_bytes = kept_bytes

    def append(self, sender: Sender, body: bytes, coding: bytes = b"identity") -> int:
        """Write the events of one request.

        Args:
            sender: who sent them.
            body: a JSON list of events, as sent.
            coding: its content coding.

        Returns:
            How many were written.

        Raises:
            Refused: it is no such list, or of another environment.
            OSError: not written; nothing of it is.
        """
        events = _events(unpack(body, {b"content-encoding": coding}, UNPACKED_BYTES), sender)
        by = {"client": sender.client, "cluster": sender.cluster, "environment": sender.environment}
        lines = [json.dumps({**_without_secrets(event), "received_from": by}).encode() for event in events]
        kept = [line + b"\n" for line in lines if len(line) <= MAX_EVENT_BYTES]
        data = b"".join(kept)
        if data:
            self._make_room(len(data))
            append_line(self._part(sender.environment, len(data)), data)
        return len(kept)

    def _part(self, environment: str, size: int) -> Path:
        day = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d")
        parts = [path for path in self._files() if path.name.startswith(f"{environment}-{day}.")]
        latest = max(parts, key=_number, default=None)
        if latest is not None and latest.stat().st_size + size <= self._part_bytes:
            return latest
        number = 1 if latest is None else _number(latest) + 1
        return self._folder / f"{environment}-{day}.{number:04}.jsonl"

    def _make_room(self, size: int) -> None:
        files = sorted(self._files(), key=lambda path: path.stat().st_mtime_ns)
        total = sum(path.stat().st_size for path in files) + size
        for path in files[:-1]:
            if total <= self._kept_bytes:
                return
            total -= path.stat().st_size
            path.unlink()

    def _files(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if _FILE.fullmatch(path.name)]


def _number(path: Path) -> int:
    match = _FILE.fullmatch(path.name)
    return int(match.group(1)) if match else 0


def _events(data: bytes, sender: Sender) -> list[dict[str, Any]]:
    try:
        document = parse_json(data, "body")
    except InputError as error:
        raise Refused(400, "bad_request", f"The body {error.problems[0].message}.") from error
    if not isinstance(document, list) or not all(isinstance(event, dict) for event in document):
        raise Refused(400, "bad_request", "A decision log is a JSON list of objects.")
    for event in document:
        check_environment(event, sender.environment)
    return document


def check_environment(document: dict[str, Any], environment: str) -> None:
    """Refuse what says that it comes from elsewhere than its credential.

    Raises:
        Refused: it does.
    """
    labels = document.get("labels")
    named = labels.get("environment", environment) if isinstance(labels, dict) else environment
    if named != environment:
        raise Refused(403, "forbidden", "The label `environment` is not the one that this credential is bound to.")


def _without_secrets(value: Any, name: str = "") -> Any:
    """The same value; what stands below a name of credentials, or looks like one, is masked."""
    if name and _SECRET_NAMES.search(name):
        return _MASKED
    if isinstance(value, dict):
        return {_SECRET_VALUES.sub(_MASKED, key): _without_secrets(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return _SECRET_VALUES.sub(_MASKED, value) if isinstance(value, str) else value
