"""Pickles are read and never run: what they import is told, however it is hidden."""

import io
import os
import pickle
import sys
import zipfile

import pytest

from weighbridge.packaging.formats import grading, opcodes, pickles, pytorch
from weighbridge.packaging.formats.pickles import Global

PROTOCOLS = range(6)
RUN: list[str] = []
"""What the interpreter itself says was run: an audit hook sees it, whatever it is called."""
sys.addaudithook(lambda event, _: RUN.append(event) if event in {"os.system", "pickle.find_class"} else None)


@pytest.fixture(autouse=True)
def nothing_is_run():
    RUN.clear()
    yield
    assert RUN == []


class Evil:
    """Would run `os.system` if anybody unpickled it."""

    def __reduce__(self):
        return os.system, ("exit 1",)


def named(module, name):
    """A pickle that calls a global of any name."""
    return b"\x80\x04" + string(module) + string(name) + b"\x93)R."


def string(value):
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def kinds(header, name, data):
    return [kind for kind, _ in header(name, data).executable]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin", "model.pkl", "anything.bin", "m.joblib"])
def test_what_would_run_code_is_dangerous(header, name, protocol):
    found = header(name, pickle.dumps({"a": [Evil()]}, protocol)).executable
    assert found == [("pickle-dangerous", "posix.system")]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_known_by_its_first_bytes_under_any_name(header, protocol):
    assert kinds(header, "README.txt", pickle.dumps(Evil(), protocol)) == ["pickle-dangerous"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_imports_nothing(header, protocol):
    data = pickle.dumps({"a": [1, 2.5, "x" * 70_000, b"y" * 70_000, None, True, (1, (2,)), {3}, 10**50]}, protocol)
    found = header("m.pkl", data).executable
    needed = {0: "__builtin__.set, _codecs.encode", 1: "__builtin__.set, _codecs.encode", 3: "builtins.set"}
    needed[2] = needed[0]
    assert found == [("pickle", needed.get(protocol, "imports nothing"))]


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("builtins", "eval", "pickle-dangerous"),
        ("os", "path.join", "pickle-dangerous"),
        ("asyncio.unix_events", "x", "pickle-dangerous"),
        ("torch", "FloatStorage", "pickle"),
        ("torch", "FloatStorage.__init__", "pickle-unknown"),
        ("torch._utils", "_rebuild_parameter", "pickle"),
        ("mine", "Model", "pickle-unknown"),
        ("", "eval", "pickle-unknown"),
        ("builtins\n", "eval", "pickle-unknown"),
        ("builtins ", "eval", "pickle-unknown"),
        ("b\u0435", "x", "pickle-unknown"),
        ("x" * 255, "y", "pickle-unknown"),
    ],
)
def test_names_are_graded(header, module, name, kind):
    assert kinds(header, "m.pkl", named(module, name)) == [kind]


def test_the_worst_of_several_names_counts(header):
    data = pickle.dumps([Evil()], 4)[:-1] + named("torch", "FloatStorage")[2:]
    assert kinds(header, "m.pkl", data) == ["pickle-dangerous"]


SAFE = string("collections") + b"\x94" + string("OrderedDict") + b"\x94"
BAD = string("posix") + b"\x94" + string("system") + b"\x94"
EVASIONS = {
    "the last texts are not those on the stack": b"\x80\x04" + BAD + SAFE + b"00\x93.",
    "through the memo": b"\x80\x04" + BAD + b"00" + SAFE + b"00h\x00h\x01\x93.",
    "memo overwritten": b"\x80\x04"
    + SAFE
    + b"00"
    + string("posix")
    + b"q\x000"
    + string("system")
    + b"q\x010h\x00h\x01\x93.",
    "duplicated": b"\x80\x04" + string("posix") + string("system") + b"\x932c" + b"collections\nOrderedDict\n.",
    "taken out of a tuple's reach": b"\x80\x04(" + SAFE + b"1" + BAD + b"\x93.",
    "protocol 0": b"cposix\nsystem\n(S'id'\ntR.",
    "INST": b"(S'id'\niposix\nsystem\n.",
    "OBJ": b"(cposix\nsystem\nS'id'\no.",
    "cut off after it": b"\x80\x04" + BAD + b"\x93",
    "broken after it": b"\x80\x04" + BAD + b"\x93\xff",
    "in the second pickle": pickle.dumps(1) + b"\x80\x04" + BAD + b"\x93.",
    "behind large bytes": b"\x80\x04B" + (100_000).to_bytes(4, "little") + bytes(100_000) + BAD + b"\x93.",
    "INT with a name": b"I01\nI00\n00cposix\nsystem\n.",
}


@pytest.mark.parametrize("data", EVASIONS.values(), ids=EVASIONS.keys())
def test_hidden_names_are_found(header, data):
    assert "pickle-dangerous" in kinds(header, "m.pkl", data)


UNKNOWABLE = {
    "copyreg's registry": b"\x80\x02\x82\x01.",
    "module is no text": b"\x80\x04K\x01" + string("system") + b"\x93.",
    "a text with escapes": b"Vpos\\u0069x\n" + b"Vsystem\n" + b"\x93.",
    "an empty file": b"",
    "memo never filled": b"\x80\x04h\x05.",
    "empty stack": b"\x80\x040.",
    "cut off": pickle.dumps(list(range(1000)), 4)[:-3],
    "no opcode": b"\xff\xff",
    "gzip": b"\x1f\x8b\x08\x00" + bytes(20),
}


@pytest.mark.parametrize("data", UNKNOWABLE.values(), ids=UNKNOWABLE.keys())
def test_what_cannot_be_told_is_unknown(manifest, data):
    found = manifest({"m.pkl": data})
    assert [part.kind for part in found.executable] == ["pickle-unknown"]


@pytest.mark.parametrize("data", [b"\x00\x01", b"(\xff", bytes(range(256)) * 4, b"just text, no pickle"])
def test_other_data_is_no_pickle(header, data):
    assert header("data.bin", data) is None


def test_reading_is_bounded(header, monkeypatch):
    monkeypatch.setattr(opcodes, "MAX_OPCODES", 100)
    assert kinds(header, "m.pkl", b"N0" * 100 + b".") == ["pickle-unknown"]
    assert kinds(header, "m.bin", b"N0" * 100 + b".") == ["pickle-unknown"]
    monkeypatch.setattr(opcodes, "MAX_OPCODES", 10**6)
    monkeypatch.setattr(pickles, "MAX_STACK", 50)
    assert kinds(header, "m.pkl", b"N" * 100 + b".") == ["pickle-unknown"]
    monkeypatch.setattr(pytorch, "_MAX_PICKLES", 3)
    assert kinds(header, "m.pkl", b"N." * 4) == ["pickle-unknown"]


def test_a_deep_tuple_overflows_nothing(header):
    data = b"\x80\x04)" + b"\x85" * 300_000 + b")R."
    assert kinds(header, "m.pkl", data) == ["pickle"]


def checkpoint(*, legacy=False, extra=None, members=()):
    """As `torch.save` writes a state dict of two tensors."""
    weight = b"\x80\x02}q\x00(X\x06\x00\x00\x00weightctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
    weight += (
        b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89"
    )
    weight += (
        b"ccollections\nOrderedDict\n)RtRX\x04\x00\x00\x00biasctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00"
    )
    weight += b"storagectorch\nHalfStorage\nX\x01\x00\x00\x001X\x03\x00\x00\x00cpuK\x02tQK\x00K\x02\x85K\x01\x85\x89"
    weight += b"ccollections\nOrderedDict\n)RtRu."
    if legacy:
        head = pickle.dumps(pytorch.LEGACY_MAGIC, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
        return head + weight + pickle.dumps(["0", "1"], 2) + (extra if extra is not None else b"\x80\x02raw data")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/data.pkl", weight)
        archive.writestr("m/version", "3\n")
        archive.writestr("m/data/0", pickle.dumps(Evil(), 2))  # raw numbers, and never unpickled
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", ["m.pt", "pytorch_model.bin", "m.ckpt"])
def test_a_checkpoint_says_how_many_parameters_it_has(header, name, legacy):
    found = header(name, checkpoint(legacy=legacy))
    assert (found.format, found.tensors, dict(found.dtypes)) == ("pytorch", 2, {"float": 6, "half": 2})
    assert found.executable[0][0] == "pickle"
    assert found.findings == []


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([("m/extra.pkl", pickle.dumps(Evil(), 0))], "pickle-dangerous"),
        ([("m/anything", pickle.dumps(Evil(), 4))], "pickle-dangerous"),
        ([("m/data/x", pickle.dumps(Evil(), 4))], "pickle-dangerous"),
        ([("m/code/__torch__.py", b"def f(): pass")], "bytecode"),
        ([("m/lib.so", b"\x7fELF")], "native"),
    ],
)
def test_whatever_else_lies_in_a_checkpoint(header, members, kind):
    assert kind in kinds(header, "m.pt", checkpoint(members=members))


def zipped(**changes):
    data = bytearray(checkpoint())
    for old, new in changes.values():
        data = bytearray(bytes(data).replace(old, new))
    return bytes(data)


ZIPS = {
    "cut off": checkpoint()[:-40],
    "a broken checksum": zipped(a=(b"weight", b"wEight")),
    "encrypted": zipped(a=(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")),
    "other names in the members": zipped(
        a=(b"m/data.pklPK", b"m/data.pklXX"), b=(b"m/data.pkl\x80", b"m/DATA.pkl\x80")
    ),
    "unknown method": zipped(
        a=(b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63\x00")
    ),
    "a huge directory": checkpoint()[:-10] + b"\xff\xff\xff\x7f" + checkpoint()[-6:],
}


@pytest.mark.parametrize("data", ZIPS.values(), ids=ZIPS.keys())
def test_a_checkpoint_that_two_readers_see_differently_is_no_pass(manifest, data):
    found = manifest({"m.pt": data})
    assert found.findings
    assert {part.kind for part in found.executable} <= {"pickle-unknown"}
    assert found.executable


def test_a_member_twice(manifest):
    buffer = io.BytesIO(checkpoint())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Evil(), 2))
    found = manifest({"m.pt": buffer.getvalue()})
    assert "twice" in found.findings[0].message
    assert [part.kind for part in found.executable] == ["pickle-unknown"]


def test_a_zip_bomb_is_not_unpacked(header, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data.pkl", b"N0" * 1_000_000 + b"N.")
    monkeypatch.setattr(pytorch, "MAX_PICKLE", 1_000_000)
    with pytest.raises(Exception, match="more than"):
        header("m.pt", buffer.getvalue())


def test_a_harmless_name_is_harmless():
    for name in grading.HARMLESS:
        assert grading.grade([name])[0] == "pickle"


def test_names_that_no_harmless_list_may_hold():
    for module, name in (
        ("builtins", "getattr"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("numpy", "load"),
        ("os", "x"),
    ):
        assert grading.grade([Global(module, name)])[0] != "pickle"
