"""`weighbridge package`: what it writes, and what it refuses to write."""

import json
import os
from dataclasses import replace

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.source import LIMITS
from weighbridge.catalogue.versions import load_version
from weighbridge.cli.package import command
from weighbridge.errors import InputError, OutputError
from weighbridge.evidence.dsse import KeyRing, parse_envelope, verified_by
from weighbridge.keys import fingerprint
from weighbridge.packaging import package as module
from weighbridge.packaging.package import package, write_package

AT = "2026-01-15T00:00:00Z"


@pytest.fixture
def key(tmp_path):
    private = ec.derive_private_key(7, ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ci.pem").write_bytes(pem)
    return private


def run(model, output, *options):
    arguments = [str(model), "--model", "kb-qa-001", "--version", "2025.03.15", "--output", str(output), *options]
    return CliRunner().invoke(command, arguments)


def test_what_is_written(model, tmp_path, key):
    result = run(model, tmp_path / "out", "--key", str(tmp_path / "ci.pem"), "--at", AT)
    assert result.exit_code == 0, result.output
    written = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert written == {"README.md", "manifest.json", "artifact.json", "evidence/package.sigstore.json"}
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_bytes())
    artifact = (out / "artifact.json").read_bytes()
    assert artifact == canonical([[file["path"], file["size"], file["sha256"]] for file in manifest["files"]])
    assert manifest["artifact_digest"] == digest(artifact)
    envelope = parse_envelope((out / "evidence/package.sigstore.json").read_bytes(), "x")
    public = key.public_key()
    assert verified_by(envelope, KeyRing({fingerprint(public): public})) == (fingerprint(public),)
    assert json.loads(envelope.payload) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "kb-qa-001@2025.03.15", "digest": {"sha256": digest(artifact).removeprefix("sha256:")}}],
        "predicateType": "https://weighbridge.dev/package/v1",
        "predicate": {
            "manifest_sha256": digest(canonical(manifest)),
            "card_sha256": digest((model / "README.md").read_bytes()),
            "at": AT,
        },
    }


def test_packaging_what_was_packaged_changes_nothing(model, tmp_path, key):
    options = ("--key", str(tmp_path / "ci.pem"), "--at", AT)
    assert run(model, tmp_path / "one", *options).exit_code == 0
    for file in (tmp_path / "one").rglob("*"):
        if file.is_file() and file.name != "README.md":
            target = model / file.relative_to(tmp_path / "one")
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    assert run(model, tmp_path / "two", *options).exit_code == 0
    for file in (tmp_path / "one").rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes()


def test_without_a_key_it_says_so(model, tmp_path):
    result = run(model, tmp_path / "out")
    assert result.exit_code == 0
    assert "not signed" in result.output
    assert not (tmp_path / "out" / "evidence").exists()


def test_json(model, tmp_path):
    result = run(model, tmp_path / "out", "--format", "json")
    document = json.loads(result.stdout)
    assert document["name"] == "kb-qa-001@2025.03.15"
    assert document["files"] == 2
    assert document["signed"] is False


def test_all_problems_at_once(model):
    (model / "README.md").unlink()
    (model / "link").symlink_to("model.onnx")
    with pytest.raises(InputError) as caught:
        package(model, model="KB QA", version="1..2")
    assert {problem.field or problem.file for problem in caught.value.problems} == {
        "--model",
        "--version",
        str(model / "README.md"),
        "link",
    }


def test_name_of_the_resource_is_bounded(model):
    with pytest.raises(InputError, match="is no name"):
        package(model, model="m" * 64, version="1")


@pytest.mark.parametrize("card", ["link", "fifo", "folder", "large"])
def test_a_card_that_is_no_small_file(model, card, tmp_path):
    file = model / "README.md"
    file.unlink()
    if card == "link":
        (tmp_path / "elsewhere").write_text("secret", "utf-8")
        file.symlink_to(tmp_path / "elsewhere")
    elif card == "fifo":
        os.mkfifo(file)
    elif card == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"x" * (LIMITS.card + 1))
    with pytest.raises(InputError, match=r"README\.md"):
        package(model, model="m", version="1")


@pytest.mark.parametrize("place", ["inside", "the folder", "full", "file", "link"])
def test_outputs_that_are_refused(model, tmp_path, place):
    output = {"inside": model / "out", "the folder": model}.get(place, tmp_path / "out")
    if place == "full":
        output.mkdir()
        (output / "evidence.json").write_text("precious", "utf-8")
    elif place == "file":
        output.write_text("precious", "utf-8")
    elif place == "link":
        output.symlink_to(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = run(model, output)
    assert isinstance(result.exception, InputError)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_a_good_output(model, tmp_path):
    (tmp_path / "out").mkdir()
    assert run(model, tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_output_that_cannot_be_written_whole_is_not_there(tmp_path):
    with pytest.raises(OutputError):
        write_package(tmp_path / "out", {"a": b"1", "a/b": b"2"})
    assert list(tmp_path.iterdir()) == []


def test_output_filled_meanwhile_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "theirs").write_text("precious", "utf-8")
    with pytest.raises(OutputError):
        write_package(tmp_path / "out", {"a": b"1"})
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["theirs"]
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("at", ["yesterday", "2026-01-15", "1960-01-01T00:00:00Z"])
def test_bad_time(model, tmp_path, at):
    result = run(model, tmp_path / "out", "--at", at)
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "out").exists()


def test_a_card_that_no_catalogue_would_take_is_not_signed(model, tmp_path):
    (model / "README.md").write_text("---\nweighbridge:\n  lineage: {parent_run_id: 1}\n  sauce: x\n---\n", "utf-8")
    with pytest.raises(InputError) as caught:
        package(model, model="m", version="1")
    card = str(model / "README.md")
    assert {(problem.file, problem.line) for problem in caught.value.problems} == {(card, 3), (card, 4)}


def test_a_manifest_that_no_catalogue_would_take(model, monkeypatch):
    monkeypatch.setattr(module, "LIMITS", replace(LIMITS, manifest=300))
    with pytest.raises(InputError, match=r"manifest\.json: would have \d+ bytes"):
        package(model, model="m", version="1")


def test_a_catalogue_reads_what_was_written(model, tmp_path, key):
    (model / "tokenizer" / "\u00e9t\u00e9 \U0001f600.txt").write_text("x", "utf-8")
    output = tmp_path / "models" / "kb-qa-001" / "2025.03.15"
    assert run(model, output, "--key", str(tmp_path / "ci.pem")).exit_code == 0
    version = load_version(tmp_path, "kb-qa-001", "2025.03.15")
    packaged = package(model, model="kb-qa-001", version="2025.03.15")
    assert version.artifact_digest == packaged.digest
    assert version.manifest_sha256 == packaged.manifest_sha256
    assert version.card_sha256 == digest(packaged.card)
    assert [file.path for file in version.evidence] == [
        f"{output.relative_to(tmp_path)}/evidence/package.sigstore.json"
    ]
