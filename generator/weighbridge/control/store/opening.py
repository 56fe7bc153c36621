"""Opening a database by its address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.control.store.log_copy import LogCopy
from weighbridge.control.store.postgres import open_postgres
from weighbridge.control.store.sqlite import open_sqlite
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.control.store.database import Database

_POSTGRES = ("postgresql://", "postgres://")
_SQLITE = "sqlite:///"


def sqlite_path(address: str) -> Path | None:
    """The file that an address names; None of a PostgreSQL one.

    Raises:
        InputError: it names neither.
    """
    if address.startswith(_POSTGRES):
        return None
    path = address.removeprefix(_SQLITE)
    if "://" in path or not path:
        raise InputError.single(
            "--database", "names no database that is known", "Write a file's path, or postgresql://user@host/database."
        )
    return Path(path)


async def open_database(address: str, *, lock_seconds: float) -> tuple[Database, LogCopy | None]:
    """Open a database, and the copy of the log that lies beside a file.

    Raises:
        InputError: the address or the file is not acceptable.
        EngineError: the database does not answer, or another server uses it.
    """
    path = sqlite_path(address)
    if path is None:
        return await open_postgres(address, lock_seconds=lock_seconds), None
    return await open_sqlite(path), LogCopy(log_folder(path))


def log_folder(path: Path) -> Path:
    """Where the log is copied to, beside a SQLite file."""
    return path.with_name(f"{path.name}.log")
