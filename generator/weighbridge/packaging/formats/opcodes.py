"""The opcodes of a pickle, one after the other, in bounded memory.

`pickletools.genops` holds every argument in memory and gives up on some that an unpickler takes. Here large bytes are
stepped over, and the table of opcodes is the standard library's own (`pickletools.opcodes`).
"""

from __future__ import annotations

import pickletools
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from weighbridge.packaging.view import FormatError, LimitError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_OPCODES = 5_000_000
"""Most opcodes of one pickle."""
MAX_ARGUMENT = 256
"""Longest argument, in bytes, that is kept: it is for names and numbers. Of a longer one only the fact is."""
_MAX_LINE = 16 * 1024 * 1024
_NAMES = {ord(op.code): op.name for op in pickletools.opcodes}
_FIXED = {"uint1": "B", "uint2": "<H", "int4": "<i", "uint4": "<I", "uint8": "<Q", "float8": ">d"}
_LENGTHS = {
    "string1": "B",
    "string4": "<i",
    "bytes1": "B",
    "bytes4": "<I",
    "bytes8": "<Q",
    "bytearray8": "<Q",
    "unicodestring1": "B",
    "unicodestring4": "<I",
    "unicodestring8": "<Q",
    "long1": "B",
    "long4": "<i",
}
_ARGUMENTS = {ord(op.code): op.arg.name if op.arg else "" for op in pickletools.opcodes}
_LINES = frozenset(name for name in _ARGUMENTS.values() if "nl" in name)


class Bytes(Protocol):
    """Where a pickle is read from."""

    size: int

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`, or a FormatError."""


class MemoryBytes:
    """Bytes in memory, as a `Bytes`."""

    def __init__(self, data: bytes) -> None:
        """Read from these."""
        self.data, self.size = data, len(data)

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`.

        Raises:
            FormatError: there are not as many.
        """
        if offset < 0 or count < 0 or offset + count > self.size:
            raise FormatError(f"is cut off: {count:,} bytes at {offset:,} lie behind its end at {self.size:,}")
        return self.data[offset : offset + count]


class UnknownOpcodeError(FormatError):
    """A byte that no unpickler takes for an opcode: each of them stops here."""


class Opcode(NamedTuple):
    """One opcode."""

    name: str
    argument: int | float | str | bytes | None
    """None where there is none, or where it is too long to be kept."""
    end: int
    """Offset behind it."""


def opcodes(data: Bytes, begin: int) -> Iterator[Opcode]:
    """The opcodes from an offset up to and including STOP.

    Raises:
        UnknownOpcodeError: while reading: a byte that is no opcode.
        FormatError: while reading: cut off, an argument that cannot be read, more than `MAX_OPCODES`.
    """
    at = begin
    for _ in range(MAX_OPCODES):
        code = data.at(at, 1)[0]
        if code not in _NAMES:
            raise UnknownOpcodeError(f"is no pickle: 0x{code:02x} at {at:,} is no opcode")
        argument, at = _argument(data, _ARGUMENTS[code], at + 1)
        yield Opcode(_NAMES[code], argument, at)
        if _NAMES[code] == "STOP":
            return
    raise LimitError(f"has more than {MAX_OPCODES:,} opcodes")


def _argument(data: Bytes, kind: str, at: int) -> tuple[int | float | str | bytes | None, int]:
    if not kind:
        return None, at
    if kind in _LINES:
        return _line(data, at, 2 if kind == "stringnl_noescape_pair" else 1)
    if kind in _FIXED:
        size = struct.calcsize(_FIXED[kind])
        return struct.unpack(_FIXED[kind], data.at(at, size))[0], at + size
    size = struct.calcsize(_LENGTHS[kind])
    (length,) = struct.unpack(_LENGTHS[kind], data.at(at, size))
    at += size
    if length < 0 or at + length > data.size:
        raise FormatError(f"is cut off: an argument of {length:,} bytes at {at:,}")
    raw = data.at(at, length) if length <= MAX_ARGUMENT else None
    return _value(kind, raw), at + length


def _value(kind: str, raw: bytes | None) -> int | str | bytes | None:
    if raw is None:
        return None
    if kind.startswith("unicodestring"):
        return raw.decode("utf-8", "surrogatepass" if _decodes(raw) else "backslashreplace")
    if kind.startswith("string"):
        return raw.decode("latin-1")
    return int.from_bytes(raw, "little", signed=True) if kind.startswith("long") else raw


def _decodes(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _line(data: Bytes, at: int, count: int) -> tuple[str | None, int]:
    """The next lines, joined by a space; None where they are too long to be kept."""
    lines = []
    for _ in range(count):
        # Most lines are short names; a longer look is only taken where they are not.
        for look in (256, _MAX_LINE):
            chunk = data.at(at, min(look, data.size - at))
            end = chunk.find(b"\n")
            if end >= 0:
                break
        else:
            raise LimitError(f"has a line without end at {at:,}")
        lines.append(chunk[:end].decode("utf-8", "backslashreplace"))
        at += end + 1
    text = " ".join(lines)
    return text if len(text) <= MAX_ARGUMENT else None, at
