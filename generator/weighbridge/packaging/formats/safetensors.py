"""safetensors: an 8-byte length, a JSON header, a buffer.

Format: https://github.com/huggingface/safetensors ("Format"). What it demands is checked: the length of the header, a
header that begins with `{`, no duplicate keys, known data types, offsets that follow one another from 0 to the end of
the buffer without a hole, and as many bytes as data type and shape need. So no byte of the file is without a meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.packaging.formats.header import Header, elements
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from weighbridge.packaging.view import FileView

MAX_HEADER = 32 * 1024 * 1024
"""Bytes of the largest header that is read. The format allows 100 MB; the largest known have some 10."""
BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
"""Data type to the bits of one element (`safetensors/src/tensor.rs`, `Dtype`)."""
_LICENSES = ("license", "modelspec.license")
"""Where `__metadata__` may name a license: plainly, or as Stability AI's ModelSpec has it."""


def read_safetensors(view: FileView) -> Header:
    """What the header says.

    Raises:
        FormatError: the file is not as the format demands.
    """
    length = int.from_bytes(view.at(0, 8), "little")
    if length > MAX_HEADER:
        raise FormatError(f"claims a header of {length:,} bytes, and at most {MAX_HEADER:,} are read")
    document = _document(view.at(8, length))
    header = Header("safetensors", counted=True)
    metadata = document.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FormatError("has `__metadata__` that is no mapping from text to text")
    header.license = next((metadata[key] for key in _LICENSES if metadata.get(key)), None)
    spans = [_tensor(header, name, tensor) for name, tensor in document.items()]
    _check_spans(spans, view.size - 8 - length)
    return header


def _document(data: bytes) -> dict[str, Any]:
    if not data.startswith(b"{"):
        raise FormatError("has a header that does not begin with `{`")
    try:
        # The format lets a header be filled up with spaces, and parse_json takes no NUL for one.
        document = parse_json(data, "header")
    except InputError as error:
        raise FormatError(f"has a header that cannot be read: {error.problems[0].message}") from error
    return dict(document)


def _tensor(header: Header, name: str, tensor: Any) -> tuple[int, int]:
    if not isinstance(tensor, dict) or tensor.keys() != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"says of {name[:80]!r} something else than dtype, shape and data_offsets")
    dtype, shape, offsets = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise FormatError(f"has {name[:80]!r} in a data type that is not known: {str(dtype)[:40]!r}")
    if not _integers(shape) or not _integers(offsets) or len(offsets) != 2:
        raise FormatError(f"has a shape or offsets of {name[:80]!r} that are no lists of whole numbers")
    begin, end = offsets
    bits = elements(shape) * BITS[dtype]
    if bits % 8 or begin + bits // 8 != end:
        raise FormatError(f"gives {name[:80]!r} {end - begin:,} bytes, and its shape needs {bits / 8:,g}")
    header.add_tensor(dtype, shape)
    return begin, end


def _integers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and item >= 0 for item in value
    )


def _check_spans(spans: list[tuple[int, int]], size: int) -> None:
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise FormatError(f"has a hole or an overlap at byte {min(begin, at):,} of its buffer")
        at = end
    if at != size:
        raise FormatError(f"has a buffer of {size:,} bytes, and its tensors fill {at:,}")
