"""Zip files of strangers: bounded before they are parsed, and refused where two readers could see two contents.

PyTorch, Keras and numpy keep models in zips. Python's `zipfile` reads the whole directory at once, so its size is
looked up first (APPNOTE 6.3.10, sections 4.3.14 to 4.3.16).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, cast

from weighbridge.packaging.view import FormatError, ViewStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.packaging.view import FileView

MAX_DIRECTORY = 16 * 1024 * 1024
"""Bytes of the largest directory that is read."""
MAX_MEMBERS = 100_000
"""Most members."""
_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"


class Zip:
    """The members of a zip file.

    Attributes:
        members: by name, in the order of the directory; folders are left out.
    """

    def __init__(self, view: FileView) -> None:
        """Read the directory.

        Raises:
            FormatError: no zip, too large a directory, names twice, encrypted members.
        """
        _check_directory(view)
        try:
            self._zip = zipfile.ZipFile(cast("IO[bytes]", ViewStream(view)))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError) as error:
            raise FormatError(f"is no zip that can be read: {error}") from error
        self.members: dict[str, zipfile.ZipInfo] = {}
        if len(self._zip.infolist()) > MAX_MEMBERS:
            raise FormatError(f"holds more than {MAX_MEMBERS:,} members")
        for info in self._zip.infolist():
            # Readers differ in what ends a name, and in which of two members of one name they take.
            if not info.filename or info.filename in self.members or info.orig_filename != info.filename:
                raise FormatError(f"holds {info.filename[:80]!r} twice, without a name, or with one that is cut off")
            if info.flag_bits & 1:
                raise FormatError(f"holds {info.filename[:80]!r} encrypted")
            if not info.is_dir():
                self.members[info.filename] = info

    def read(self, name: str, limit: int) -> bytes:
        """A member, unpacked.

        Raises:
            FormatError: more than `limit` bytes, or broken.
        """
        parts, count = [], 0
        for part in self.chunks(name):
            count += len(part)
            if count > limit:
                raise FormatError(f"holds {name[:80]!r} with more than {limit:,} bytes")
            parts.append(part)
        return b"".join(parts)

    def head(self, name: str, count: int) -> bytes:
        """The first bytes of a member, fewer if it has fewer. Raises what `read` raises for what is broken."""
        for part in self.chunks(name):
            return part[:count]
        return b""

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member piece by piece, unpacked.

        Raises:
            FormatError: while reading: broken, or not what the directory says.
        """
        try:
            with self._zip.open(self.members[name]) as stream:
                while part := stream.read(64 * 1024):
                    yield part
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
            raise FormatError(f"holds {name[:80]!r}, which cannot be read: {error}") from error
        except (EOFError, OSError, zlib.error, LookupError) as error:
            raise FormatError(f"holds {name[:80]!r}, which cannot be unpacked: {error}") from error


def _check_directory(view: FileView) -> None:
    tail = view.at(max(0, view.size - 65_557), min(view.size, 65_557))
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise FormatError("is no zip: it has no directory")
    count, size = struct.unpack_from("<HI", tail, at + 10)
    locator = tail.rfind(_END64, 0, at)
    if locator >= 0:
        (offset,) = struct.unpack_from("<Q", tail, locator + 8)
        count, size = struct.unpack("<QQ", view.at(offset, 56)[32:48])
    if size > MAX_DIRECTORY or count > MAX_MEMBERS:
        raise FormatError(f"has a directory of {size:,} bytes, and at most {MAX_DIRECTORY:,} are read")
