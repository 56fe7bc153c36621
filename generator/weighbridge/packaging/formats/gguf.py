"""GGUF, versions 2 and 3: metadata, then a list of tensors, then their data.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; sizes of quantised blocks: `ggml.c`, `type_traits`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal, NamedTuple

from weighbridge.packaging.formats.header import Header, elements
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from weighbridge.packaging.view import FileView

MAX_PAIRS = 100_000
"""Most pairs of metadata."""
MAX_TENSORS = 1_000_000
"""Most tensors."""
MAX_ITEMS = 20_000_000
"""Most items of all arrays of text together: each has to be stepped over. The largest vocabularies have 300,000."""
MAX_KEY = 65_535
"""Longest key, in bytes, as the format says."""
_MAX_TEXT = 16 * 1024 * 1024
_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class _Type(NamedTuple):
    name: str
    block: int
    """Elements of one block."""
    size: int
    """Bytes of one block."""


TYPES = {
    number: _Type(*fields)
    for number, fields in {
        0: ("F32", 1, 4),
        1: ("F16", 1, 2),
        2: ("Q4_0", 32, 18),
        3: ("Q4_1", 32, 20),
        6: ("Q5_0", 32, 22),
        7: ("Q5_1", 32, 24),
        8: ("Q8_0", 32, 34),
        9: ("Q8_1", 32, 36),
        10: ("Q2_K", 256, 84),
        11: ("Q3_K", 256, 110),
        12: ("Q4_K", 256, 144),
        13: ("Q5_K", 256, 176),
        14: ("Q6_K", 256, 210),
        15: ("Q8_K", 256, 292),
        16: ("IQ2_XXS", 256, 66),
        17: ("IQ2_XS", 256, 74),
        18: ("IQ3_XXS", 256, 98),
        19: ("IQ1_S", 256, 50),
        20: ("IQ4_NL", 32, 18),
        21: ("IQ3_S", 256, 110),
        22: ("IQ2_S", 256, 82),
        23: ("IQ4_XS", 256, 136),
        24: ("I8", 1, 1),
        25: ("I16", 1, 2),
        26: ("I32", 1, 4),
        27: ("I64", 1, 8),
        28: ("F64", 1, 8),
        29: ("IQ1_M", 256, 56),
        30: ("BF16", 1, 2),
        34: ("TQ1_0", 256, 54),
        35: ("TQ2_0", 256, 66),
        39: ("MXFP4", 32, 17),
    }.items()
}
"""ggml's types by number."""


class _Cursor:
    """Reads on from a place; numbers in the file's byte order."""

    def __init__(self, view: FileView, order: Literal["<", ">"]) -> None:
        self.view, self.order, self.position, self.items = view, order, 4, 0

    def number(self, code: Literal["I", "Q"]) -> int:
        count = 4 if code == "I" else 8
        value: int = struct.unpack(self.order + code, self.view.at(self.position, count))[0]
        self.position += count
        return value

    def skip(self, count: int) -> None:
        if self.position + count > self.view.size:
            raise FormatError(f"is cut off: {count:,} bytes at {self.position:,} lie behind its end")
        self.position += count

    def text(self, limit: int) -> str:
        length = self.number("Q")
        if length > limit:
            raise FormatError(f"has a text of {length:,} bytes where at most {limit:,} are read")
        data = self.view.at(self.position, length)
        self.position += length
        return data.decode("utf-8", "replace")

    def step_over(self, kind: int, depth: int = 0) -> None:
        """One value, unread."""
        if kind == _STRING:
            self.skip(self.number("Q"))
        elif kind == _ARRAY and depth < 4:
            self._step_over_array(depth)
        elif kind in _SIZES:
            self.skip(_SIZES[kind])
        else:
            raise FormatError(f"has metadata of a type that is not known: {kind}")

    def _step_over_array(self, depth: int) -> None:
        kind, count = self.number("I"), self.number("Q")
        if kind in _SIZES:
            self.skip(_SIZES[kind] * count)
            return
        self.items += count
        if self.items > MAX_ITEMS:
            raise FormatError(f"has arrays of more than {MAX_ITEMS:,} items")
        for _ in range(count):
            self.step_over(kind, depth + 1)


def read_gguf(view: FileView) -> Header:
    """What metadata and tensor list say.

    Raises:
        FormatError: the file is not as the format demands, or of another version.
    """
    version = int.from_bytes(view.at(4, 4), "little")
    # The magic is the same in both byte orders; a version that only makes sense backwards tells.
    cursor = _Cursor(view, ">" if version & 0xFFFF == 0 and version else "<")
    version = cursor.number("I")
    if view.at(0, 4) != b"GGUF" or version not in {2, 3}:
        raise FormatError(f"is of GGUF version {version}, and 2 and 3 are read")
    tensors, pairs = cursor.number("Q"), cursor.number("Q")
    if tensors > MAX_TENSORS or pairs > MAX_PAIRS:
        raise FormatError(f"claims {tensors:,} tensors and {pairs:,} pairs of metadata")
    header = Header("gguf", version=str(version), counted=True)
    alignment = _read_metadata(header, cursor, pairs)
    ends = [_read_tensor(header, cursor, alignment) for _ in range(tensors)]
    begin = -(-cursor.position // alignment) * alignment
    if ends and begin + max(ends) > view.size:
        raise FormatError(f"ends at {view.size:,}, and its tensors at {begin + max(ends):,}")
    return header


def _read_metadata(header: Header, cursor: _Cursor, pairs: int) -> int:
    """Returns the alignment of tensors, in bytes."""
    alignment = 32
    seen: set[str] = set()
    for _ in range(pairs):
        key, kind = cursor.text(MAX_KEY), cursor.number("I")
        if key in seen:
            raise FormatError(f"has the key {key[:80]!r} twice")
        seen.add(key)
        if key == "general.alignment" and kind == 4:
            alignment = cursor.number("I")
        elif key == "general.license" and kind == _STRING:
            header.license = cursor.text(_MAX_TEXT) or None
        elif key.startswith("tokenizer.chat_template") and kind == _STRING:
            template = cursor.text(_MAX_TEXT)
            header.executable.append(("template", f"{key}, {len(template):,} characters"))
        else:
            cursor.step_over(kind)
    if not 0 < alignment <= 2**20 or alignment % 8:
        raise FormatError(f"has an alignment of {alignment} bytes, expected a multiple of 8")
    return alignment


def _read_tensor(header: Header, cursor: _Cursor, alignment: int) -> int:
    """Returns where the tensor ends in the data, in bytes."""
    name = cursor.text(1024)
    dimensions = cursor.number("I")
    if dimensions > 8:
        raise FormatError(f"has {name[:80]!r} with {dimensions} dimensions")
    shape = [cursor.number("Q") for _ in range(dimensions)]
    number, offset = cursor.number("I"), cursor.number("Q")
    if number not in TYPES:
        raise FormatError(f"has {name[:80]!r} in a data type that is not known: {number}")
    kind = TYPES[number]
    count = elements(shape)
    if offset % alignment or (shape and shape[0] % kind.block):
        raise FormatError(f"has {name[:80]!r} at an odd offset, or in rows that are no whole blocks")
    header.add_tensor(kind.name, shape)
    return offset + count // kind.block * kind.size
