"""Model weights in an image: told by how a file begins, or by its name where the format has no beginning of its own."""

from __future__ import annotations

import json
import re

HEAD = 4096
"""Bytes of a file that are looked at."""
_NAMES = {
    ".safetensors": "safetensors", ".gguf": "gguf", ".ggml": "ggml", ".onnx": "onnx", ".pt": "pytorch",
    ".pth": "pytorch", ".ckpt": "checkpoint", ".h5": "hdf5", ".hdf5": "hdf5", ".keras": "keras", ".tflite": "tflite",
    ".engine": "tensorrt", ".plan": "tensorrt", ".pdparams": "paddle", ".mlmodel": "coreml", ".nemo": "nemo",
    ".joblib": "pickle", ".llamafile": "gguf",
}  # fmt: skip
_WHOLE_NAMES = {"saved_model.pb": "tensorflow", "flax_model.msgpack": "flax", "pytorch_model.bin": "pytorch"}
_TENSORFLOW = re.compile(r"variables\.data-[0-9]{5}-of-[0-9]{5}\Z")
_MAGIC = (
    (0, b"GGUF", "gguf"),
    (0, b"lmgg", "ggml"),
    (0, b"tjgg", "ggml"),
    (0, b"fmgg", "ggml"),
    (4, b"TFL3", "tflite"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"ptrt", "tensorrt"),
    (0, b"ftrt", "tensorrt"),
)
"""Offset, bytes that stand there, format."""
_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
SMALLEST = 1024
"""A file below this many bytes holds no weights, whatever its name."""


def weights_format(name: str, head: bytes, size: int) -> str | None:
    """The format of the weights that a file holds, or None.

    Args:
        name: the file's own name, without folders.
        head: its first `HEAD` bytes, or all of it.
        size: of the whole file, in bytes.
    """
    by_content = _by_content(head, size)
    if by_content is not None:
        return by_content
    if size < SMALLEST:
        return None
    lower = name.lower()
    if lower in _WHOLE_NAMES or _TENSORFLOW.match(lower):
        return _WHOLE_NAMES.get(lower, "tensorflow")
    suffix = lower[lower.rfind(".") :] if "." in lower else ""
    # `.pth` is also what Python calls its lists of folders, and `.plan` and `.h5` may be text.
    return _NAMES.get(suffix) if b"\0" in head else None


def _by_content(head: bytes, size: int) -> str | None:
    for offset, magic, name in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return name
    # Torch's two forms: a zip whose first member is its pickle, and a pickle whose first object is a magic number.
    zipped = head[:4] == b"PK\x03\x04" and b"data.pkl" in head[30:200]
    if zipped or (head[:2] == b"\x80\x02" and _TORCH in head[:32]):
        return "pytorch"
    return "safetensors" if _safetensors(head, size) else None


def _safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    if not 2 <= length <= min(size - 8, 100_000_000) or head[8:9] != b"{":
        return False
    if length + 8 > len(head):
        return b'"dtype"' in head or b'"__metadata__"' in head
    try:
        return isinstance(json.loads(head[8 : 8 + length]), dict)
    except (ValueError, RecursionError):
        return False
