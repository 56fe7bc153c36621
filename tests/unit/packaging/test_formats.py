"""Headers of weights: files that the formats' own libraries wrote, and files that lie.

`tests/fixtures/formats` was written by safetensors 0.8.0, gguf 0.19.0, onnx 1.23.2, Keras 3.15.1, joblib 1.6.0 and
numpy 2.4.6.
"""

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.packaging.formats import gguf, safetensors
from weighbridge.packaging.view import FormatError

SAMPLES = Path(__file__).parents[2] / "fixtures" / "formats"


def sample(name):
    return (SAMPLES / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "version", "tensors", "dtypes", "license_name"),
    [
        ("real.safetensors", None, 3, {"F32": 6, "I64": 2, "F16": 1}, "apache-2.0"),
        ("real.gguf", "3", 3, {"F16": 128, "Q8_0": 128, "F32": 64}, "mit"),
        ("real.onnx", "8", 4, {"FLOAT": 9, "INT64": 4, "BOOL": 1}, "BSD-3-Clause"),
        ("external.onnx", "8", 1, {"FLOAT": 9}, None),
    ],
)
def test_what_the_libraries_wrote(header, name, version, tensors, dtypes, license_name):
    found = header(name, sample(name))
    assert (found.version, found.tensors, dict(found.dtypes), found.license) == (version, tensors, dtypes, license_name)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("plain.keras", set()),
        ("plain.h5", set()),
        ("lambda.keras", {"keras-lambda"}),
        ("lambda.h5", {"keras-lambda"}),
        ("real.onnx", {"graph-operator"}),
        ("real.gguf", {"template"}),
        ("objects.npz", {"pickle"}),
        ("objects.npy", {"pickle"}),
        ("real.joblib", {"pickle-unknown"}),
        ("plain.npz", set()),
    ],
)
def test_what_runs_in_what_the_libraries_wrote(header, name, kinds):
    assert {kind for kind, _ in header(name, sample(name)).executable} == kinds


def test_an_operator_that_the_model_defines_itself_needs_no_library(header):
    assert header("m.onnx", sample("real.onnx")).executable == [
        ("graph-operator", "needs a library for com.example.ops::Custom")
    ]


def tensors(header, buffer=b"", *, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + buffer


def one(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut off"),
        (b"\1\2\3", "cut off"),
        (tensors({"a": one()}, bytes(8), length=2**63), "claims a header"),
        (tensors({"a": one()}, bytes(8), length=safetensors.MAX_HEADER + 1), "claims a header"),
        (tensors({"a": one()}, length=10_000), "cut off"),
        (tensors(b" {}"), "does not begin"),
        (tensors(b"[]"), "does not begin"),
        (tensors(b"{"), "cannot be read"),
        pytest.param(tensors(b'{"a":' * 100), "cannot be read", id="nested"),
        (tensors(b'{"a": 1, "a": 2}'), "duplicate"),
        (tensors({"a": 1}), "something else than"),
        (tensors({"a": {**one(), "x": 1}}, bytes(8)), "something else than"),
        (tensors({"a": one(dtype="F33")}, bytes(8)), "not known"),
        (tensors({"a": one(dtype=1)}, bytes(8)), "not known"),
        (tensors({"a": one(shape=(2.0,))}, bytes(8)), "whole numbers"),
        (tensors({"a": one(shape=(True, 2))}, bytes(8)), "whole numbers"),
        (tensors({"a": one(shape=(-1, 2))}, bytes(8)), "whole numbers"),
        (tensors({"a": one(offsets=(0, 8, 8))}, bytes(8)), "whole numbers"),
        (tensors({"a": one(shape=(3,))}, bytes(8)), "its shape needs"),
        (tensors({"a": one(dtype="F4", shape=(3,), offsets=(0, 1))}, bytes(1)), "its shape needs"),
        (tensors({"a": one(shape=[2] * 65)}, bytes(8)), "of the shape"),
        (tensors({"a": one(shape=[2**40, 2**40])}, bytes(8)), "more than"),
        (tensors({"a": one(), "b": one()}, bytes(8)), "overlap"),
        (tensors({"a": one(), "b": one(offsets=(9, 17))}, bytes(17)), "hole"),
        (tensors({"a": one(offsets=(1, 9))}, bytes(9)), "hole"),
        (tensors({"a": one()}, bytes(9)), "tensors fill"),
        (tensors({"a": one()}, bytes(7)), "tensors fill"),
        (tensors({"__metadata__": {"a": 1}}), "mapping from text"),
        (tensors({"__metadata__": []}), "mapping from text"),
    ],
)
def test_safetensors_that_lie(header, data, message):
    with pytest.raises(FormatError, match=message):
        header("m.safetensors", data)


def test_safetensors_filled_up_with_spaces_and_empty_tensors(header):
    text = json.dumps({"b": one(shape=(0,), offsets=(8, 8)), "a": one()}).encode() + b"   "
    assert dict(header("m.safetensors", tensors(text, bytes(8))).dtypes) == {"F32": 2}


def text(value):
    return struct.pack("<Q", len(value)) + value


def gguf_file(*, version=3, pairs=(), infos=(), data=b"", order="<", counts=None):
    count, tensor_count = (len(pairs), len(infos)) if counts is None else counts
    head = b"GGUF" + struct.pack(f"{order}IQQ", version, tensor_count, count) + b"".join(pairs) + b"".join(infos)
    return head + bytes(-len(head) % 32) + data


def info(name=b"t", shape=(4,), kind=0, offset=0):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GGUF", "cut off"),
        (gguf_file(version=1), "version 1"),
        (gguf_file(version=4), "version 4"),
        (gguf_file(counts=(0, 2**63)), "claims"),
        (gguf_file(counts=(2**63, 0)), "claims"),
        (gguf_file(counts=(5, 0)), "cut off"),
        (gguf_file(counts=(0, 1_000_000)), "cut off"),
        (gguf_file(pairs=[struct.pack("<Q", 2**62)]), "a text of"),
        (gguf_file(pairs=[text(b"k") + struct.pack("<I", 99)]), "not known"),
        (gguf_file(pairs=[text(b"k") + struct.pack("<IB", 7, 1)] * 2), "twice"),
        (gguf_file(pairs=[text(b"k") + struct.pack("<IIQ", 9, 4, 2**62)]), "cut off"),
        (gguf_file(pairs=[text(b"k") + struct.pack("<IIQ", 9, 8, gguf.MAX_ITEMS + 1)]), "arrays of more"),
        (gguf_file(pairs=[text(b"k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9]), "not known"),
        (gguf_file(pairs=[text(b"general.alignment") + struct.pack("<II", 4, 0)]), "alignment"),
        (gguf_file(pairs=[text(b"general.alignment") + struct.pack("<II", 4, 12)]), "alignment"),
        (gguf_file(infos=[info()]), "its tensors at"),
        (gguf_file(infos=[info(kind=4)], data=bytes(99)), "not known"),
        (gguf_file(infos=[info(offset=4)], data=bytes(99)), "odd offset"),
        (gguf_file(infos=[info(shape=(31,), kind=2)], data=bytes(99)), "no whole blocks"),
        (gguf_file(infos=[info(shape=[1] * 9)], data=bytes(99)), "dimensions"),
        (gguf_file(infos=[info(shape=(2**40, 2**40))], data=bytes(99)), "more than"),
    ],
)
def test_gguf_that_lies(header, data, message):
    with pytest.raises(FormatError, match=message):
        header("m.gguf", data)


def test_gguf_of_version_2_and_of_the_other_byte_order(header):
    assert header("m.gguf", gguf_file(version=2, infos=[info()], data=bytes(16))).version == "2"
    assert header("m.gguf", gguf_file(order=">")).version == "3"


def test_gguf_is_known_by_its_first_bytes(header):
    assert header("model.bin", sample("real.gguf")).format == "gguf"


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_model(*parts):
    return field(1, 8) + field(7, b"".join(parts))


def external(**entries):
    pairs = b"".join(field(13, field(1, key.encode()) + field(2, value.encode())) for key, value in entries.items())
    return field(5, field(1, 4) + field(2, 1) + field(14, 1) + pairs)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff" * 20,
        field(1, 8),
        field(7, b""),
        field(1, 8) + field(7, b"") * 2,
        b"\x0b",
        onnx_model()[:-1] + b"\x05",
        onnx_model(field(5, field(1, 2**64 - 1) + field(2, 1))),
        onnx_model(field(5, field(2, 99))),
        onnx_model(external(location="w", offset="-1")),
        onnx_model(external(location="w", length="1e3")),
    ],
)
def test_onnx_that_lies(header, data):
    with pytest.raises(FormatError):
        header("m.onnx", data)


def test_onnx_graphs_in_graphs(header):
    graph = b""
    for _ in range(20):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(FormatError, match="nested"):
        header("m.onnx", onnx_model(graph))


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../x", "", "nowhere", "a\\b", ".."])
def test_external_data_stays_inside(manifest, location):
    with pytest.raises(InputError, match="keeps data of its tensors"):
        manifest({"sub/m.onnx": onnx_model(external(location=location)), "secret/x": b"x" * 99})


def test_external_data_is_all_there(manifest):
    model = onnx_model(external(location="../w.bin", offset="10", length="6"))
    assert manifest({"sub/m.onnx": model, "w.bin": b"\0" * 16}).weights[0].parameters == 4


def test_external_data_that_is_cut_off(manifest):
    model = onnx_model(external(location="../w.bin", offset="11", length="6"))
    with pytest.raises(InputError, match="behind the end"):
        manifest({"sub/m.onnx": model, "w.bin": b"\0" * 16})


def keras_file(config, **members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"module": "os", "class_name": "function", "config": "system"}, "keras-custom"),
        ({"module": "keras.utils", "class_name": "get_file"}, "keras-custom"),
        ({"module": "builtins", "class_name": "function", "config": "eval"}, "keras-custom"),
        ({"module": "mine.layers", "class_name": "Attention"}, "keras-custom"),
        ({"module": ["keras.layers"], "class_name": "Dense"}, "keras-custom"),
        ({"module": "keras.layersx", "class_name": "Dense"}, "keras-custom"),
        ({"class_name": "mine>Dense"}, "keras-custom"),
        ({"module": "builtins", "class_name": ["slice"]}, "keras-custom"),
        ({"module": "keras", "class_name": {"Sequential": 1}}, "keras-custom"),
        ({"class_name": "mine>Lambda"}, "keras-lambda"),
        ({"class_name": "Lambda"}, "keras-lambda"),
        ([{"a": [{"module": "keras.layers", "class_name": "Lambda"}]}], "keras-lambda"),
        ({"config": json.dumps({"class_name": "Lambda"})}, "keras-lambda"),
        ({"config": '{"class_name": broken'}, "keras-custom"),
    ],
)
def test_keras_that_runs_something_else(header, config, kind):
    assert [found for found, _ in header("m.keras", keras_file(config)).executable] == [kind]


@pytest.mark.parametrize(
    "config",
    [
        {"module": "keras.layers", "class_name": "Dense"},
        {"module": "keras.src.models.functional", "class_name": "Functional"},
        {"module": "builtins", "class_name": "function", "config": "mse"},
        {"module": None, "class_name": "Dense"},
    ],
)
def test_keras_that_only_computes(header, config):
    assert header("m.keras", keras_file(config)).executable == []


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", keras_file("{"), keras_file("[" * 1000), keras_file({})[:-30], b"\x89HDF\r\n\x1a\n"],
    ids=["empty", "too short", "no JSON", "nested", "cut off", "HDF5 without its architecture"],
)
def test_keras_that_lies(header, data):
    if data.startswith(b"\x89"):
        data += b"model_config"
    with pytest.raises(FormatError):
        header("m.keras" if not data.startswith(b"\x89") else "m.h5", data)


def test_hdf5_finds_the_architecture_wherever_it_lies(header):
    hidden = b'{"config": {"layers": [{"class\\u005fname": "Lam\\u0062da"}]}}'
    data = b"\x89HDF\r\n\x1a\n" + b'{"' * 50 + bytes(2_000_000) + b"model_config" + b"{ " + hidden[1:] + bytes(50)
    assert header("m.h5", data).executable == [("keras-lambda", "Lambda")]


def test_hdf5_with_an_architecture_that_is_spread_out(header):
    decoy = b'{"class_name": "Dense"}'
    spread = b"{" + b" " * 3_000_000 + b'"class_name": "Lambda"}'
    data = b"\x89HDF\r\n\x1a\n" + b"model_config" + decoy + spread
    assert header("m.h5", data).executable == [("keras-lambda", "Lambda")]
    spread = b"{" + b" " * 17_000_000 + b'"class_name": "Lambda"}'
    with pytest.raises(FormatError, match="does not end"):
        header("m.h5", b"\x89HDF\r\n\x1a\n" + b"model_config" + decoy + spread + bytes(99))


def saved_model(*operators):
    nodes = b"".join(field(1, field(1, b"n") + field(2, name.encode())) for name in operators[:1])
    inside = b"".join(field(3, field(2, name.encode())) for name in operators[1:])
    graph = nodes + field(2, field(1, inside))
    return field(1, 1) + field(2, field(2, graph))


def test_tensorflow(header):
    found = header("saved_model.pb", saved_model("MatMul", "WriteFile", "PyFunc"))
    assert found.executable == [("graph-operator", "PyFunc"), ("graph-operator", "WriteFile")]
    assert header("saved_model.pb", saved_model("MatMul", "SaveV2")).executable == []
    frozen = field(1, field(2, b"ReadFile"))
    assert header("frozen.pb", frozen).executable == [("graph-operator", "ReadFile")]
    for name, data in (("saved_model.pb", b""), ("saved_model.pb", frozen), ("x.pb", b""), ("x.pb", b"\xff" * 99)):
        with pytest.raises(FormatError):
            header(name, data)


def test_keras_metadata_beside_a_saved_model(header):
    inner = json.dumps({"class_name": "Lambda", "config": {}})
    assert [kind for kind, _ in header("keras_metadata.pb", b"\x0a\x55" + inner.encode()).executable] == [
        "keras-lambda"
    ]


@pytest.mark.parametrize(("name", "data"), [("m.engine", b"ftrt..."), ("m.bin", b"ptrt"), ("m.plan", b"other")])
def test_tensorrt_is_always_named(header, name, data):
    assert [kind for kind, _ in header(name, data).executable] == ["engine"]
