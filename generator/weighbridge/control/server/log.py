"""What the server says of itself: one line an event on standard error, as JSON or as text, and never a credential."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Any, Literal

from weighbridge.catalogue.names import format_time
from weighbridge.cli.options import printable

Form = Literal["json", "text"]
_SECRET = re.compile(r"\bwb[a-z]?_[A-Za-z0-9._-]{20,}|\b[Bb]earer\s+\S+|://[^/\s:@]+:[^@\s]+@")
_LONGEST = 2000
LOG = logging.getLogger("weighbridge.serve")
"""Where the server's own modules say what happens; `extra={"fields": {...}}` adds to a line."""


class _Lines(logging.Formatter):
    """One line a record; whatever looks like a credential is masked, whoever put it there."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        message = _SECRET.sub("**MASKED**", record.getMessage())[:_LONGEST]
        fields: dict[str, Any] = dict(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
            fields["detail"] = str(record.exc_info[1])
        clean = {name: _SECRET.sub("**MASKED**", str(value))[:_LONGEST] for name, value in fields.items()}
        at = f"{format_time(int(record.created * 1e9))[:-1]}.{int(record.created % 1 * 1000):03}Z"
        if self._form == "json":
            head = {"time": at, "level": record.levelname.lower(), "logger": record.name, "message": message}
            return json.dumps({**clean, **head})
        told = "".join(f" {name}={value}" for name, value in clean.items())
        return printable(f"{at} {record.levelname.lower():7} {message}{told}")


class _Calm(logging.Filter):
    """The same message at most ten times a minute: who sends rubbish fills no disk."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._since = time.monotonic()

    def filter(self, record: logging.LogRecord) -> bool:
        if time.monotonic() - self._since > 60:
            self._counts.clear()
            self._since = time.monotonic()
        key = f"{record.name}{record.msg}"[:200]
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key] <= 10 or record.levelno >= logging.ERROR


def start_logging(form: Form) -> None:
    """Send what this process says to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(form))
    handler.addFilter(_Calm())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("weighbridge").setLevel(logging.INFO)
    # Its own words on each connection that is odd are no news; what matters is counted.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
