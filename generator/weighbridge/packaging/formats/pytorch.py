"""PyTorch checkpoints and other pickles: what they import, and how many tensors they would rebuild.

Formats: torch/serialization.py (the zip with `data.pkl`, and the five pickles in a row before it), torch/csrc/jit
(TorchScript: `code/` in the zip), numpy/lib/format.py (an array of objects is a pickle behind its header).
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from weighbridge.packaging.formats.grading import grade
from weighbridge.packaging.formats.header import Header
from weighbridge.packaging.formats.opcodes import MemoryBytes, UnknownOpcodeError
from weighbridge.packaging.formats.pickles import Pickled, read_pickle
from weighbridge.packaging.formats.zips import Zip
from weighbridge.packaging.view import FormatError, LimitError

if TYPE_CHECKING:
    from weighbridge.packaging.formats.opcodes import Bytes
    from weighbridge.packaging.manifest import ExecutableKind
    from weighbridge.packaging.view import FileView

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first of the five pickles."""
MAX_PICKLE = 64 * 1024 * 1024
"""Largest pickle inside a zip, in bytes."""
NUMPY = b"\x93NUMPY"
_TENSOR_DATA = re.compile(r"(\A|.*/)(data|constants)/[0-9]+\Z")
_CODE = re.compile(r".*\.(py|pyc|so(\.[0-9.]+)?|dll|dylib|cubin|ptx)\Z", re.IGNORECASE)
_MAX_PICKLES = 10_000


def read_zip(view: FileView) -> Header:
    """What the zip of a checkpoint, or `.npz`, says.

    Raises:
        FormatError: no zip that can be read, or a pickle in it that is too large.
    """
    archive = Zip(view)
    checkpoint = any(name.rpartition("/")[2] == "data.pkl" for name in archive.members)
    header = Header("pytorch" if checkpoint else None)
    strange = []
    code = [name for name in archive.members if _CODE.match(name)]
    if code:
        kind: ExecutableKind = "bytecode" if all(name.endswith((".py", ".pyc")) for name in code) else "native"
        header.executable.append((kind, _names(code)))
    if any("/code/" in f"/{name}" for name in archive.members):
        header.executable.append(("bytecode", "TorchScript"))
    for name, info in archive.members.items():
        if _TENSOR_DATA.match(name) or not info.file_size:
            continue
        head = archive.head(name, 10)
        if head.startswith(NUMPY):
            _read_array(header, archive.read(name, MAX_PICKLE) if _holds_objects(archive, name) else b"", name)
        elif name.endswith((".pkl", ".pickle")) or (head[:1] == b"\x80" and head[1] < 6):
            _read_all(header, MemoryBytes(archive.read(name, MAX_PICKLE)), 0, f"{name}: ")
        elif head.startswith(b"PK\x03\x04"):
            header.findings.append(f"holds another archive, {name[:200]!r}, which is not looked into")
        elif not checkpoint and name not in code:
            strange.append(name)
    if strange:
        # Such as skops, whose `schema.json` names what its loader imports.
        header.findings.append(f"is a zip of a kind that is not known, with {_names(strange)}")
    return header


def read_plain(view: FileView, *, surely: bool) -> Header | None:
    """What a file of pickles says: a legacy checkpoint, or any other.

    Args:
        view: the file.
        surely: whether its name says that it is a pickle. If not, and an unpickler would stop in it with nothing
            imported, it is none: without a name there is nothing that it could call.

    Returns:
        None for what is no pickle.
    """
    names = Pickled()
    error, legacy = _read_row(view, names)
    if error and not surely and not names.globals and not isinstance(error, LimitError):
        return None
    header = Header("pytorch" if names.tensors or legacy else None)
    _tell(header, names, error, "")
    return header


def read_array(view: FileView) -> Header | None:
    """What `.npy` says: None unless it holds objects, which are a pickle.

    Raises:
        FormatError: a header that cannot be read.
    """
    text, begin = _array_header(view)
    if "O" not in text:
        return None
    header = Header(None)
    _read_all(header, view, begin, "")
    return header


def _read_all(header: Header, data: Bytes, begin: int, where: str) -> None:
    names = Pickled(end=begin)
    _tell(header, names, _read_row(data, names)[0], where)


def _read_row(data: Bytes, names: Pickled) -> tuple[FormatError | None, bool]:
    """Pickles one after the other, from `names.end` on; of a legacy checkpoint exactly five.

    Returns:
        Why the first could not be read to its end, or why not all of them were; whether it is a legacy checkpoint.
    """
    legacy = False
    for count in range(_MAX_PICKLES):
        if names.end >= data.size or (legacy and count == 5):
            return (None if count else FormatError("is empty")), legacy
        try:
            read_pickle(data, names.end, names)
        except UnknownOpcodeError as error:
            return (None if count else error), legacy  # behind a whole pickle: something else follows, no pickle
        except FormatError as error:
            return error, legacy
        legacy = legacy or (count == 0 and isinstance(names.result, int) and names.result == LEGACY_MAGIC)
    return LimitError(f"holds more than {_MAX_PICKLES:,} pickles in a row"), legacy


def _tell(header: Header, names: Pickled, error: FormatError | None, where: str) -> None:
    # What was found before an error counts, too: an unpickler has run it by then.
    if names.globals or error is None:
        kind, detail = grade(names.globals)
        header.executable.append((kind, f"{where[:80]}{detail}"))
    if error is not None:
        header.executable.append(("pickle-unknown", f"{where[:80]}cannot be read to its end"))
        header.findings.append(f"{where[:80]}{error}")
        return
    for dtype, shape in names.tensors:
        header.add_tensor(dtype, shape)


def _holds_objects(archive: Zip, name: str) -> bool:
    return "O" in _array_header(MemoryBytes(archive.head(name, 64 * 1024)))[0]


def _read_array(header: Header, data: bytes, name: str) -> None:
    if data:
        _read_all(header, MemoryBytes(data), _array_header(MemoryBytes(data))[1], f"{name}: ")


def _array_header(data: Bytes) -> tuple[str, int]:
    """The data type's description, and where the data begins."""
    wide = data.at(6, 1)[0] >= 2
    size = int.from_bytes(data.at(8, 4 if wide else 2), "little")
    begin = 12 if wide else 10
    if size > 16_384:
        raise FormatError(f"has an array's header of {size:,} bytes")
    text = data.at(begin, size).decode("latin-1")
    try:
        # As numpy reads it: a literal of Python may spell the type with escapes, or give it twice.
        header = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        header = None
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise FormatError("has an array's header that cannot be read")
    return repr(header["descr"]), begin + size


def _names(names: list[str]) -> str:
    shown = ", ".join(name[:100] for name in sorted(names)[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
