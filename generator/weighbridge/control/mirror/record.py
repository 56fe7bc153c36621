"""What a mirror says of itself: which sequence is there, and the hash of each file that is ours. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.canonical import canonical, parse_json
from weighbridge.control.mirror.place import MirrorError
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.control.mirror.publication import Publication

RECORD = ".mirror.json"
MAX_RECORD_BYTES = 1024**2


@dataclass(frozen=True)
class Record:
    """The record of one environment."""

    environment: str
    sequence: int
    """0 where nothing was published."""
    files: Mapping[str, str]
    """SHA-256, hex, by path."""

    @classmethod
    def none(cls, environment: str) -> Record:
        """Of an empty place."""
        return cls(environment, 0, {})

    @classmethod
    def read(cls, data: bytes, environment: str) -> Record:
        """From what lies in the place.

        Raises:
            MirrorError: it is of another form, or of another environment.
        """
        name = f"{environment}/{RECORD}"
        try:
            document = parse_json(data, name)
        except InputError as error:
            raise MirrorError(f"{name} cannot be read; move it and the files beside it away") from error
        files = document.get("files") if isinstance(document, dict) else None
        texts = isinstance(files, dict) and all(isinstance(value, str) for value in files.values())
        if not texts or document.get("environment") != environment or type(document.get("sequence")) is not int:
            raise MirrorError(f"{name} is of a form that is not ours; move it and the files beside it away")
        return cls(environment, document["sequence"], document["files"])

    def after(self, publication: Publication) -> Record:
        """What it says once a publication is there."""
        files = {**self.files, **{file.path: file.sha256 for file in publication.in_order()}}
        return Record(self.environment, publication.sequence, files)

    def data(self) -> bytes:
        """As it lies in the place."""
        return canonical({"environment": self.environment, "sequence": self.sequence, "files": dict(self.files)})
