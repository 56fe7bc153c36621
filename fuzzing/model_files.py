"""Readers of what lies in a model's folder, and files that they take: headers, pickles, what names dependencies."""

from __future__ import annotations

import functools
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.packaging.dependencies.read import read_needs
from weighbridge.packaging.executable.configuration import configured_code
from weighbridge.packaging.formats.recognise import read_header
from weighbridge.packaging.licenses.declared import from_file
from weighbridge.packaging.view import FileView, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from weighbridge.packaging.formats.header import Header

    Read = Callable[[bytes], object]
    Seeds = Callable[[], Iterable[bytes]]

SAMPLES = Path(__file__).parent.parent / "tests" / "fixtures" / "formats"
_NEEDS = {
    "requirements.txt": b"torch==2.4.0+cu121 ; python_version > '3.9' \\\n  --hash=sha256:00\n-r requirements.txt\n",
    "uv.lock": b'version = 1\n[[package]]\nname = "torch"\nversion = "2.4.0"\nsource = { registry = "x" }\n',
    "pyproject.toml": b'[project]\ndependencies = ["numpy>=2", "torch==2.4.0"]\n',
    "Pipfile.lock": b'{"default": {"torch": {"version": "==2.4.0"}}, "develop": {}}',
    "environment.yml": b"dependencies: [cudatoolkit=12.1, python=3.11, {pip: [torch==2.4.0]}]\n",
}
"""By name, as one input may be any of them."""
_CONFIGURATION = b'{"auto_map": {"AutoModel": "m.Net"}, "trust_remote_code": true, "chat_template": "{{ x }}"}'


def view(data: bytes) -> FileView:
    """The bytes as a file that nobody else can see."""
    descriptor = os.memfd_create("fuzzed")
    os.write(descriptor, data)
    return FileView(descriptor, len(data))


def _header(path: str, data: bytes) -> Header | None:
    with view(data) as file:
        return read_header(path, file)


def _pickle(data: bytes) -> None:
    """What cannot be understood of a pickle is a finding, never an error that could hide the rest."""
    header = _header("m.pkl", data)
    if header and header.findings:
        raise FormatError(header.findings[0])


def _needs(data: bytes) -> None:
    """As whatever of these files the first byte chooses: an input has no name."""
    if not data:
        raise FormatError("is empty")
    name = sorted(_NEEDS)[data[0] % len(_NEEDS)]
    found = read_needs([name], lambda _path: view(data[1:]))
    if found.findings:
        raise FormatError(found.findings[0][1])


def _needing() -> Iterable[bytes]:
    return (bytes([index]) + _NEEDS[name] for index, name in enumerate(sorted(_NEEDS)))


def _configuration(data: bytes) -> None:
    from_file(data)
    for name in ("config.json", "config.yaml"):
        with view(data) as file:
            configured_code(name, file)


def _samples(pattern: str) -> Seeds:
    return lambda: (path.read_bytes() for path in sorted(SAMPLES.glob(pattern)))


def _pickled() -> Iterable[bytes]:
    value = OrderedDict(a=1, b=[2.5, "c", b"d", {"e"}], f=complex(1, 2))
    return [pickle.dumps(value, protocol) for protocol in range(6)] + [b"cposix\nsystem\n(S'id'\ntR."]


def _zipped() -> Iterable[bytes]:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as zipped:
            for name, data in (
                ("m/data.pkl", pickle.dumps(OrderedDict(a=1), 2)),
                ("m/version", b"3\n"),
                ("m/data/0", bytes(8)),
            ):
                zipped.writestr(zipfile.ZipInfo(name), data)
        yield out.getvalue()
    yield from _samples("*.npz")()


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def _graphs() -> Iterable[bytes]:
    graph = _field(1, _field(1, b"n") + _field(2, b"PyFunc")) + _field(2, _field(1, _field(3, _field(2, b"Add"))))
    return [b"\x08\x01" + _field(2, _field(2, graph))]


READERS: dict[str, tuple[Read, Seeds, int]] = {
    "safetensors": (functools.partial(_header, "m.safetensors"), _samples("*.safetensors"), 4096),
    "gguf": (functools.partial(_header, "m.gguf"), _samples("*.gguf"), 4096),
    "onnx": (functools.partial(_header, "m.onnx"), _samples("*.onnx"), 4096),
    "keras": (functools.partial(_header, "m.keras"), _samples("*.keras"), 20480),
    "hdf5": (functools.partial(_header, "m.h5"), _samples("*.h5"), 20480),
    "numpy": (functools.partial(_header, "m.npy"), _samples("*.npy"), 4096),
    "saved-model": (functools.partial(_header, "saved_model.pb"), _graphs, 4096),
    "pickle": (_pickle, _pickled, 4096),
    "pytorch": (functools.partial(_header, "m.pt"), _zipped, 4096),
    "dependencies": (_needs, _needing, 4096),
    "model-configuration": (_configuration, lambda: [_CONFIGURATION], 4096),
}
"""What reads, what it takes, and the longest input to try, in bytes."""
