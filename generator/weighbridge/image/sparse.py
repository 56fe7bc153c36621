"""Sparse files in tar archives: the maps that say which pieces of a file are there.

Source: GNU tar manual, "Storing Sparse Files" (old GNU form, pax versions 0.0, 0.1 and 1.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.image.tar_header import HeaderError

if TYPE_CHECKING:
    from collections.abc import Callable

Pieces = list[tuple[int, int]]
"""Offset and length of each piece, in bytes."""


def pax_map(pax: dict[bytes, bytes]) -> tuple[int, Pieces | None] | None:
    """Size of the file with its holes, and its map, None where that stands before the contents (version 1.0).

    Returns:
        None where the headers speak of no sparse file.

    Raises:
        HeaderError: an unknown version, or something missing.
    """
    if not any(key.startswith(b"GNU.sparse.") for key in pax):
        return None
    version = (pax.get(b"GNU.sparse.major"), pax.get(b"GNU.sparse.minor"))
    stated = pax.get(b"GNU.sparse.size") or pax.get(b"GNU.sparse.realsize") or b""
    size = _number(stated)
    if version == (b"1", b"0"):
        return size, None
    guessed = version == (None, None) and b"GNU.sparse.map" in pax
    if not guessed and version not in {(b"0", b"0"), (b"0", b"1")}:
        raise HeaderError("its sparse map is of an unknown version")
    values = [_number(value) for value in pax.get(b"GNU.sparse.map", b"").split(b",") if value]
    if len(values) % 2 or pax.get(b"GNU.sparse.numblocks", str(len(values) // 2).encode()) != b"%d" % (
        len(values) // 2
    ):
        raise HeaderError("its sparse map is incomplete")
    return size, list(zip(values[::2], values[1::2], strict=True))


def read_map(block: Callable[[], bytes], limit: int) -> Pieces:
    """The map of version 1.0: decimal numbers, a line each, the count of pieces first, padded to whole blocks.

    Args:
        block: gives the next 512 bytes of the member.
        limit: most bytes of a map.

    Raises:
        HeaderError: not of this form, or too large.
    """
    data = bytearray()
    lines = 0
    wanted = 1
    while lines < wanted:
        if len(data) >= limit:
            raise HeaderError("its sparse map is too large")
        data += block()
        lines = data.count(b"\n")
        if lines and wanted == 1:
            wanted = 1 + 2 * _number(bytes(data[: data.index(b"\n")]))
    values = [_number(line) for line in bytes(data).split(b"\n")[1:wanted]]
    return list(zip(values[::2], values[1::2], strict=True))


def verified(pieces: Pieces, size: int, stored: int) -> Pieces:
    """The pieces, if they lie in order, within the file, and are exactly what is stored.

    Raises:
        HeaderError: they do not.
    """
    end = 0
    for offset, length in pieces:
        if offset < end or offset + length > size:
            raise HeaderError("its sparse map overlaps, or reaches beyond the file")
        end = offset + length
    if sum(length for _, length in pieces) != stored:
        raise HeaderError("its sparse map does not fit its contents")
    return pieces


def _number(value: bytes) -> int:
    if not value.isdigit() or len(value) > 19 or int(value) >= 2**63:
        raise HeaderError("its sparse map has something else than numbers")
    return int(value)
