"""A packaged version with everything that a bill of materials can say, and tools to look into one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import sha256_hex
from weighbridge.packaging.digest import artifact_bytes, artifact_digest

SAMPLES = Path(__file__).resolve().parents[2] / "fixtures" / "sbom"
AT = "2026-01-15T00:00:00Z"
CONFIG = b'{"model_type": "bert", "architectures": ["BertModel"]}\n'
CARD = """\
---
license: apache-2.0
language: [en, de]
pipeline_tag: text-generation
tags: [retrieval, retrieval, qa]
base_model: [meta/base-7b, "a local model"]
datasets: [squad, org/data]
model-index:
- name: kb-qa
  results:
  - task: {type: question-answering}
    dataset: {name: SQuAD, type: squad, split: test}
    metrics: [{type: exact_match, value: 0.81}, {type: f1, value: "88.5"}, {type: table, value: {b: 1, a: 2}}]
  - dataset: {type: truthfulqa}
    metrics: [{name: mc2, value: 7}]
weighbridge:
  sources: ["hf://meta/kb-qa@0123456789abcdef0123456789abcdef01234567"]
  lineage: {parent_run_id: run-42, training_data: ["s3://bucket/set?versionId=1"], code: "https://example.com/code.git"}
  threat_model: docs/threats.md
  dependencies: [tritonserver 2.40]
  limits: {context_length: 4096}
---
# kb-qa
## Intended uses
Answers questions.
### As a library
```python
## Limitations
```
## Limitations
It makes things up.
## Ethical considerations:
Bias of the corpus.
## Environmental impact
3 kg.
## Training
Not a consideration.
"""


def write_package(folder: Path, **more: Any) -> Path:
    """A package folder as `package` writes it, its manifest's fields replaced by `more`."""
    weights = b"w" * 10
    listed = [
        {"path": "config.json", "size": len(CONFIG), "sha256": sha256_hex(CONFIG), "role": "configuration"},
        {"path": "model.safetensors", "size": 10, "sha256": sha256_hex(weights), "role": "weights",
         "media_type": "application/octet-stream"},
        {"path": "ünï.txt", "size": 0, "sha256": sha256_hex(b""), "media_type": "Not A Type"},
    ]  # fmt: skip
    entries = [(one["path"], one["size"], one["sha256"]) for one in listed]
    manifest = {
        "apiVersion": "weighbridge.dev/v1", "kind": "Manifest", "model": "kb-qa", "version": "1.0",
        "artifact_digest": artifact_digest(entries), "files": listed, "licenses": ["Apache-2.0"],
        "formats": ["safetensors"], "cuda": "12.4", "cudnn": "9.1.0", "driver": "550.54.14",
        "dependencies": ["pkg:pypi/click@8.1.8", "pkg:pypi/nvidia-cuda-runtime-cu12@12.4.127", "pkg:pypi/numpy@2.0.0",
                         "pkg:npm/%40scope/thing@1.0.0"],
        "weights": [{"path": "model.safetensors", "format": "safetensors", "tensors": 2, "parameters": 5,
                     "dtypes": {"F16": 3, "F32": 2}}],
        "executable": [{"path": "config.json", "kind": "remote-code", "detail": "auto_map"}],
        **more,
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "evidence").mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    (folder / "artifact.json").write_bytes(artifact_bytes(entries))
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


def write_key(file: Path) -> Path:
    pem = ec.derive_private_key(7, ec.SECP256R1()).private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    )
    file.write_bytes(pem)
    return file


def named(bom: dict[str, Any], name: str) -> dict[str, Any]:
    """The one component of a name."""
    found = [one for one in every(bom) if one["name"] == name]
    assert len(found) == 1, found
    return found[0]


def every(bom: dict[str, Any]) -> list[dict[str, Any]]:
    def walk(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [inner for one in listed for inner in (one, *walk(one.get("components", [])))]

    subject = bom.get("metadata", {}).get("component")
    return walk([*bom.get("components", []), *([subject] if subject else [])])


def values(component: dict[str, Any], name: str) -> list[str]:
    return [one["value"] for one in component.get("properties", []) if one["name"] == f"weighbridge:{name}"]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "package")


@pytest.fixture
def kit() -> Any:
    return SimpleNamespace(
        SAMPLES=SAMPLES, AT=AT, CONFIG=CONFIG, CARD=CARD, write_package=write_package, write_key=write_key,
        named=named, every=every, values=values,
    )  # fmt: skip
