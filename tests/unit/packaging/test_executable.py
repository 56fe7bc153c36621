"""Executable content: told in the manifest, signed as evidence, and refused by the rule unless it is allowed."""

import io
import json
import zipfile

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge import resources
from weighbridge.cli.package import command
from weighbridge.engines.opa import opa_command
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.executable_content import EXECUTABLE_CONTENT
from weighbridge.evidence.write import read_predicate

AT = "2026-01-15T00:00:00Z"
PICKLE = b"\x80\x04cposix\nsystem\n(S'id'\ntR."


def zipped(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def array(header):
    """The beginning of a `.npy`."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def found(manifest, files):
    return {(part.path, part.kind) for part in manifest(files).executable}


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        ("lib/libx.so.1.2", b"anything", "native"),
        ("x.bin", b"\x7fELF\x02\x01", "native"),
        ("weights.dat", b"MZ" + bytes(80) + b"PE\0\0", "native"),
        ("x", b"\xcf\xfa\xed\xfe", "native"),
        ("modeling_x.py", b"import os", "source"),
        ("run", b"#!/bin/sh\nrm -rf /\n", "source"),
        ("notes.txt", b"#!/usr/bin/env python3\x1b[2J\n", "source"),
        ("x.ipynb", b"{}", "source"),
        ("x.cpython-311.pyc", b"\xa7\r\r\n", "bytecode"),
        ("x.dat2", b"\xa7\r\r\n" + bytes(12) + b"\xe3" + bytes(8), "bytecode"),
        ("x.whl", b"PK\x03\x04", "bytecode"),
        ("x.wasm", b"\0asm", "bytecode"),
        ("chat_template.jinja", b"{{ x }}", "template"),
        ("config.json", b'{"auto_map": {"AutoModel": "modeling.X"}}', "remote-code"),
        ("config.json", b'{"a": [{"trust_remote_code": "yes"}]}', "remote-code"),
        ("config.json", b'{"custom_pipelines": {"x": {"impl": "x.Y"}}}', "remote-code"),
        ("x.json", b'{"_target_": "os.system"}', "remote-code"),
        ("tokenizer_config.json", b'{"chat_template": "{{ x }}"}', "template"),
        ("tokenizer_config.json", b'{"chat_template": [{"name": "a", "template": "b"}]}', "template"),
        ("modules.json", b'[{"type": "mine.Module"}]', "remote-code"),
        ("modules.json", b'[{"type": ["x"]}]', "remote-code"),
        ("model_index.json", b'{"unet": ["my_unet", "Model"]}', "remote-code"),
        ("model_index.json", b'{"_class_name": ["pipe", "Mine"]}', "remote-code"),
        ("model.json", b'{"class_name": "Lambda"}', "keras-lambda"),
        ("x.yaml", b"a: !!python/object/apply:os.system [id]", "remote-code"),
        ("x.yml", b"a: !<tag:yaml.org,2002:python/name:os.system> x", "remote-code"),
        ("x.yaml", b"%TAG !y! tag:yaml.org,2002:python/\n---\n", "remote-code"),
        ("x.yaml", b"a: !!py%74hon/object/apply:os.system [id]", "remote-code"),
        ("x.yaml", b"a: !<tag:yaml.org,2002:%70ython/name:os.system> x", "remote-code"),
        ("x.yaml", b"%TAG !y! tag:yaml.org,2002:py\n---\na: !y!thon/object/apply:os.system [id]", "remote-code"),
        ("x.yaml", "a: !!python/object/apply:os.system [id]".encode("utf-16"), "remote-code"),
        ("x.yaml", b"x:\n  _target_: os.system\n", "remote-code"),
        ("x.yaml", b"? _target_\n: os.system\n", "remote-code"),
        ("x.yaml", b"- &k _target_\n- *k : os.system\n", "remote-code"),
        ("x.yaml", b'"\\x5ftarget_": os.system\n', "remote-code"),
        ("x.yaml", b'? "_tar\\\nget_"\n: os.system\n', "remote-code"),
        ("x.yaml", b"x: {trust_remote_code: true}\n", "remote-code"),
        ("adapter_config.json", b'{"auto_mapping": {"parent_library": "os"}}', "remote-code"),
        ("graph.pbtxt", b'node { name: "x" op: "PyFunc" }', "graph-operator"),
        # Escapes in the type of the elements, and the type given twice: numpy sees objects in both.
        ("a.npy", array(b"{'descr': '|\\x4f', 'fortran_order': False, 'shape': (1,), }") + PICKLE, "pickle-dangerous"),
        (
            "a.npy",
            array(b"{'descr': '<f4', 'shape': (1,), 'fortran_order': False, 'descr': '|O'}") + PICKLE,
            "pickle-dangerous",
        ),
        ("x.yaml", b"- trust_remote_code: True\n", "remote-code"),
    ],
)
def test_what_can_run_is_named(manifest, path, data, kind):
    assert found(manifest, {path: data}) == {(path, kind)}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("config.json", b'{"trust_remote_code": false, "auto_map": {}}'),
        ("modules.json", b'[{"type": "sentence_transformers.models.Pooling"}]'),
        ("model_index.json", b'{"_class_name": "X", "unet": ["diffusers", "UNet"], "safety": [null, null]}'),
        ("notes.txt", b"MZ is no program"),
        ("vocab.json", b'{"class_name": 1}'),
        ("x.yaml", b"trust_remote_code: false\n"),
    ],
)
def test_what_only_looks_like_it(manifest, path, data):
    assert found(manifest, {path: data}) == set()


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("config.json", b"{", "cannot be read as JSON"),
        ("config.json", b'{"a": 1, "a": 2}', "duplicate"),
        ("config.json", b"\xff\xfe{", "cannot be read as JSON"),
        pytest.param("config.json", b'{"a":' * 100_000, "cannot be read as JSON", id="nested"),
        ("x.zip", b"PK\x03\x04", "is packed"),
        ("x.tar", bytes(257) + b"ustar\0", "is packed"),
        ("x.tar.gz", b"\x1f\x8b\x08", "is packed"),
        ("x.7z", b"7z\xbc\xaf\x27\x1c", "is packed"),
        ("model.safetensors", b"junk", "cut off"),
        ("saved_model.pbtxt", b'op: "Add"', "in a form that is not read"),
        ("saved_model.cpb", b"", "in a form that is not read"),
        ("graph.pbtxt", b'op: "Py\\106unc"', "with escapes"),
        ("m.skops", zipped({"schema.json": b"{}"}), "a zip of a kind that is not known"),
        ("a.npy", array(b"{'descr': open}"), "header that cannot be read"),
    ],
)
def test_what_was_not_understood_is_said(manifest, path, data, message):
    findings = [finding for finding in manifest({path: data}).findings if finding.about == "content"]
    assert [finding.path for finding in findings] == [path]
    assert message in findings[0].message


def test_nothing_in_a_manifest_can_command_a_terminal(manifest):
    files = {
        "run": b"#!/bin/sh\x1b[2J\x07",
        "config.json": b'{"auto_map": ["\\u001b[2J\\u202e"]}',
        "m.pkl": b"c\x1b\n\x07\n.",
    }
    text = manifest(files).model_dump_json()
    assert "\x1b" not in json.loads(json.dumps(text))
    assert "\\u001b" not in text
    assert "\u202e" not in text


@pytest.fixture
def key(tmp_path):
    private = ec.derive_private_key(7, ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ci.pem").write_bytes(pem)
    return str(tmp_path / "ci.pem")


def packaged(model, tmp_path, *options):
    arguments = [str(model), "--model", "m", "--version", "1", "--output", str(tmp_path / "out"), "--at", AT, *options]
    return CliRunner().invoke(command, arguments)


def test_evidence_is_signed_only_with_a_key(model, tmp_path):
    result = packaged(model, tmp_path, "--executable-evidence")
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "out").exists()


@pytest.mark.engines
@pytest.mark.parametrize(
    ("files", "parameters", "passed"),
    [
        ({}, {}, True),
        ({"m.pkl": PICKLE}, {}, False),
        ({"m.pkl": PICKLE}, {"allowed": ["pickle", "pickle-unknown", "template"]}, False),
        ({"m.pkl": PICKLE}, {"except": {"pickle-dangerous": ["m.pkl"]}}, True),
        ({"m.pkl": b"\x80\x04"}, {"allowed": ["pickle-unknown"]}, False),
        ({"m.pkl": b"\x80\x04"}, {"allowed": ["pickle-unknown"], "unread": ["m.pkl"]}, True),
        ({"run.sh": b"#!/bin/sh"}, {"allowed": ["pickle"]}, False),
        ({"run.sh": b"#!/bin/sh"}, {"allowed": ["source"], "scanners": {"picklescan": "1.0"}}, True),
        ({"run.sh": b"#!/bin/sh"}, {"allowed": ["source"], "scanners": {"picklescan": "99.0"}}, False),
    ],
)
def test_a_gate_can_demand_it(model, tmp_path, key, files, parameters, passed):
    (model / "model.onnx").unlink()
    for path, data in files.items():
        (model / path).write_bytes(data)
    result = packaged(model, tmp_path, "--key", key, "--executable-evidence", "--format", "json")
    assert result.exit_code == 0, result.output
    file = tmp_path / "out" / "evidence" / "executable-content.sigstore.json"
    statement = json.loads(parse_envelope(file.read_bytes(), "x").payload)
    told = json.loads(result.stdout)
    assert statement["predicateType"] == EXECUTABLE_CONTENT
    assert statement["subject"][0]["digest"]["sha256"] == told["digest"].removeprefix("sha256:")
    predicate = read_predicate(json.dumps(statement["predicate"]).encode(), "x", EXECUTABLE_CONTENT)
    item = {
        "rule": "executable_content",
        "predicate_type": EXECUTABLE_CONTENT,
        "predicate": predicate,
        "manifest_sha256": told["manifest_sha256"],
        "with": parameters,
    }
    (tmp_path / "input.json").write_text(json.dumps({"items": [item]}), "utf-8")
    query = "data.weighbridge.evidence.batch.verdicts"
    rules = str(resources.policies() / "evidence")
    answer = json.loads(opa_command("eval", "-d", rules, "-i", str(tmp_path / "input.json"), query))
    verdict = answer["result"][0]["expressions"][0]["value"]["0"]
    assert verdict["passed"] is passed, verdict


def test_the_report_says_it_aloud(model, tmp_path):
    (model / "m.pkl").write_bytes(PICKLE)
    (model / ".weighbridgeignore").write_text("tokenizer/\n", "utf-8")
    result = packaged(model, tmp_path)
    assert "can run           m.pkl: pickle-dangerous (posix.system)" in result.output
    assert "left out          tokenizer" in result.output
    assert "not understood    model.onnx: is" in result.output
    assert "licenses          Apache-2.0" in result.output
