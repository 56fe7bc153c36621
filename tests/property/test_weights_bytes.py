"""Any bytes, under any name that a reader is for: an answer or a FormatError, never another exception, in bounded time.

Valid files of each format are mutated, too, as bytes made up from nothing rarely come far.
"""

import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.errors import InputError
from weighbridge.packaging.formats.recognise import read_header
from weighbridge.packaging.licenses.declared import expression, from_file
from weighbridge.packaging.package import package
from weighbridge.packaging.scan import scan_and_look
from weighbridge.packaging.view import FormatError

SAMPLES = Path(__file__).parents[1] / "fixtures" / "formats"
NAMES = (
    "m.safetensors",
    "m.gguf",
    "m.onnx",
    "m.keras",
    "m.h5",
    "m.pt",
    "m.bin",
    "m.pkl",
    "m.npz",
    "m.npy",
    "m.pb",
    "saved_model.pb",
    "keras_metadata.pb",
    "m.engine",
)
TEXTS = (
    "requirements.txt",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "pylock.toml",
    "pyproject.toml",
    "environment.yml",
    "config.json",
    "modules.json",
    "model_index.json",
    "tokenizer_config.json",
    "x.yaml",
    "LICENSE",
    ".weighbridgeignore",
)
SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def checkpoint():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({"a": [1, (2, "x")], "b": {3.0}}, 2))
        archive.writestr("m/data/0", bytes(24))
    return buffer.getvalue()


VALID = {path.name: path.read_bytes() for path in sorted(SAMPLES.iterdir())} | {
    "m.pt": checkpoint(),
    "m.pkl": pickle.dumps({"a": [1, (2, "x")], "b": {3.0}}, 0),
    "m.bin": pickle.dumps({"a": [1, (2, "x")], "b": {3.0}}, 5),
    "saved_model.pb": b"\x08\x01\x12\x0b\x12\x09\x0a\x07\x12\x05PyFnc",
}


def read(name, data):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)

        def look(files):
            with files.open(name) as view:
                try:
                    return read_header(name, view)
                except FormatError as error:
                    return str(error)

        return scan_and_look(Path(folder), look)[2]


@st.composite
def mutated(draw, valid):
    """A valid file with some bytes changed, removed, doubled, or cut off."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.integers(0, 4))
        if kind == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            del data[at : at + draw(st.integers(1, 64))]
        elif kind == 2:
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
        elif kind == 3:
            data[at:at] = draw(st.binary(max_size=16))
        else:
            size = draw(st.sampled_from([1, 2, 4, 8]))
            data[at : at + size] = draw(st.sampled_from([0, 1, 2**31, 2**63, 2**64 - 1])).to_bytes(8, "little")[:size]
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
@SLOW
@given(data=st.binary(max_size=2000))
@example(data=b"")
@example(data=b"GGUF")
@example(data=b"PK\x05\x06" + bytes(18))
@example(data=b"\x93NUMPY\x01\x00")
@example(data=b"\x89HDF\r\n\x1a\nmodel_config{")
def test_any_bytes(name, data):
    read(name, data)


@pytest.mark.parametrize("name", sorted(VALID))
@SLOW
@given(data=st.data())
def test_mutated_files(name, data):
    read(name, data.draw(mutated(VALID[name])))


@pytest.mark.parametrize("name", TEXTS)
@SLOW
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_text_packages_or_is_refused(name, data):
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        (folder / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
        (folder / "weights.dat").write_bytes(b"\0")
        (folder / name).write_bytes(data)
        try:
            packaged = package(folder, model="m", version="1")
        except InputError:
            assert name == ".weighbridgeignore"
            return
        packaged.files()
        assert packaged.statement(parse_time_ns("2026-01-01T00:00:00Z"))


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "environment.yml", "config.json", "uv.lock"])
@SLOW
@given(data=st.data())
def test_mutated_texts(name, data):
    valid = {
        "requirements.txt": b"torch==2.4.0+cu121 --hash=sha256:" + b"a" * 64 + b"\n-r more.txt\nx[y]>=1,<2; z == '1'\n",
        "pyproject.toml": b'[project]\ndependencies = ["a==1"]\n[tool.poetry.dependencies]\nb = {version = "1"}\n',
        "environment.yml": b"dependencies:\n- a=1\n- pip:\n  - b==2\n",
        "config.json": b'{"auto_map": {"A": "b.C"}, "chat_template": [{"name": "x"}], "class_name": ["Lambda"]}',
        "uv.lock": b'[[package]]\nname = "a"\nversion = "1"\nsource = {virtual = "."}\nwheels = [{hash = "x"}]\n',
    }
    test_any_text_packages_or_is_refused.hypothesis.inner_test(name, data.draw(mutated(valid[name])))


@SLOW
@given(value=st.text(max_size=200))
def test_any_license(value):
    found, message = expression(value)
    assert found or message
    assert found is None or found.isprintable()
    from_file(value.encode("utf-8", "replace"))
