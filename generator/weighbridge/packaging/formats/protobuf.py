"""The wire format of Protocol Buffers, stepped through in a file without holding what is not asked for.

Format: https://protobuf.dev/programming-guides/encoding/. Groups, which nobody has written for a decade, are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.packaging.view import FileView

MAX_FIELDS = 5_000_000
"""Most fields of one file that are stepped through."""


class Field(NamedTuple):
    """One field."""

    number: int
    wire: int
    """0: `value` is a number; 1, 5: a number of 8 or 4 bytes; 2: bytes from `begin` to `end`."""
    value: int
    begin: int
    end: int


class Message:
    """Steps through messages of one file, and counts the steps."""

    def __init__(self, view: FileView) -> None:
        """Begin with nothing counted."""
        self.view = view
        self._steps = 0

    def fields(self, begin: int, end: int) -> Iterator[Field]:
        """The fields of the message that lies between two offsets, in their order.

        Raises:
            FormatError: while stepping: broken, cut off, or more than `MAX_FIELDS` in this file.
        """
        while begin < end:
            self._steps += 1
            if self._steps > MAX_FIELDS:
                raise FormatError(f"has more than {MAX_FIELDS:,} fields")
            key, begin = self._varint(begin, end)
            number, wire = key >> 3, key & 7
            if not 0 < number < 2**29:
                raise FormatError(f"is no Protocol Buffer: field number {number}")
            if wire == 0:
                value, begin = self._varint(begin, end)
                yield Field(number, wire, value, begin, begin)
                continue
            length, begin = self._length(wire, begin, end)
            if begin + length > end:
                raise FormatError(f"is cut off: field {number} at {begin:,} has {length:,} bytes")
            value = int.from_bytes(self.view.at(begin, length), "little") if wire != 2 else 0
            yield Field(number, wire, value, begin, begin + length)
            begin += length

    def bytes(self, field: Field, limit: int) -> bytes:
        """The bytes of a field.

        Raises:
            FormatError: they are no bytes, or more than `limit`.
        """
        if field.wire != 2 or field.end - field.begin > limit:
            raise FormatError(f"has a field {field.number} of an unexpected kind or of more than {limit:,} bytes")
        return self.view.at(field.begin, field.end - field.begin)

    def text(self, field: Field, limit: int = 64 * 1024) -> str:
        """The text of a field; what is not UTF-8 in it is replaced. Raises what `bytes` raises."""
        return self.bytes(field, limit).decode("utf-8", "replace")

    def integers(self, field: Field, limit: int) -> list[int]:
        """A repeated integer, packed or not, at most `limit` of them.

        Raises:
            FormatError: more, or none.
        """
        if field.wire == 0:
            return [field.value]
        values, at = [], field.begin
        while at < field.end and field.wire == 2:
            value, at = self._varint(at, field.end)
            values.append(value)
            if len(values) > limit:
                raise FormatError(f"has more than {limit} numbers in field {field.number}")
        return values

    def _length(self, wire: int, begin: int, end: int) -> tuple[int, int]:
        if wire == 2:
            return self._varint(begin, end)
        if wire in {1, 5}:
            return (8 if wire == 1 else 4), begin
        raise FormatError(f"is no Protocol Buffer: wire type {wire}")

    def _varint(self, begin: int, end: int) -> tuple[int, int]:
        value = 0
        for index, byte in enumerate(self.view.at(begin, min(10, max(end - begin, 0)))):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value & (2**64 - 1), begin + index + 1
        raise FormatError(f"is cut off, or no Protocol Buffer, at {begin:,}")
