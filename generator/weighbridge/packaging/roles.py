"""What a file is for and what type it has, told by its name: a role changes no verdict, it makes a manifest readable.

Media types are IANA's where there is one; for weights those that their projects use, else `application/octet-stream`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weighbridge.packaging.manifest import Role


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OCTETS = "application/octet-stream"
MEDIA_TYPES = {
    "safetensors": "application/vnd.safetensors",
    "gguf": "application/vnd.gguf",
    "onnx": "application/vnd.onnx",
    "keras": "application/zip",
    "h5": "application/x-hdf5",
    "hdf5": "application/x-hdf5",
    "npz": "application/zip",
    "zip": "application/zip",
    "tflite": "application/vnd.tflite",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "xml": "application/xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "txt": "text/plain",
    "html": "text/html",
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "gif": "image/gif",
    "wav": "audio/vnd.wave",
    "py": "text/x-python",
    "ipynb": "application/x-ipynb+json",
    "sh": "application/x-sh",
    "js": "text/javascript",
    "so": "application/x-sharedlib",
    "parquet": "application/vnd.apache.parquet",
    "tar": "application/x-tar",
    "gz": "application/gzip",
    "zst": "application/zstd",
}
"""Extension to media type."""
WEIGHTS = _words(
    "safetensors gguf ggml onnx onnx_data pt pth pt2 ckpt bin keras h5 hdf5 pb tflite engine plan trt mlmodel "
    "npz npy pkl pickle joblib dill msgpack params pdparams caffemodel ot nemo data"
)
"""Extensions that hold weights, unless the name says otherwise."""
_CODE = _words(
    "py pyi ipynb sh bash bat cmd ps1 js mjs ts lua rb pl r jl c cc cpp cu cuh h hpp rs go java so dll dylib "
    "pyd pyc pyo class jar whl wasm jinja jinja2 j2"
)
_DOCUMENTATION = _words("md rst html htm pdf png jpg jpeg svg gif webp")
_CONFIGURATION = _words("json jsonl yaml yml toml ini cfg conf xml lock index pbtxt")
_LICENSE = re.compile(r"(un)?licen[cs]e|copying|notice|copyright|eula|use[_-]policy", re.IGNORECASE)
_TOKENIZER = re.compile(
    r"tokenizer|vocab|merges\.txt|special_tokens_map|added_tokens|spiece|sentencepiece|\.(tiktoken|bpe|spm)\Z"
    r"|normalizer\.json|chat_template",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(r"readme|changelog|model[_-]?card|citation|security|contributing|authors", re.IGNORECASE)
_REQUIREMENTS = re.compile(r"requirements.*\.(txt|in)|constraints.*\.txt|pipfile|environment\.ya?ml", re.IGNORECASE)
_VERSIONED_LIBRARY = re.compile(r"\.so(\.[0-9]+)+\Z")


def extension(path: str) -> str:
    """The last part behind a dot, in lower case, without the dot; `so` for `libcudart.so.12`."""
    name = path.rpartition("/")[2]
    if _VERSIONED_LIBRARY.search(name):
        return "so"
    stem, dot, last = name.rpartition(".")
    return last.lower() if dot and stem else ""


def role_of(path: str, *, executable: bool = False, weights: bool = False) -> Role:
    """What a file is for.

    Args:
        path: in the artifact.
        executable: whether it was found to be a program.
        weights: whether a header of weights was read in it.
    """
    name, ending = path.rpartition("/")[2], extension(path)
    if weights:
        return "weights"
    if executable or ending in _CODE:
        return "code"
    stem = name.split(".")[0]
    if _LICENSE.match(stem) and ending in {"", "txt", "md", "rst", "html", "pdf"}:
        return "license"
    return _by_name(name, ending)


def _by_name(name: str, ending: str) -> Role:
    if _TOKENIZER.search(name):
        return "tokenizer"
    if _REQUIREMENTS.fullmatch(name):
        return "configuration"
    if ending in WEIGHTS:
        return "weights"
    if _DOCUMENT.match(name) or ending in _DOCUMENTATION:
        return "documentation"
    hidden = name.startswith(".")
    return "configuration" if ending in _CONFIGURATION or hidden else "other"


def media_type_of(path: str) -> str:
    """The media type, by the extension; a text that is only named after what it is (LICENSE) is plain text."""
    ending = extension(path)
    if not ending and role_of(path) in {"license", "documentation"}:
        return "text/plain"
    return MEDIA_TYPES.get(ending, OCTETS)
