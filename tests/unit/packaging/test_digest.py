"""The artifact digest against its golden vectors, which were computed without the code under test."""

import json
from pathlib import Path

import pytest

from weighbridge.packaging.digest import artifact_bytes, artifact_digest

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "digest"
VECTORS = json.loads((FIXTURES / "vectors.json").read_text("utf-8"))
REFUSED = json.loads((FIXTURES / "refused.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector):
    files = [tuple(entry) for entry in vector["files"]]
    assert artifact_bytes(files) == vector["artifact"].encode("utf-8")
    assert artifact_digest(files) == vector["digest"]
    assert artifact_digest(reversed(files)) == vector["digest"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_refused(case):
    with pytest.raises(ValueError, match=case["reason"]):
        artifact_digest([tuple(entry) for entry in case["files"]])
