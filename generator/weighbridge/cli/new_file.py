"""Writing one new file: it appears whole or not at all, and nothing is overwritten."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from weighbridge.errors import InputError, OutputError

if TYPE_CHECKING:
    from pathlib import Path


def write_new(path: Path, data: bytes, kind: str = "evidence", *, private: bool = False) -> None:
    """Write `data` to a new file; folders on its way are made.

    Args:
        path: where.
        data: all of it.
        kind: what is never overwritten, for the message.
        private: nobody else may read it, at no time.

    Raises:
        InputError: there is something already.
        OutputError: it cannot be written; what was written of it is removed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb", opener=_private if private else None) as stream:
            try:
                stream.write(data)
                stream.flush()
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise InputError.single(
            str(path), "is there already", f"Name a new file: {kind} is never overwritten."
        ) from error
    except OSError as error:
        fix = "Make room, or name a file in a writable folder."
        raise OutputError(f"{path}: cannot be written: {error.strerror}. {fix}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
