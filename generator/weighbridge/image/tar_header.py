"""One header of a tar archive, read as Go's archive/tar reads it, which all container runtimes use.

Formats: POSIX.1-1988 (ustar), POSIX.1-2001 (pax), GNU tar (base-256 numbers, sparse files), V7. Where readers are known
to differ the header is refused, so that nobody else sees another file than we do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BLOCK = 512
"""Bytes of a header; contents are padded to it."""
_NO_CONTENT = frozenset(b"123456")
"""Links, devices, folders, pipes."""
_PIECE = 24
"""Bytes of one entry in a sparse map of GNU's: offset and length."""


class HeaderError(ValueError):
    """The header is none, or means different things to different readers."""


@dataclass
class Header:
    """What stands in the 512 bytes."""

    name: bytes
    typeflag: int
    """The byte as it stands there, with V7's folders (`name/`) told as `5`."""
    size: int
    """Bytes that follow in the archive."""
    mode: int
    uid: int
    gid: int
    linkname: bytes
    device: tuple[int, int]
    sparse: list[tuple[int, int]] = field(default_factory=list)
    """Of type `S` only: offset and length of the pieces that are there."""
    extended: bool = False
    """Of type `S` only: more pieces follow in a block of their own."""
    real_size: int = 0
    """Of type `S` only: bytes of the file with its holes."""


def text(data: bytes) -> bytes:
    """A field up to its first NUL."""
    return data.split(b"\0", 1)[0]


def number(data: bytes) -> int:
    """A numeric field: octal digits, or base-256 where the first bit is set (GNU).

    Raises:
        HeaderError: neither, or negative.
    """
    if data[0] & 0x80:
        value = int.from_bytes(bytes([data[0] & 0x7F]) + data[1:], "big")
        # The second bit is the sign.
        if data[0] & 0x40 or value >= 2**63:
            raise HeaderError("a number is negative or too large")
        return value
    digits = text(data.strip(b" \0"))
    if digits.strip(b"01234567"):
        raise HeaderError(f"{digits[:12]!r} is no octal number")
    return int(digits or b"0", 8)


def parse_header(block: bytes) -> Header:
    """The header in a block of 512 bytes that are not all zero.

    Raises:
        HeaderError: a wrong checksum, a number that is none, or something that readers understand differently.
    """
    _verify(block)
    gnu = block[257:265] == b"ustar  \0"
    ustar = block[257:265] == b"ustar\x0000"
    name = text(block[:100])
    if ustar:
        star = block[508:512] == b"tar\0"
        prefix = text(block[345 : 345 + (131 if star else 155)])
        name = prefix + b"/" + name if prefix else name
    header = Header(
        name=name,
        typeflag=block[156],
        size=number(block[124:136]),
        mode=number(block[100:108]),
        uid=number(block[108:116]),
        gid=number(block[116:124]),
        linkname=text(block[157:257]),
        device=(number(block[329:337]), number(block[337:345])) if gnu or ustar else (0, 0),
    )
    if gnu:
        _parse_gnu(block, header)
    elif header.typeflag == ord("S"):
        raise HeaderError("a sparse file of GNU's in an archive that is not GNU's")
    return header


def _verify(block: bytes) -> None:
    stated = number(block[148:156])
    blank = block[:148] + b" " * 8 + block[156:]
    unsigned = sum(blank)
    # Old tars summed signed characters.
    if stated != unsigned and stated != unsigned - 256 * sum(byte > 127 for byte in blank):
        raise HeaderError("its checksum is wrong")


def _parse_gnu(block: bytes, header: Header) -> None:
    # Where old writers put a prefix GNU has times. What is no time would be a prefix to Go and nothing to others.
    for place in (slice(345, 357), slice(357, 369)):
        number(block[place])
    if header.typeflag == ord("S"):
        header.sparse = sparse_pieces(block[386:482])
        header.extended = block[482] != 0
        header.real_size = number(block[483:495])


def sparse_pieces(data: bytes) -> list[tuple[int, int]]:
    """Offset and length of each piece in a sparse map of the old GNU form, up to its first empty entry."""
    found = []
    for start in range(0, len(data) - _PIECE + 1, _PIECE):
        entry = data[start : start + _PIECE]
        if entry[0] == 0:
            break
        found.append((number(entry[:12]), number(entry[12:])))
    return found


def holds_content(typeflag: int) -> bool:
    """Whether bytes follow a header of this type."""
    return typeflag not in _NO_CONTENT


def parse_pax(data: bytes) -> dict[bytes, bytes]:
    """The records of a pax header, each `<length> <key>=<value>` and a line feed; sparse maps of version 0.0 as of 0.1.

    Source: POSIX.1-2001, pax, "Extended Header".

    Raises:
        HeaderError: not of this form, or a key that counts given twice.
    """
    records: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    while data:
        key, value, data = _record(data)
        if key in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:
            expected = b"GNU.sparse.numbytes" if len(pieces) % 2 else b"GNU.sparse.offset"
            if key != expected or b"," in value:
                raise HeaderError("its sparse map is out of order")
            pieces.append(value)
        elif key in records and records[key] != value:
            raise HeaderError(f"it gives {key[:60]!r} twice")
        else:
            records[key] = value
    if pieces:
        records[b"GNU.sparse.map"] = b",".join(pieces)
    return records


def _record(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Key and value of the first record, and what follows it."""
    digits, space, _ = data[:24].partition(b" ")
    if not space or not digits.isdigit():
        raise HeaderError("a record of its extended header has no length")
    length = int(digits)
    record = data[len(digits) + 1 : length]
    if length > len(data) or not record.endswith(b"\n"):
        raise HeaderError("a record of its extended header is cut off")
    key, equals, value = record[:-1].partition(b"=")
    binary = key.startswith(b"SCHILY.xattr.")
    if not equals or not key or b"\0" in key or (b"\0" in value and not binary):
        raise HeaderError("a record of its extended header is no key and value")
    return key, value, data[length:]
