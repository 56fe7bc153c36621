"""The log once more, as files beside a SQLite database, so that accepted orders outlive it.

A line is written, and is on the disk, after its transaction and before the order is answered. So at any time the files
hold no more than the database: when they do, the database has lost something, whatever its own check says. From these
files, and the control data beside them, `weighbridge orders rebuild` makes a new one.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from weighbridge.control.entry import log_line
from weighbridge.errors import InputError
from weighbridge.observe.append import append_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOG = logging.getLogger(__name__)


class LogCopy:
    """The files of one database.

    Args:
        folder: where they lie; made when the first line is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, int] = {}

    def environments(self) -> list[str]:
        """Those that have a file."""
        return sorted(file.stem for file in self._folder.glob("*.jsonl")) if self._folder.is_dir() else []

    def check(self, environment: str, texts: Sequence[str]) -> None:
        """Compare the file with the database's entries, and add what the file lacks.

        Raises:
            InputError: the file holds what the database does not.
        """
        file = self._folder / f"{environment}.jsonl"
        lines = self._lines(file)
        if len(lines) > len(texts) or lines != list(texts[: len(lines)]):
            raise InputError.single(
                str(file),
                f"holds {len(lines)} entries of the log, and the database {len(texts)}, or others: it has lost accepted"
                " orders",
                f"Put the database aside, and run `weighbridge orders rebuild` with the files in {self._folder}.",
            )
        self._written[environment] = len(lines)
        self.write(environment, texts)

    def write(self, environment: str, texts: Sequence[str]) -> None:
        """Add what the file lacks of these entries, the whole log. What fails is said, and tried again next time."""
        file = self._folder / f"{environment}.jsonl"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            lines = b"".join(map(log_line, texts[self._written.get(environment, 0) :]))
            if lines:
                append_line(file, lines)
            self._written[environment] = len(texts)
        except OSError as error:
            _LOG.error("the copy of the log in %s is behind: %s", self._folder, error.strerror)

    def keep_control(self, environment: str, revision: str, data: bytes) -> None:
        """Keep a release's control data beside the log: the log's meaning rests on it. What fails is said."""
        folder = self._folder / environment / revision.removeprefix("sha256:")
        file = folder / "control.tar.gz"
        try:
            if not file.exists():
                folder.mkdir(parents=True, exist_ok=True)
                new = folder / "control.new"
                new.write_bytes(data)
                new.replace(file)
        except OSError as error:
            _LOG.error("the copy of the log in %s lacks control data: %s", self._folder, error.strerror)

    def _lines(self, file: Path) -> list[str]:
        """Its entries; a line that was cut off by a crash is none."""
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return []
        found = []
        for line in data.splitlines():
            try:
                found.append(str(json.loads(line)["entry"]))
            except (ValueError, KeyError, TypeError):
                _LOG.warning("%s has a line that is no entry of a log", file)
        return found
