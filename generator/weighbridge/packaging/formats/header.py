"""What one file's header says, whatever its format."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from weighbridge.packaging.digest import MAX_FILE_BYTES
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.packaging.manifest import ExecutableKind, Format

MAX_DIMENSIONS = 64
"""Most dimensions of a tensor: numpy's own limit."""


class External(NamedTuple):
    """Data of a tensor that lies in a file of its own, as ONNX has it."""

    location: str
    """Relative to the folder of the file that refers to it."""
    offset: int
    length: int | None
    """Bytes; None: to the end."""


@dataclass
class Header:
    """Filled while a header is read."""

    format: Format | None
    """None: a pickle that is no checkpoint of a known framework."""
    version: str | None = None
    counted: bool = False
    """Whether the header lists its tensors at all."""
    tensors: int = 0
    dtypes: Counter[str] = field(default_factory=Counter)
    """Data type to number of parameters."""
    license: str | None = None
    executable: list[tuple[ExecutableKind, str]] = field(default_factory=list)
    external: list[External] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def add_tensor(self, dtype: str, shape: Sequence[int]) -> None:
        """Count one tensor.

        Raises:
            FormatError: a shape that no tensor has, or more parameters than can be written down.
        """
        self.counted = True
        self.tensors += 1
        self.dtypes[dtype] += elements(shape)
        if self.dtypes.total() > MAX_FILE_BYTES:
            raise FormatError("claims more parameters than 2**53")


def elements(shape: Sequence[int]) -> int:
    """How many elements a tensor has; a shape without dimensions is one number.

    Raises:
        FormatError: too many or negative dimensions, or more than 2**53 elements.
    """
    if len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape):
        raise FormatError(f"has a tensor of the shape {list(shape)[:8]}")
    count = math.prod(shape)
    if count > MAX_FILE_BYTES or any(size > MAX_FILE_BYTES for size in shape):
        raise FormatError("has a tensor with more than 2**53 elements")
    return count
