"""TensorRT: a plan is machine code for one GPU and one version of the library, in a form that NVIDIA keeps to itself.

NVIDIA's documentation says to deserialize plans of trusted origin only; so all that is told is that there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.packaging.formats.header import Header

if TYPE_CHECKING:
    from weighbridge.packaging.view import FileView

MAGIC = (b"ftrt", b"ptrt")
"""How the plans of TensorRT 7 to 10 begin."""


def read_tensorrt(view: FileView) -> Header:
    """That it is a plan, and whether it begins as one."""
    known = view.head(4) in MAGIC
    header = Header("tensorrt")
    header.executable.append(
        ("engine", "TensorRT plan" if known else "named as a TensorRT plan, with another beginning")
    )
    return header
