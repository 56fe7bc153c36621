"""A folder that `compile` wrote, or that somebody else has touched."""

import json
from pathlib import Path

import pytest
from tests.control_plane import Release, control_document, key, short

from weighbridge.canonical import digest
from weighbridge.control.intake import read_releases, watched
from weighbridge.errors import InputError

KEYS = [key("release").public_key()]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "out").write(control_document("dev"), control_document("prod"))


def replace(release: Release, path: str, data: bytes) -> None:
    """Put another file in place, and into the index, which nobody signs."""
    (release.folder / path).write_bytes(data)
    index = json.loads((release.folder / "index.json").read_text())
    index["files"][path] = digest(data)
    (release.folder / "index.json").write_text(json.dumps(index))


def test_what_is_read(release: Release) -> None:
    given = read_releases(release.folder, KEYS)
    assert [one.control.environment for one in given] == ["dev", "prod"]
    assert [one.control.revision for one in given] == [release.revisions["dev"], release.revisions["prod"]]
    plain = ["approvals", "control.tar.gz", "envoy/release.tar.gz", "workload/release.tar.gz"]
    own = f"keys/{short('release')}"
    at_its_key = [f"{own}/approvals", f"{own}/control.tar.gz"]
    at_its_key += [f"{point}/{own}/release.tar.gz" for point in ("envoy", "workload")]
    assert sorted(given[1].files) == sorted(plain + at_its_key)
    for one, other in zip(plain, (*at_its_key[:2], *at_its_key[2:]), strict=True):
        assert given[1].files[one] == given[1].files[other]


def test_variants_by_another_key(tmp_path: Path) -> None:
    release = Release(tmp_path / "out", keys=("release", "next")).write()
    [given] = read_releases(release.folder, [*KEYS, key("next").public_key()])
    assert f"envoy/keys/{short('next')}/release.tar.gz" in given.files
    assert f"keys/{short('next')}/approvals" in given.files
    # A key that does not count here spoils all of it: half a release would be served.
    with pytest.raises(InputError, match="none of the keys"):
        read_releases(release.folder, KEYS)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("prod/envoy/release.tar.gz", "dev/envoy/release.tar.gz"),
        ("prod/envoy/release.tar.gz", "prod/workload/release.tar.gz"),
        ("prod/control.tar.gz", "dev/control.tar.gz"),
        ("prod/control.tar.gz", "prod/envoy/release.tar.gz"),
        ("prod/gatekeeper/approvals/0000.yaml", "dev/gatekeeper/approvals/0000.yaml"),
    ],
)
def test_one_file_in_the_place_of_another(release: Release, path: str, other: str) -> None:
    replace(release, path, (release.folder / other).read_bytes())
    with pytest.raises(InputError, match="prod/"):
        read_releases(release.folder, KEYS)


@pytest.mark.parametrize(
    "path",
    ["prod/envoy/release.tar.gz", "prod/workload/release.tar.gz", "prod/control.tar.gz",
     "prod/gatekeeper/approvals/0000.yaml"],
)  # fmt: skip
def test_a_file_of_the_release_before(release: Release, tmp_path: Path, path: str) -> None:
    before = Release(tmp_path / "before").write(control_document("prod"), note="before")
    replace(release, path, (before.folder / path).read_bytes())
    with pytest.raises(InputError, match="is of sha256:"):
        read_releases(release.folder, KEYS)


def test_another_key(tmp_path: Path) -> None:
    release = Release(tmp_path / "out", keys=("live",)).write()
    with pytest.raises(InputError, match="none of the keys"):
        read_releases(release.folder, KEYS)


def test_a_file_that_is_not_what_the_index_says(release: Release) -> None:
    (release.folder / "prod/envoy/release.tar.gz").write_bytes(b"half")
    (release.folder / "dev/control.tar.gz").unlink()
    with pytest.raises(InputError) as caught:
        read_releases(release.folder, KEYS)
    assert [problem.file for problem in caught.value.problems] == [
        "dev/control.tar.gz", "prod/envoy/release.tar.gz",
    ]  # fmt: skip


@pytest.mark.parametrize("index", [b"", b"[]", b"{}", b'{"kind": "Index"}', b'{"environments": {"../x": {}}}'])
def test_no_index(release: Release, index: bytes) -> None:
    (release.folder / "index.json").write_bytes(index)
    with pytest.raises(InputError, match="index"):
        read_releases(release.folder, KEYS)


def test_bundles_with_a_clock_that_stands_still(release: Release) -> None:
    index = json.loads((release.folder / "index.json").read_text())
    (release.folder / "index.json").write_text(json.dumps(index | {"clock": "fixed"}))
    with pytest.raises(InputError, match="index"):
        read_releases(release.folder, KEYS)


def test_watching(release: Release) -> None:
    changes = watched(release.folder)
    assert [next(changes), next(changes)] == [True, False]
    release.write(note="another")
    assert [next(changes), next(changes)] == [True, False]
    (release.folder / "index.json").unlink()
    assert next(changes) is False
