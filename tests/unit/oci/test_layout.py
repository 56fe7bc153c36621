"""Layouts: what they name, what they refuse."""

import io
import json
import os
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.oci.documents import EMPTY, MANIFEST, described, manifest_json
from weighbridge.oci.layout import Layout, LayoutWriter, split_location
from weighbridge.oci.store import Descriptor, MissingError, open_store


def written(folder: Path, *tags: str | None) -> list[Descriptor]:
    """A layout of one manifest a tag."""
    writer = LayoutWriter(folder)
    writer.put_blob(EMPTY, lambda: io.BytesIO(b"{}"))
    found = [
        writer.put_manifest(manifest_json(EMPTY, [], artifact_type=f"application/y{number}"), MANIFEST, tag)
        for number, tag in enumerate(tags)
    ]
    writer.finish()
    return found


def test_a_tag_a_digest_and_nothing_name_what_they_should(tmp_path: Path) -> None:
    one, two = written(tmp_path / "l", "a", "b")
    layout = Layout(tmp_path / "l")
    assert layout.resolve("a").digest == one.digest
    assert layout.resolve(two.digest).digest == two.digest
    with pytest.raises(InputError, match=r"holds 2 manifests.*Tags: a, b"):
        layout.resolve(None)
    with pytest.raises(MissingError, match="no manifest with the tag c"):
        layout.resolve("c")
    with pytest.raises(MissingError):
        layout.resolve(f"sha256:{'0' * 64}")


def test_the_only_manifest_needs_no_name_though_evidence_lies_beside_it(tmp_path: Path) -> None:
    writer = LayoutWriter(tmp_path / "l")
    subject = writer.put_manifest(manifest_json(EMPTY, [], artifact_type="application/y"), MANIFEST)
    referrer = manifest_json(EMPTY, [], artifact_type="application/z", subject=subject)
    writer.put_referrers(subject, [referrer])
    writer.finish()
    layout = Layout(tmp_path / "l")
    assert layout.resolve(None).digest == subject.digest
    assert [found.artifact_type for found in layout.referrers(subject.digest)] == ["application/z"]


def test_one_tag_for_two_manifests_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "l", "a", "a")
    with pytest.raises(InputError, match="holds 2 manifests with the tag a"):
        Layout(tmp_path / "l").resolve("a")


def test_nothing_can_be_seen_before_it_is_finished_and_nothing_remains(tmp_path: Path) -> None:
    writer = LayoutWriter(tmp_path / "l")
    assert not (tmp_path / "l").exists()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_blob_that_is_not_what_it_is_said_to_be_is_not_written(tmp_path: Path) -> None:
    writer = LayoutWriter(tmp_path / "l")
    with pytest.raises(InputError, match="has the digest"):
        writer.put_blob(described(b"right", "x/x"), lambda: io.BytesIO(b"wrong"))
    writer.discard()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "l").mkdir()
    (tmp_path / "l" / "mine").touch()
    with pytest.raises(InputError, match="is there already"):
        LayoutWriter(tmp_path / "l")


@pytest.mark.parametrize(
    ("file", "data", "reason"),
    [
        ("oci-layout", b"{}", "imageLayoutVersion None"),
        ("oci-layout", b"nonsense", "is not JSON"),
        ("index.json", b"{}", "schema version 2"),
        ("index.json", b'{"schemaVersion": 2, "manifests": {}}', "is no list"),
        ("index.json", b'{"schemaVersion": 2, "manifests": [1]}', "is no descriptor"),
        ("index.json", b" " * (4 * 1024**2 + 1), "more than 4,194,304"),
        ("index.json", b'{"schemaVersion": 2, "schemaVersion": 2, "manifests": []}', "duplicate key"),
    ],
)
def test_a_layout_of_another_form_is_refused(tmp_path: Path, file: str, data: bytes, reason: str) -> None:
    written(tmp_path / "l", "a")
    (tmp_path / "l" / file).write_bytes(data)
    with pytest.raises(InputError, match=reason):
        Layout(tmp_path / "l")


def test_a_blob_that_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    (one,) = written(tmp_path / "l", "a")
    blob = tmp_path / "l" / "blobs" / "sha256" / one.digest[7:]
    blob.unlink()
    os.mkfifo(blob)
    with pytest.raises(InputError, match="is no regular file"):
        Layout(tmp_path / "l").read(one, 10_000)


def test_indexes_within_indexes_end(tmp_path: Path) -> None:
    """Digests forbid circles; depth is bounded all the same."""
    written(tmp_path / "l", "a")
    blobs = tmp_path / "l" / "blobs" / "sha256"
    index = (tmp_path / "l" / "index.json").read_bytes()
    for _ in range(8):
        named = described(index, "application/vnd.oci.image.index.v1+json")
        (blobs / named.digest[7:]).write_bytes(index)
        index = json.dumps({"schemaVersion": 2, "manifests": [named.document()]}).encode()
    (tmp_path / "l" / "index.json").write_bytes(index)
    with pytest.raises(InputError, match="nests or holds more"):
        Layout(tmp_path / "l").referrers(f"sha256:{'0' * 64}")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("oci-layout:a/b", ("a/b", None)),
        ("oci-layout:a/b:v1", ("a/b", "v1")),
        ("oci-layout:a:b/c", ("a:b/c", None)),
        (f"oci-layout:/x@sha256:{'0' * 64}", ("/x", f"sha256:{'0' * 64}")),
        ("oci-layout:a@b/c", ("a@b/c", None)),
    ],
)
def test_a_location_is_split_where_its_tag_begins(location: str, expected: tuple[str, str | None]) -> None:
    path, reference = split_location(location)
    assert (str(path), reference) == expected


@pytest.mark.parametrize(
    "location", ["oci-layout:", "oci-layout:a:", "oci-layout:a@sha256:0", "oci-layout:a:-x", "dir:a"]
)
def test_a_location_that_is_none_is_refused(location: str) -> None:
    with pytest.raises(InputError):
        open_store(location)
