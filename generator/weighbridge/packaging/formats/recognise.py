"""Which reader a file of weights is for: its first bytes where they tell, else its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.packaging.executable.programs import archive
from weighbridge.packaging.formats.gguf import read_gguf
from weighbridge.packaging.formats.header import Header
from weighbridge.packaging.formats.keras import HDF5, read_hdf5, read_keras
from weighbridge.packaging.formats.onnx import read_onnx
from weighbridge.packaging.formats.pytorch import NUMPY, read_array, read_plain, read_zip
from weighbridge.packaging.formats.safetensors import read_safetensors
from weighbridge.packaging.formats.tensorflow import (
    read_frozen_graph,
    read_keras_metadata,
    read_saved_model,
    read_text,
    read_unread,
)
from weighbridge.packaging.formats.tensorrt import MAGIC as TENSORRT
from weighbridge.packaging.formats.tensorrt import read_tensorrt
from weighbridge.packaging.roles import extension

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.packaging.view import FileView

    Reader = Callable[[FileView], Header | None]

_BY_NAME: dict[str, Reader] = {
    "saved_model.pb": read_saved_model,
    "saved_model.pbtxt": read_unread,
    "saved_model.cpb": read_unread,
    "keras_metadata.pb": read_keras_metadata,
}
_BY_EXTENSION: dict[str, Reader] = {
    "safetensors": read_safetensors,
    "gguf": read_gguf,
    "onnx": read_onnx,
    "keras": read_keras,
    "h5": read_hdf5,
    "hdf5": read_hdf5,
    "pb": read_frozen_graph,
    "pbtxt": read_text,
    "engine": read_tensorrt,
    "plan": read_tensorrt,
    "trt": read_tensorrt,
}
_PICKLES = frozenset({"pt", "pth", "ckpt", "pkl", "pickle", "joblib", "dill", "pt2"})
_PERHAPS_PICKLES = frozenset({"bin", "dat", "data", "model", "ot", "params", "pdparams", "msgpack", "sav", "p", "pk"})


def read_header(path: str, view: FileView) -> Header | None:
    """What the header of a file says; None if it holds no weights that are known, and no pickle.

    Raises:
        FormatError: it should be of some format, and is not as that demands.
    """
    name = path.rpartition("/")[2].lower()
    head = view.head(512)
    if name in _BY_NAME:
        return _BY_NAME[name](view)
    reader = _by_content(extension(path), head) or _BY_EXTENSION.get(extension(path))
    return reader(view) if reader else _perhaps_pickle(extension(path), view, head)


def _by_content(ending: str, head: bytes) -> Reader | None:
    if head.startswith(b"GGUF"):
        return read_gguf
    if head.startswith(HDF5):
        return read_hdf5
    if head.startswith(NUMPY):
        return read_array
    if head.startswith(TENSORRT):
        return read_tensorrt
    if head.startswith(b"PK\x03\x04") and ending not in {"keras", "zip", "jar", "whl", "egg"}:
        return read_zip
    return None


def _perhaps_pickle(ending: str, view: FileView, head: bytes) -> Header | None:
    if ending in _PICKLES:
        compressed = archive(head)
        if not compressed:
            return read_plain(view, surely=True)
        header = Header(None)
        header.executable.append(("pickle-unknown", f"compressed with {compressed}"))
        header.findings.append(f"is compressed with {compressed}, and is not unpacked")
        return header
    if ending in _PERHAPS_PICKLES or (len(head) > 2 and head[0] == 0x80 and head[1] < 6):
        return read_plain(view, surely=False)
    return None


def is_pickle_name(path: str) -> bool:
    """Whether loaders take a file of this name for a pickle."""
    return extension(path) in _PICKLES
