"""Models to the real registry and back, whole and verified."""

import io
import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from weighbridge.canonical import digest
from weighbridge.oci.credentials import ANONYMOUS
from weighbridge.oci.documents import MANIFEST, described
from weighbridge.oci.registry import Registry
from weighbridge.oci.store import MANIFEST_LIMIT, parse_descriptor

from .conftest import Model, succeed, weighbridge

pytestmark = pytest.mark.engines
CONFIG_SCHEMA = {
    # The shape of model-spec's schema/config-schema.json, as far as we write it.
    "type": "object",
    "additionalProperties": False,
    "required": ["descriptor", "config", "modelfs"],
    "properties": {
        "descriptor": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "version": {"type": "string"},
                "licenses": {"type": "array", "items": {"type": "string"}},
            },
        },
        "config": {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: {"type": "string"} for key in ("format", "paramSize", "precision")},
        },
        "modelfs": {
            "type": "object",
            "additionalProperties": False,
            "required": ["type", "diff_ids"],
            "properties": {
                "type": {"const": "layers"},
                "diff_ids": {"type": "array", "minItems": 1, "items": {"type": "string"}},
            },
        },
    },
}


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def push(model: Model, target: str, *more: str) -> dict:
    return json.loads(succeed("push", model.folder, target, "--package", model.package, "--format", "json", *more))


def test_what_was_pushed_comes_back_byte_for_byte(registry: str, model: Model, tmp_path: Path) -> None:
    target = f"oci://{registry}/models/tiny:1.0"
    pushed = push(model, target)
    assert pushed["evidence"] == 1
    assert pushed["there"] == 0
    again = push(model, target)
    assert (again["digest"], again["sent"]) == (pushed["digest"], 0)
    for source in (target, f"oci://{registry}/models/tiny@{pushed['digest']}"):
        out = tmp_path / f"out-{len(source)}"
        pulled = json.loads(succeed("pull", source, "--output", out, "--format", "json"))
        assert pulled["digest"] == pushed["digest"]
        assert tree(out) == tree(model.folder) | tree(model.package)
        assert pulled["evidence"] == ["package.sigstore.json"]


def test_a_pulled_folder_is_packaged_and_pushed_to_the_same_digests(
    registry: str, model: Model, tmp_path: Path
) -> None:
    first = push(model, f"oci://{registry}/models/once:1.0")
    out = tmp_path / "out"
    succeed("pull", f"oci://{registry}/models/once:1.0", "--output", out)
    second = json.loads(
        succeed("push", out, f"oci://{registry}/models/twice:1.0", "--package", out, "--format", "json")
    )
    assert (second["digest"], second["artifact_digest"]) == (first["digest"], first["artifact_digest"])


def test_a_layout_has_the_digest_that_the_registry_has(registry: str, model: Model, tmp_path: Path) -> None:
    there = push(model, f"oci://{registry}/models/both:1.0")
    here = push(model, f"oci-layout:{tmp_path / 'layout'}:1.0")
    assert here["digest"] == there["digest"]
    succeed("pull", f"oci-layout:{tmp_path / 'layout'}", "--output", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(model.folder) | tree(model.package)
    push(model, f"oci-layout:{tmp_path / 'second'}:1.0")
    assert tree(tmp_path / "layout") == tree(tmp_path / "second")
    shutil.rmtree(tmp_path / "second")


def test_the_manifest_is_what_modelpack_describes(registry: str, model: Model) -> None:
    pushed = push(model, f"oci://{registry}/models/spec:1.0")
    store = Registry(registry, "models/spec", credentials=ANONYMOUS)
    document = json.loads(store.read(store.resolve("1.0"), MANIFEST_LIMIT))
    assert document["mediaType"] == MANIFEST
    assert document["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert document["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    assert document["annotations"]["dev.weighbridge.artifact-digest"] == pushed["artifact_digest"]
    paths = [layer["annotations"]["org.cncf.model.filepath"] for layer in document["layers"]]
    assert paths == sorted(paths, key=str.encode)
    for layer in document["layers"]:
        metadata = json.loads(layer["annotations"]["org.cncf.model.file.metadata+json"])
        assert metadata["name"] == layer["annotations"]["org.cncf.model.filepath"]
        assert (metadata["size"], metadata["mode"], metadata["uid"]) == (layer["size"], 0o644, 0)
        assert layer["annotations"]["org.cncf.model.file.mediatype.untested"] in {"true", "false"}
    config = json.loads(store.read(parse_descriptor(document["config"], "manifest", "config"), MANIFEST_LIMIT))
    Draft202012Validator(CONFIG_SCHEMA).validate(config)
    assert config["modelfs"]["diff_ids"] == [layer["digest"] for layer in document["layers"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda folder: (folder / "weights.bin").write_bytes(b"others"),
            "is not the file that manifest.json describes",
        ),
        (lambda folder: (folder / "extra.py").write_text("pass"), "is not in manifest.json"),
        (lambda folder: (folder / "empty").unlink(), "is in manifest.json but not in the folder"),
        (lambda folder: (folder / "link").symlink_to("weights.bin"), "symbolic link"),
    ],
)
def test_a_folder_that_is_not_the_packaged_one_is_not_pushed(
    registry: str, model: Model, tmp_path: Path, change, reason: str
) -> None:
    change(model.folder)
    result = weighbridge("push", model.folder, f"oci://{registry}/models/changed:1.0", "--package", model.package)
    assert (result.returncode, reason in result.stderr) == (2, True), result.stderr
    assert (
        "holds no 1.0" in weighbridge("pull", f"oci://{registry}/models/changed:1.0", "--output", tmp_path / "x").stderr
    )


def test_evidence_that_is_none_is_not_pushed(registry: str, model: Model) -> None:
    (model.package / "evidence" / "notes.json").write_text('{"all": "well"}')
    result = weighbridge("push", model.folder, f"oci://{registry}/models/notes:1.0", "--package", model.package)
    assert result.returncode == 2
    assert "is neither a Sigstore bundle nor a DSSE envelope" in result.stderr
    weights = digest((model.folder / "weights.bin").read_bytes())
    assert not Registry(registry, "models/notes", credentials=ANONYMOUS).has(weights), "sent before it was refused"


def test_what_lies_there_already_is_not_touched(registry: str, model: Model, tmp_path: Path) -> None:
    target = f"oci://{registry}/models/there:1.0"
    push(model, target)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    result = weighbridge("pull", target, "--output", tmp_path / "out")
    assert (result.returncode, "is there already" in result.stderr) == (2, True)
    assert tree(tmp_path / "out") == {"mine": b""}


@pytest.mark.parametrize(
    "target",
    ["oci://UPPER/Repo:1", "oci://h/r", "oci://h/r@sha256:0", "oci-layout:", "https://h/r:1", "oci://h/../x:1"],
)
def test_a_target_that_is_none_is_refused_with_its_form(model: Model, target: str) -> None:
    result = weighbridge("push", model.folder, target, "--package", model.package)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "oci" in result.stderr


def test_a_swapped_blob_in_a_layout_is_noticed_and_nothing_appears(model: Model, tmp_path: Path) -> None:
    push(model, f"oci-layout:{tmp_path / 'layout'}:1.0")
    weights = (model.folder / "weights.bin").read_bytes()
    blob = tmp_path / "layout" / "blobs" / "sha256" / digest(weights)[7:]
    blob.write_bytes(weights[:-1] + b"!")
    result = weighbridge("pull", f"oci-layout:{tmp_path / 'layout'}", "--output", tmp_path / "out")
    assert (result.returncode, "has the digest" in result.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_an_image_is_no_model(registry: str, tmp_path: Path) -> None:
    store = Registry(registry, "images/plain", credentials=ANONYMOUS)
    config = described(b"{}", "application/vnd.oci.image.config.v1+json")
    store.put_blob(config, lambda: io.BytesIO(b"{}"))
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": []}
    store.put_manifest(json.dumps(manifest).encode(), MANIFEST, "1")
    result = weighbridge("pull", f"oci://{registry}/images/plain:1", "--output", tmp_path / "out")
    assert (result.returncode, "expected application/vnd.cncf.model" in result.stderr) == (2, True)
