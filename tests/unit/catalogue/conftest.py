"""A small valid catalogue that tests spoil in one place at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import digest
from weighbridge.catalogue.load import load_catalogue
from weighbridge.errors import InputError
from weighbridge.keys import public_pem
from weighbridge.packaging.digest import artifact_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.catalogue.catalogue import Catalogue

CONFIGURATION = """\
apiVersion: weighbridge.dev/v1
kind: Catalogue
trust:
  signers:
    ci: {key: keys/ci.pub}
    mlsec: {key: keys/mlsec.pub}
    auditor: {sigstore: {issuer: https://accounts.example.com, identity: auditor@example.com}}
attestations:
  packaged:
    predicate: https://weighbridge.dev/package/v1
    about: model
    signers: [ci]
    rule: package
  slsa-level2:
    predicate: https://slsa.dev/provenance/v1
    about: model
    signers: [ci]
    rule: slsa_provenance
    max_age: 7d
environments:
  dev:
    requires: []
  prod:
    requires: [slsa-level2]
    promotes_from: dev
    promotions: {signers: [ci], min_time: 24h}
    approvals: {signers: [ci, mlsec], threshold: 2}
    orders:
      revoke: {signers: [mlsec]}
    routes:
      kb-qa: {models: [kb-qa-001], active: kb-qa-001@2025.03.15}
    upstreams:
      kb-qa-001@2025.03.15: http://kb-qa-0315.models:8000
"""
TENANTS = """\
apiVersion: weighbridge.dev/v1
kind: Tenants
tenants:
  acme:
    environments:
      prod:
        models: [kb-qa-001]
        limits: {max_tokens: 4096}
        keys:
        - {id: k7m2p9qa, sha256: "sha256:@A@", not_after: 2036-01-01T00:00:00Z}
        - {id: k7m2p9qb, sha256: "sha256:@B@", not_after: 2036-01-01T00:00:00Z, models: [kb-qa-001]}
"""
CARD = """\
---
license: apache-2.0
no: a key that is no boolean
weighbridge:
  source: org/kb-qa
  lineage: {parent_run_id: run-7}
---
# kb-qa
"""
FOLDER = "models/kb-qa-001/2025.03.15"


class Tree:
    """A catalogue on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        for name in ("ci", "mlsec"):
            self.key(name)
        self.write("weighbridge.yaml", CONFIGURATION)
        self.write("tenants.yaml", TENANTS.replace("@A@", "a" * 64).replace("@B@", "b" * 64))
        self.version()

    def key(self, name: str) -> None:
        self.keys[name] = ec.generate_private_key(ec.SECP256R1())
        self.write(f"keys/{name}.pub", public_pem(self.keys[name].public_key()))

    def version(self, model: str = "kb-qa-001", version: str = "2025.03.15", card: str = CARD, **more: Any) -> None:
        files = [("model.onnx", 12, "0" * 64), ("tokenizer/vocab.txt", 3, "1" * 64)]
        data = artifact_bytes(files)
        manifest = {
            "apiVersion": "weighbridge.dev/v1",
            "kind": "Manifest",
            "model": model,
            "version": version,
            "artifact_digest": digest(data),
            "files": [{"path": path, "size": size, "sha256": value} for path, size, value in files],
            **more,
        }
        folder = f"models/{model}/{version}"
        self.write(f"{folder}/README.md", card)
        self.write(f"{folder}/manifest.json", json.dumps(manifest))
        self.write(f"{folder}/artifact.json", data)
        self.write(f"{folder}/evidence/package.json", "{}")

    def path(self, name: str) -> Path:
        return self.root / name

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def load(self, **more: Any) -> Catalogue:
        return load_catalogue(self.root, **more)

    def problems(self) -> list[str]:
        """Each problem as the user sees it."""
        with pytest.raises(InputError) as caught:
            self.load()
        return [str(problem) for problem in caught.value.problems]

    def problem(self) -> str:
        """The one problem there is."""
        found = self.problems()
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "catalogue")
