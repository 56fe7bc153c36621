"""Models in a layout whose every digest is right and which lie all the same: each refused, and nothing appears."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from weighbridge.canonical import canonical
from weighbridge.errors import InputError, OutputError
from weighbridge.oci import pull as pulling
from weighbridge.oci.documents import EMPTY, MANIFEST, described, manifest_json
from weighbridge.oci.evidence import attachment, fetch_evidence
from weighbridge.oci.layout import Layout, LayoutWriter
from weighbridge.oci.modelpack import ARTIFACT_DIGEST, ARTIFACT_TYPE, CONFIG_TYPE, FILE_PATH, build
from weighbridge.oci.pull import pull
from weighbridge.oci.store import Descriptor
from weighbridge.packaging.digest import artifact_bytes, artifact_digest
from weighbridge.packaging.manifest import Manifest

CARD = b"---\nlicense: mit\n---\n"
FILES = {"weights.bin": b"weights", "sub/config.json": b"{}"}


class Forge:
    """A good model, to be changed before it is written."""

    def __init__(self) -> None:
        files = [(path, len(data), described(data, "x/x").digest[7:]) for path, data in FILES.items()]
        document: dict[str, Any] = {
            "apiVersion": "weighbridge.dev/v1", "kind": "Manifest", "model": "tiny", "version": "1.0",
            "artifact_digest": artifact_digest(files),
            "files": [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in files],
        }  # fmt: skip
        self.manifest = Manifest.model_validate(document)
        self.blobs = [*FILES.values(), CARD]
        beside = {
            "README.md": CARD,
            "manifest.json": json.dumps(document).encode(),
            "artifact.json": artifact_bytes(files),
        }
        self.blobs += beside.values()
        pack = build(self.manifest, beside)
        self.layers = list(pack.layers)
        self.config: dict[str, Any] = json.loads(pack.config)
        self.artifact_type = ARTIFACT_TYPE
        self.annotations = {ARTIFACT_DIGEST: self.manifest.artifact_digest}
        self.evidence: list[bytes] = []
        self.follow = True
        """Whether the config lists the layers as they are when written."""

    def layer(self, path: str, data: bytes = b"x", media_type: str = "application/vnd.cncf.model.code.v1.raw") -> None:
        self.blobs.append(data)
        named = described(data, media_type)
        self.layers.append(Descriptor(media_type, named.digest, named.size, {FILE_PATH: path}))

    def replace(self, path: str, **changes: Any) -> None:
        for index, layer in enumerate(self.layers):
            if layer.annotations.get(FILE_PATH) == path:
                given = {
                    "media_type": layer.media_type,
                    "digest": layer.digest,
                    "size": layer.size,
                    "annotations": layer.annotations,
                }
                self.layers[index] = Descriptor(**(given | changes))

    def drop(self, path: str) -> None:
        self.layers = [layer for layer in self.layers if layer.annotations.get(FILE_PATH) != path]

    def write(self, folder: Path) -> Layout:
        writer = LayoutWriter(folder)
        if self.follow:
            self.config["modelfs"]["diff_ids"] = [layer.digest for layer in self.layers]
        config = canonical(self.config)
        for data in (*self.blobs, config, b"{}"):
            writer.put_blob(described(data, "x/x"), lambda data=data: io.BytesIO(data))
        data = manifest_json(
            described(config, CONFIG_TYPE), self.layers, artifact_type=self.artifact_type, annotations=self.annotations
        )
        subject = writer.put_manifest(data, MANIFEST, "v1")
        for number, envelope in enumerate(self.evidence):
            manifest, layer = attachment(envelope, f"e{number}.json", subject)
            writer.put_blob(layer, lambda envelope=envelope: io.BytesIO(envelope))
            writer.put_referrers(subject, [manifest])
        writer.finish()
        return Layout(folder)


@pytest.fixture
def forge() -> Forge:
    return Forge()


def refused(forge: Forge, tmp_path: Path) -> str:
    layout = forge.write(tmp_path / "layout")
    with pytest.raises(InputError) as caught:
        pull(layout, "v1", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout"]
    return str(caught.value)


def test_the_model_is_good_before_it_is_changed(forge: Forge, tmp_path: Path) -> None:
    pulled = pull(forge.write(tmp_path / "layout"), None, tmp_path / "out")
    assert pulled.manifest == forge.manifest
    assert (tmp_path / "out" / "sub" / "config.json").read_bytes() == b"{}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout", "out"]


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "/etc/evil",
        "a/../../evil",
        "a//b",
        "./a",
        "a\\b",
        "evidence/a.json",
        "a\x00b",
        "a\u202eb",
        "e\u0301",
        "",
    ],
)
def test_a_path_that_leaves_the_folder_or_has_two_readings(forge: Forge, tmp_path: Path, path: str) -> None:
    forge.layer(path)
    assert "layers[5]" in refused(forge, tmp_path)


@pytest.mark.parametrize("path", ["weights.bin", "WEIGHTS.bin", "weights.bin/x", "sub", "Sub/config.json", "readme.md"])
def test_a_path_that_collides_with_another(forge: Forge, tmp_path: Path, path: str) -> None:
    forge.layer(path)
    message = refused(forge, tmp_path)
    assert "is given twice" in message or "which is a file" in message


def test_a_layer_without_a_path(forge: Forge, tmp_path: Path) -> None:
    forge.replace("weights.bin", annotations={})
    assert "layers[" in refused(forge, tmp_path)


def test_a_surplus_file(forge: Forge, tmp_path: Path) -> None:
    forge.layer("evil.py")
    assert "has the file 'evil.py', which is not in manifest.json" in refused(forge, tmp_path)


@pytest.mark.parametrize("path", ["weights.bin", "manifest.json", "artifact.json", "README.md"])
def test_a_missing_file(forge: Forge, tmp_path: Path, path: str) -> None:
    forge.drop(path)
    assert path in refused(forge, tmp_path)


def test_a_swapped_file(forge: Forge, tmp_path: Path) -> None:
    forge.blobs.append(b"weightz")
    forge.replace("weights.bin", digest=described(b"weightz", "x/x").digest)
    assert "has another 'weights.bin' than manifest.json" in refused(forge, tmp_path)


def test_an_artifact_json_of_another_model(forge: Forge, tmp_path: Path) -> None:
    forge.blobs.append(b"[]")
    forge.replace("artifact.json", digest=described(b"[]", "x/x").digest, size=2)
    assert "artifact.json that does not have the files" in refused(forge, tmp_path)


def test_a_config_of_another_model(forge: Forge, tmp_path: Path) -> None:
    forge.config["descriptor"]["name"] = "other"
    assert "speaks of another model" in refused(forge, tmp_path)


def test_a_config_with_other_layers(forge: Forge, tmp_path: Path) -> None:
    forge.follow = False
    forge.config["modelfs"]["diff_ids"].reverse()
    assert "other layers" in refused(forge, tmp_path)


@pytest.mark.parametrize("annotations", [{}, {ARTIFACT_DIGEST: f"sha256:{'0' * 64}"}])
def test_a_label_of_another_model(forge: Forge, tmp_path: Path, annotations: dict[str, str]) -> None:
    forge.annotations = annotations
    assert "is not the artifact digest of manifest.json" in refused(forge, tmp_path)


def test_the_same_evidence_a_thousand_times(forge: Forge, tmp_path: Path) -> None:
    envelope = b'{"payload": "", "payloadType": "x", "signatures": []}'
    layout = forge.write(tmp_path / "layout")
    subject = layout.resolve("v1")
    manifest, _ = attachment(envelope, "good.json", subject)
    document = json.loads(manifest)
    document["layers"] *= 1001
    data = canonical(document)
    named = described(data, MANIFEST)
    for blob in (envelope, data, b"{}"):
        name = described(blob, "x/x").digest[7:]
        (tmp_path / "layout" / "blobs" / "sha256" / name).write_bytes(blob)
    index = json.loads((tmp_path / "layout" / "index.json").read_bytes())
    index["manifests"].append(named.document())
    (tmp_path / "layout" / "index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="more than 1000 files"):
        fetch_evidence(Layout(tmp_path / "layout"), subject.digest)


def test_archives_are_not_unpacked(forge: Forge, tmp_path: Path) -> None:
    forge.layer("a.tar", media_type="application/vnd.cncf.model.weight.v1.tar+gzip")
    assert "only raw files are read" in refused(forge, tmp_path)


def test_another_artifact_type(forge: Forge, tmp_path: Path) -> None:
    forge.artifact_type = "application/vnd.docker.ai.model.manifest.v1+json"
    assert "expected application/vnd.cncf.model" in refused(forge, tmp_path)


def test_a_blob_that_is_not_there(forge: Forge, tmp_path: Path) -> None:
    forge.blobs.remove(FILES["weights.bin"])
    assert "is missing" in refused(forge, tmp_path)


def test_more_than_the_disk_holds_is_refused_before_it_is_fetched(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = forge.write(tmp_path / "layout")
    usage = pulling.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(pulling.shutil, "disk_usage", lambda _path: usage._replace(free=10))
    with pytest.raises(OutputError, match="the disk has room for 10"):
        pull(layout, "v1", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout"]


def test_a_card_larger_than_any_card(forge: Forge, tmp_path: Path) -> None:
    forge.replace("README.md", size=5 * 1024**2)
    assert "more than 4,194,304" in refused(forge, tmp_path)


def test_evidence_comes_along_and_lands_under_its_name(forge: Forge, tmp_path: Path) -> None:
    forge.evidence = [b'{"payload": "", "payloadType": "x", "signatures": []}']
    pulled = pull(forge.write(tmp_path / "layout"), None, tmp_path / "out")
    assert [file.name for file in pulled.evidence] == ["e0.json"]
    assert (tmp_path / "out" / "evidence" / "e0.json").read_bytes() == forge.evidence[0]


@pytest.mark.parametrize(
    "title", ["../../evil.json", "/evil.json", "evil.sh", ".json", "a/b.json", "a\n.json", "x" * 200]
)
def test_a_name_of_evidence_that_is_no_file_name_is_not_used(forge: Forge, tmp_path: Path, title: str) -> None:
    envelope = b'{"payload": "", "payloadType": "x", "signatures": []}'
    layout = forge.write(tmp_path / "first")
    subject = layout.resolve("v1")
    manifest, layer = attachment(envelope, "good.json", subject)
    document = json.loads(manifest)
    document["annotations"]["org.opencontainers.image.title"] = title
    forge.evidence = []
    writer = LayoutWriter(tmp_path / "layout")
    for blob in (tmp_path / "first" / "blobs" / "sha256").iterdir():
        data = blob.read_bytes()
        writer.put_blob(described(data, "x/x"), lambda data=data: io.BytesIO(data))
    writer.put_blob(layer, lambda: io.BytesIO(envelope))
    writer.put_manifest(layout.read(subject, subject.size), MANIFEST, "v1")
    writer.put_referrers(subject, [canonical(document)])
    writer.finish()
    pull(Layout(tmp_path / "layout"), "v1", tmp_path / "out")
    (file,) = (tmp_path / "out" / "evidence").iterdir()
    assert file.name == f"{layer.digest[7:39]}.dsse.json"


def test_the_empty_descriptor_is_that_of_an_empty_object() -> None:
    assert described(b"{}", EMPTY.media_type) == EMPTY
