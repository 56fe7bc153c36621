import hashlib

import pytest
import rfc8785

from weighbridge.bundle.revision import release_revision

FILES = {
    "envoy/data.json": b"{}",
    "envoy/.manifest": b"m",
    "envoy/.signatures.json": b"s",
    "workload/a.rego": b"package a",
    "conftest/policy/main.rego": b"package main",
    "gatekeeper/approval.yaml": b"a",
}


def test_it_is_the_hash_of_the_canonical_list() -> None:
    listed = [
        [path, hashlib.sha256(FILES[path]).hexdigest()]
        for path in ("conftest/policy/main.rego", "envoy/data.json", "workload/a.rego")
    ]
    assert release_revision(FILES) == "sha256:" + hashlib.sha256(rfc8785.dumps(listed)).hexdigest()


@pytest.mark.parametrize(
    "path", ["envoy/.manifest", "envoy/.signatures.json", "gatekeeper/approval.yaml", "gatekeeper/more"]
)
def test_what_rests_on_the_revision_does_not_change_it(path: str) -> None:
    assert release_revision({**FILES, path: b"other"}) == release_revision(FILES)


@pytest.mark.parametrize("path", ["envoy/data.json", "workload/a.rego", "envoy/gatekeeper/x", "envoy/new"])
def test_everything_else_changes_it(path: str) -> None:
    assert release_revision({**FILES, path: b"other"}) != release_revision(FILES)


def test_moving_a_file_changes_it() -> None:
    moved = {("envoy/b.rego" if path == "workload/a.rego" else path): data for path, data in FILES.items()}
    assert release_revision(moved) != release_revision(FILES)


def test_the_order_of_the_files_does_not() -> None:
    assert release_revision(dict(reversed(FILES.items()))) == release_revision(FILES)


def test_nothing_has_no_revision() -> None:
    with pytest.raises(ValueError, match="without files"):
        release_revision({"envoy/.manifest": b""})
