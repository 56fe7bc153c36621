"""Who is believed about what weights should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weighbridge.canonical import sha256_hex
from weighbridge.errors import InputError
from weighbridge.packaging.digest import artifact_digest
from weighbridge.weights.expected import Source, expect
from weighbridge.weights.pace import Pace
from weighbridge.weights.verify import verify

OTHER = "sha256:" + "0" * 64


def manifest(folder: Path, content: bytes, name: str = "manifest.json") -> tuple[Path, str]:
    entries = [("model.bin", len(content), sha256_hex(content))]
    document = {
        "apiVersion": "weighbridge.dev/v1", "kind": "Manifest", "model": "m", "version": "1",
        "artifact_digest": artifact_digest(entries),
        "files": [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in entries],
    }  # fmt: skip
    (folder / name).write_text(json.dumps(document))
    return folder / name, document["artifact_digest"]


def test_a_lying_manifest_does_not_pass_with_the_digest(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    _, packaged = manifest(tmp_path, b"good")
    (weights / "model.bin").write_bytes(b"evil")
    lying, _ = manifest(weights, b"evil")
    # Alone it passes, as nobody vouches for it.
    alone = expect(Source(manifest=lying))
    assert alone.vouched_by == "nobody"
    assert verify(weights, alone, Pace()).healthy
    held = expect(Source(manifest=lying, digest=packaged))
    verdict = verify(weights, held, Pace())
    assert not verdict.healthy
    assert verdict.status == "unknown"
    assert "not sha256:" in verdict.problems[0]
    assert verdict.event(0)["resource"]["model_health"]["artifact_digest"] == packaged
    # And one that claims the right digest for other files is no manifest at all.
    document = json.loads(lying.read_text())
    lying.write_text(json.dumps({**document, "artifact_digest": packaged}))
    with pytest.raises(InputError, match="but `files` have"):
        expect(Source(manifest=lying, digest=packaged))


def test_the_digest_alone(tmp_path: Path) -> None:
    _, digest = manifest(tmp_path, b"good")
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "model.bin").write_bytes(b"good")
    assert verify(weights, expect(Source(digest=digest, model="m@1")), Pace()).healthy
    assert not verify(weights, expect(Source(digest=OTHER, model="m@1")), Pace()).healthy


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "nothing says what the weights should be"),
        ({"digest": OTHER}, "nothing says what the weights should be"),
        ({"digest": "sha256:abc", "model": "m@1"}, "--digest"),
        ({"digest": OTHER, "model": "m"}, "--model"),
        ({"digest": OTHER, "model": "m@1", "root_key": Path("k")}, "--root: is for a catalogue"),
        ({"digest": OTHER, "model": "m@1", "require_signed_trust": True}, "--root: is for a catalogue"),
        ({"manifest": Path("m"), "catalogue": Path("c"), "model": "m@1"}, "excludes --manifest"),
        ({"catalogue": Path("c")}, "--catalogue: needs a version"),
        ({"manifest": Path("none.json")}, "cannot be read"),
    ],
)
def test_refused(more: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        expect(Source(**more))  # type: ignore[arg-type]
    assert expected in str(caught.value)


def test_a_manifest_of_another_version(tmp_path: Path) -> None:
    file, _ = manifest(tmp_path, b"good")
    with pytest.raises(InputError, match="is m@2, but the manifest is that of m@1"):
        expect(Source(manifest=file, model="m@2"))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"kind": "Manifest"}', b"\xff", b"{}" + b" " * (16 * 1024**2)])
def test_no_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.json").write_bytes(data)
    with pytest.raises(InputError):
        expect(Source(manifest=tmp_path / "m.json"))
