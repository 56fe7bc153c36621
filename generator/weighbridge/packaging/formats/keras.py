"""Keras: `.keras` (version 3: a zip with config.json) and `.h5` (HDF5), of which the architecture is read.

Sources: keras/src/saving/saving_lib.py, serialization_lib.py (what a configuration may name, and that a Lambda layer
is marshalled bytecode); HDF5 File Format Specification 3.0 (signature). HDF5 is not taken apart: the architecture lies
in it as JSON text, in one piece and not compressed, so every JSON object in the file is looked at.
"""

from __future__ import annotations

import builtins
import json
import re
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.packaging.formats.header import Header
from weighbridge.packaging.formats.zips import Zip
from weighbridge.packaging.view import FormatError, LimitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.packaging.manifest import ExecutableKind
    from weighbridge.packaging.view import FileView

MAX_CONFIG = 16 * 1024 * 1024
"""Largest configuration, in bytes."""
MAX_SEARCHED = 256 * 1024 * 1024
"""Bytes of an HDF5 file or of Keras's metadata that are tried as JSON."""
HDF5 = b"\x89HDF\r\n\x1a\n"
_OWN = re.compile(
    r"keras(\.src)?\.(activations|constraints|dtype_policies|initializers|layers|losses|metrics|models|optimizers"
    r"|quantizers|regularizers|legacy\.layers|engine\.(functional|sequential|training|input_layer))(\.|\Z)"
)
"""Modules whose classes only compute. Others of Keras read files or fetch them, so they are not taken for harmless."""
_OBJECT = re.compile(rb'\{\s*("|\Z)')
_STEP = 1024 * 1024


def read_keras(view: FileView) -> Header:
    """What `.keras` says.

    Raises:
        FormatError: no zip, or no configuration that can be read.
    """
    archive = Zip(view)
    header = Header("keras")
    if "metadata.json" in archive.members:
        metadata = _json(archive.read("metadata.json", MAX_CONFIG), "metadata.json")
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        header.version = version[:100] if isinstance(version, str) and version.isprintable() and version else None
    if "config.json" not in archive.members:
        raise FormatError("is no Keras model: it has no config.json")
    header.executable = executable_in(_json(archive.read("config.json", MAX_CONFIG), "config.json"))
    return header


def read_hdf5(view: FileView) -> Header:
    """What an HDF5 file of Keras says; one without an architecture holds weights only.

    Raises:
        FormatError: no HDF5, or an architecture that is not found as text.
    """
    if view.head(8) != HDF5:
        raise FormatError("is no HDF5 file, or has a user block before it")
    header = Header("keras")
    found, named = 0, False
    for value in json_objects(view):
        found += 1
        header.executable += executable_in(value)
    named = contains(view, b"model_config")
    if named and not found:
        raise FormatError("has a `model_config` that cannot be found as text")
    header.executable = sorted(set(header.executable))
    return header


def contains(view: FileView, needle: bytes) -> bool:
    """Whether the bytes occur anywhere in the file."""
    overlap = len(needle) - 1
    for begin in range(0, view.size, _STEP):
        if needle in view.at(begin, min(_STEP + overlap, view.size - begin)):
            return True
    return False


def json_objects(view: FileView) -> Iterator[Any]:
    """Every JSON object that lies as text somewhere in a file, none of them inside another.

    Raises:
        FormatError: while searching: more text that looks like JSON than is tried.
    """
    at = searched = 0
    while at < view.size:
        chunk = view.at(at, min(_STEP, view.size - at))
        match = _OBJECT.search(chunk)
        if match is None:
            at += max(len(chunk) - 256, 1) if at + len(chunk) < view.size else len(chunk)
            continue
        at += match.start()
        value, length, tried = _decode(view, at)
        searched += tried
        if searched > MAX_SEARCHED:
            raise FormatError(f"has more than {MAX_SEARCHED:,} bytes that look like JSON")
        if value is not None:
            yield value
        at += max(length, 1)


def _decode(view: FileView, at: int) -> tuple[Any, int, int]:
    """The JSON object at an offset, its length in bytes, and how many bytes were looked at for it."""
    tried = 0
    for size in (16 * 1024, MAX_CONFIG):
        window = view.at(at, min(size, view.size - at))
        tried += len(window)
        text = window.decode("utf-8", "surrogateescape")
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(text)
        except json.JSONDecodeError as error:
            # Close to the end of what was looked at, it may only be cut off; elsewhere it is broken.
            if error.pos < len(text) - 64 and "Unterminated" not in error.msg:
                return None, 0, tried
            continue
        except (RecursionError, ValueError) as error:
            raise FormatError("has JSON that is nested too deep, or with a number that is too long") from error
        return value, len(text[:end].encode("utf-8", "surrogateescape")), tried
    if at + MAX_CONFIG < view.size:
        raise LimitError(f"has JSON that does not end within {MAX_CONFIG:,} bytes")
    return None, 0, tried


def executable_in(config: Any) -> list[tuple[ExecutableKind, str]]:
    """What in an architecture makes Keras run something else than its own layers; sorted, each once."""
    found: set[tuple[ExecutableKind, str]] = set()
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.update(_in_object(value))
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and '"class_name"' in value:
            waiting += _nested(value)  # older Keras puts an architecture as text into its metadata
    return sorted(found)[:1000]


def _nested(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return [{"class_name": "unreadable", "module": "?"}]


def _in_object(value: dict[str, Any]) -> Iterator[tuple[ExecutableKind, str]]:
    name, module = value.get("class_name"), value.get("module")
    if name is None and module is None:
        return
    shown = f"{_shown(module)}.{_shown(name)}" if module else _shown(name)
    if shown.rpartition(".")[2] in {"Lambda", "__lambda__"} or shown.endswith(">Lambda"):
        yield "keras-lambda", shown
    elif module is not None and not (isinstance(module, str) and _OWN.match(module)) and not _plain(value):
        yield "keras-custom", shown
    elif isinstance(name, str) and ">" in name:
        yield "keras-custom", shown  # `package>Class`: registered by somebody's own code


def _plain(value: dict[str, Any]) -> bool:
    """A constant: Keras writes `{"module": "builtins", "class_name": "slice"}` and the like for plain values."""
    name = value.get("class_name")
    if not isinstance(name, str):
        return False
    if value.get("module") == "keras" and name in {"DTypePolicy", "Functional", "Sequential"}:
        return True
    if value.get("module") == "builtins" and name == "function":
        # `mse` and the like are looked up in Keras; only what Python itself has comes from `builtins`.
        return isinstance(value.get("config"), str) and not hasattr(builtins, value["config"])
    plain = {"slice", "range", "tuple", "list", "dict", "set", "__tuple__", "__tensor__", "__numpy__", "__bytes__"}
    return value.get("module") == "builtins" and name in plain


def _shown(value: Any) -> str:
    return value[:200] if isinstance(value, str) else json.dumps(value)[:200]


def _json(data: bytes, name: str) -> Any:
    try:
        return parse_json(data, name)
    except InputError as error:
        raise FormatError(f"has a {name} that cannot be read: {error.problems[0].message}") from error
