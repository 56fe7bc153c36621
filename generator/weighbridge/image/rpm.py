"""Names and versions in an rpm database of the SQLite form (rpm 4.16 and later).

Source: rpm, "RPM v4 package format", header structure; the column `blob` holds a header without its magic.
"""

from __future__ import annotations

import sqlite3
import struct

from weighbridge.evidence.image_profile import OsPackage
from weighbridge.image.names import printable

_NAME, _VERSION, _RELEASE, _EPOCH = 1000, 1001, 1002, 1003
_STRING, _INT32 = 6, 4
_MAX_PACKAGES = 50_000
_MAX_INDEX = 10_000


def rpm_packages(data: bytes) -> list[OsPackage]:
    """The packages in a database.

    Args:
        data: the whole `rpmdb.sqlite`.

    Raises:
        ValueError: no such database.
    """
    if not data.startswith(b"SQLite format 3\x00"):
        raise ValueError("it is no SQLite database, or too large")
    connection = sqlite3.connect(":memory:")
    try:
        # A database in write-ahead form, as rpm leaves it, opens in memory only as one in rollback form.
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
        rows = connection.execute("SELECT blob FROM Packages LIMIT ?", (_MAX_PACKAGES + 1,)).fetchall()
    except (sqlite3.Error, MemoryError) as error:
        raise ValueError(str(error)) from error
    finally:
        connection.close()
    if len(rows) > _MAX_PACKAGES:
        raise ValueError(f"it has more than {_MAX_PACKAGES:,} packages")
    return [_package(blob) for (blob,) in rows]


def _package(blob: object) -> OsPackage:
    if not isinstance(blob, bytes) or len(blob) < 8:
        raise ValueError("a package is no header")
    count, size = struct.unpack(">II", blob[:8])
    if count > _MAX_INDEX or 8 + 16 * count + size != len(blob):
        raise ValueError("a package is a header of the wrong length")
    store = blob[8 + 16 * count :]
    found: dict[int, str] = {}
    for index in range(count):
        tag, kind, offset, _ = struct.unpack(">IIiI", blob[8 + 16 * index : 24 + 16 * index])
        if tag in {_NAME, _VERSION, _RELEASE} and kind == _STRING and offset >= 0:
            found[tag] = printable(store[offset:].split(b"\0", 1)[0][:200])
        elif tag == _EPOCH and kind == _INT32 and 0 <= offset <= len(store) - 4:
            found[tag] = str(struct.unpack(">I", store[offset : offset + 4])[0])
    if not all(found.get(tag) for tag in (_NAME, _VERSION, _RELEASE)):
        raise ValueError("a package has no name, version and release")
    epoch = f"{found[_EPOCH]}:" if _EPOCH in found else ""
    return OsPackage(name=found[_NAME], version=f"{epoch}{found[_VERSION]}-{found[_RELEASE]}", manager="rpm")
