"""A tar archive as a stream: its members one after the other, each with its contents to read, nothing kept.

Order: a member's headers (extended ones first), then its contents; going on to the next member skips what was not
read. The archive ends with two blocks of zeros, or with its last byte; being cut off anywhere else is an error, since a
reader that stops quietly would miss what others see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from weighbridge.errors import InputError
from weighbridge.image.compression import CHUNK
from weighbridge.image.sparse import pax_map, read_map, verified
from weighbridge.image.tar_header import (
    BLOCK,
    Header,
    HeaderError,
    holds_content,
    parse_header,
    parse_pax,
    sparse_pieces,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.limits import Limits

_ZEROS = bytes(BLOCK)
_APPLIED = (b"path", b"linkpath", b"size", b"uid", b"gid")
_XATTR = b"SCHILY.xattr."


class Stream(Protocol):
    """Where an archive comes from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" only at the end."""


@dataclass
class Member:
    """One entry of an archive."""

    name: bytes
    """As the archive has it, extended headers applied."""
    kind: str
    """`file`, `link` (hard), `symlink`, `folder`, `device`, `block` or `pipe`."""
    mode: int
    """Permission bits, with setuid, setgid and sticky."""
    uid: int
    gid: int
    size: int
    """Bytes of the file, holes counted."""
    linkname: bytes
    device: tuple[int, int]
    xattrs: dict[str, bytes] = field(default_factory=dict)


_KINDS = {
    0: "file", ord("0"): "file", ord("S"): "file", ord("1"): "link", ord("2"): "symlink", ord("3"): "device",
    ord("4"): "block", ord("5"): "folder", ord("6"): "pipe",
}  # fmt: skip


class Archive:
    """A tar archive that is read once, from its beginning to its end."""

    def __init__(self, stream: Stream, file: str, limits: Limits) -> None:
        """Read nothing yet.

        Args:
            stream: the archive, uncompressed.
            file: its name for errors.
            limits: bounds of extended headers and sparse maps.
        """
        self._stream, self._file, self._limits = stream, file, limits
        self._left = 0
        """Bytes of the present member's contents that are still in the stream."""
        self._padding = 0
        self._pieces: list[tuple[int, int]] = []
        """What is left of the present member's sparse map, backwards; offsets are those in the file with its holes."""
        self._position = 0
        self._size = 0
        self._number = 0

    def members(self) -> Iterator[Member]:
        """Every member but the extended headers.

        Raises:
            InputError: cut off, a broken header, a type or a combination that readers understand differently.
        """
        try:
            while (header := self._next_header()) is not None:
                self._number += 1
                yield self._member(header)
        except HeaderError as error:
            raise self._error(f"has a header that cannot be read: {error}") from error

    def read(self, limit: int) -> bytes:
        """The next bytes of the present member's file, at most `limit`, with zeros in its holes; b"" at its end."""
        limit = min(limit, self._size - self._position, CHUNK)
        if limit <= 0:
            return b""
        while self._pieces and self._pieces[-1][1] == 0:
            self._pieces.pop()
        if not self._pieces or self._position < self._pieces[-1][0]:
            end = self._pieces[-1][0] if self._pieces else self._size
            hole = min(limit, end - self._position)
            self._position += hole
            return bytes(hole)
        offset, length = self._pieces[-1]
        data = self._exactly(min(limit, length))
        self._pieces[-1] = (offset + len(data), length - len(data))
        self._left -= len(data)
        self._position += len(data)
        return data

    def _member(self, header: Header) -> Member:
        pax: dict[bytes, bytes] = {}
        long_names: dict[int, bytes] = {}
        while header.typeflag in b"xgLK":
            data = self._extension(header)
            if header.typeflag == ord("x"):
                if pax:
                    raise HeaderError("it has two extended headers")
                pax = parse_pax(data)
            elif header.typeflag == ord("g"):
                if pax or long_names:
                    raise HeaderError("a global header stands between it and its extended header")
                _refuse_global(parse_pax(data))
            elif header.typeflag in long_names:
                raise HeaderError("it has two long names")
            else:
                long_names[header.typeflag] = text(data)
            following = self._next_header()
            if following is None:
                raise HeaderError("an extended header stands at the end, with nothing behind it")
            header = following
        _apply(header, pax, long_names)
        return self._open(header, pax)

    def _open(self, header: Header, pax: dict[bytes, bytes]) -> Member:
        kind = _KINDS.get(header.typeflag)
        if kind is None:
            raise HeaderError(f"{header.name[:100]!r} is of type {chr(header.typeflag)!r}, which no runtime unpacks")
        if kind == "file" and header.name.endswith(b"/"):
            if header.typeflag != 0:
                raise HeaderError(f"{header.name[:100]!r} is a file with the name of a folder")
            kind = "folder"
        if header.size and (kind == "folder" or not holds_content(header.typeflag)):
            raise HeaderError(f"{header.name[:100]!r} is no file and has contents, which readers treat differently")
        self._left, self._padding = header.size, -header.size % BLOCK
        self._position = 0
        self._set_pieces(header, pax)
        return Member(
            name=pax.get(b"GNU.sparse.name") or header.name,
            kind=kind,
            mode=header.mode & 0o7777,
            uid=header.uid,
            gid=header.gid,
            size=self._size,
            linkname=header.linkname,
            device=header.device,
            xattrs={
                key.removeprefix(_XATTR).decode("utf-8", "backslashreplace"): value
                for key, value in pax.items()
                if key.startswith(_XATTR)
            },
        )

    def _set_pieces(self, header: Header, pax: dict[bytes, bytes]) -> None:
        found = pax_map(pax)
        if header.typeflag == ord("S"):
            if found is not None:
                raise HeaderError("it has sparse maps of two kinds")
            self._size, pieces = header.real_size, header.sparse
        elif found is None:
            self._size, pieces = header.size, [(0, header.size)]
        else:
            if header.typeflag not in {0, ord("0")}:
                raise HeaderError("it is no file and has a sparse map")
            self._size, listed = found
            pieces = read_map(self._map_block, self._limits.header_bytes) if listed is None else listed
        self._pieces = verified(pieces, self._size, self._left)[::-1]

    def _map_block(self) -> bytes:
        if self._left < BLOCK:
            raise HeaderError("its sparse map is cut off")
        self._left -= BLOCK
        return self._exactly(BLOCK)

    def _extension(self, header: Header) -> bytes:
        if header.size > self._limits.header_bytes:
            raise HeaderError(f"its extended header has {header.size:,} bytes, more than {self._limits.header_bytes:,}")
        data = self._exactly(header.size)
        self._exactly(-header.size % BLOCK)
        return data

    def _next_header(self) -> Header | None:
        self._skip()
        block = self._block()
        if block is None:
            return None
        if block == _ZEROS:
            second = self._block()
            if second is not None and second != _ZEROS:
                raise HeaderError("a block of zeros stands before it, at which some readers stop and others do not")
            return None
        header = parse_header(block)
        while header.extended:
            block = self._exactly(BLOCK)
            header.sparse += sparse_pieces(block[:504])
            header.extended = block[504] != 0
            if len(header.sparse) * 24 > self._limits.header_bytes:
                raise HeaderError("its sparse map is too large")
        return header

    def _skip(self) -> None:
        left = self._left + self._padding
        self._left = self._padding = 0
        while left:
            left -= len(self._exactly(min(left, CHUNK)))

    def _block(self) -> bytes | None:
        data = self._stream.read(BLOCK)
        if not data:
            return None
        return data + self._exactly(BLOCK - len(data))

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size) if size else b""
        while len(data) < size:
            more = self._stream.read(size - len(data))
            if not more:
                raise self._error(f"is cut off after {self._number} entries")
            data += more
        return data

    def _error(self, message: str) -> InputError:
        return InputError.single(self._file, message, "Build or fetch the image again.")


def _refuse_global(pax: dict[bytes, bytes]) -> None:
    # Go ignores global headers, others apply them. `git archive` writes one with a comment, which is harmless.
    harmful = sorted(key for key in pax if key in _APPLIED or key.startswith((_XATTR, b"GNU.sparse.")))
    if harmful:
        raise HeaderError(f"a global header sets {harmful[0][:60]!r}, which only some readers apply")


def _apply(header: Header, pax: dict[bytes, bytes], long_names: dict[int, bytes]) -> None:
    """Put into the header what the extended ones before it say."""
    for flag, key in ((ord("L"), b"path"), (ord("K"), b"linkpath")):
        if flag in long_names and pax.get(key, long_names[flag]) != long_names[flag]:
            raise HeaderError("it has two names, one in the form of pax and one in GNU's")
    # An empty value stands for none.
    header.name = long_names.get(ord("L")) or pax.get(b"path") or header.name
    header.linkname = long_names.get(ord("K")) or pax.get(b"linkpath") or header.linkname
    header.size = _decimal(pax, b"size", header.size)
    header.uid = _decimal(pax, b"uid", header.uid)
    header.gid = _decimal(pax, b"gid", header.gid)


def _decimal(pax: dict[bytes, bytes], key: bytes, default: int) -> int:
    value = pax.get(key)
    if not value:
        return default
    if not value.isdigit() or len(value) > 19 or int(value) >= 2**63:
        raise HeaderError(f"{key.decode()} is {value[:40]!r}, no number")
    return int(value)
