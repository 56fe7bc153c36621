"""`manifest.json`: what was written before keeps its meaning, and what is new is held to its shape."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.versions import load_version
from weighbridge.packaging.manifest import Manifest

EXAMPLE = Path(__file__).parents[3] / "examples" / "catalogue"
FIRST = {
    "apiVersion": "weighbridge.dev/v1",
    "kind": "Manifest",
    "model": "kb-qa-001",
    "version": "2025.03.15",
    "artifact_digest": "sha256:d0237f6356579f44232bd4a22ed47c39a9e05ed2cdf24ec9186095ef2b314aba",
    "files": [{"path": "model.onnx", "size": 1, "sha256": "0" * 64}],
}
"""A manifest as it was before it said anything but files."""


def manifest(**fields):
    return Manifest.model_validate_json(json.dumps({**FIRST, **fields}))


def test_a_manifest_without_the_newer_fields_still_loads():
    found = manifest()
    assert (found.licenses, found.weights, found.executable, found.ignored, found.findings) == ((), (), (), (), ())
    assert (found.cuda, found.cudnn, found.driver) == (None, None, None)
    assert found.files[0].role is None


def test_the_example_keeps_its_digests():
    version = load_version(EXAMPLE, "kb-qa-001", "2025.03.15")
    text = (EXAMPLE / "models/kb-qa-001/2025.03.15/manifest.json").read_bytes()
    assert version.manifest_sha256 == digest(canonical(json.loads(text)))
    assert version.artifact_digest == version.manifest.artifact_digest


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": [{"path": "model.onnx", "format": "pickle"}]},
        {"weights": [{"path": "../model.onnx", "format": "onnx"}]},
        {"weights": [{"path": "model.onnx", "format": "onnx", "tensors": -1}]},
        {"weights": [{"path": "model.onnx", "format": "onnx", "parameters": 2**53}]},
        {"weights": [{"path": "model.onnx", "format": "onnx", "dtypes": {"é": 1}}]},
        {"executable": [{"path": "model.onnx", "kind": "harmless", "detail": "x"}]},
        {"ignored": ["/etc"]},
        {"findings": [{"path": "README.MD/..", "message": "x"}]},
        {"files": [{"path": "model.onnx", "size": 1, "sha256": "0" * 64, "role": "ornament"}]},
    ],
)
def test_what_no_manifest_says(fields):
    with pytest.raises(ValidationError):
        manifest(**fields)
