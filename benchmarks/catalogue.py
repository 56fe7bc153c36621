"""A synthetic catalogue: as many versions as wanted, five signed statements about each, all of them good.

Every version has its own card, manifest, serving image and five statements (package, provenance, model signature,
evaluation, vulnerabilities), each by its own ECDSA P-256 key: what a registry holds, in its real sizes, only in greater
number. Made by two processes, kept in the temporary folder under a name that says what it holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.names import format_time, parse_time_ns
from weighbridge.evidence.dsse import PAYLOAD_TYPE, bundle_json, sign_envelope
from weighbridge.evidence.predicates import EVALUATION, MODEL_SIGNATURE, PACKAGE
from weighbridge.evidence.statement import statement_json
from weighbridge.keys import load_private_key, public_pem
from weighbridge.packaging.digest import artifact_bytes, artifact_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.keys import PrivateKey

FORMAT = 2
"""Raise it when anything below changes what is written."""
AT = "2026-01-15T00:00:00Z"
VERSIONS_A_MODEL = 10
STATEMENTS = 5
SIGNERS = ("ci", "trainer", "signing", "eval", "scanner")
SLSA = "https://slsa.dev/provenance/v1"
VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2"
BUILDER = "https://github.com/actions/runner"


def catalogue(versions: int, processes: int = 2) -> Path:
    """The folder with a catalogue of so many versions; made if it is not there yet."""
    folder = Path(tempfile.gettempdir()) / f"weighbridge-bench-{os.getuid()}-{FORMAT}-{versions}"
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "keys").mkdir(parents=True, mode=0o700)
    for name in (*SIGNERS, "release", "live"):
        _make_key(folder / "keys", name)
    (folder / "catalogue" / "keys").mkdir(parents=True)
    for name in SIGNERS:
        shutil.copy(folder / "keys" / f"{name}.pub", folder / "catalogue" / "keys")
    (folder / "catalogue" / "weighbridge.yaml").write_text(json.dumps(_configuration(), indent=1))
    (folder / "catalogue" / "tenants.yaml").write_text(json.dumps(_tenants(), indent=1))
    step = max(1, min(250, -(-versions // processes)))
    with ProcessPoolExecutor(processes) as pool:
        starts = range(0, versions, step)
        list(pool.map(_write_versions, [folder] * len(starts), starts, [min(s + step, versions) for s in starts]))
    (folder / "complete").touch()
    return folder


def _make_key(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(pem)
    (folder / f"{name}.pub").write_text(public_pem(key.public_key()))


def _configuration() -> dict[str, object]:
    # JSON is YAML.
    about_model: dict[str, dict[str, object]] = {
        "packaged": {"predicate": PACKAGE, "signers": ["ci"], "rule": "package"},
        "slsa-level2": {
            "predicate": SLSA,
            "signers": ["trainer"],
            "rule": "slsa_provenance",
            "with": {"builders": [BUILDER]},
        },
        "model-signed": {"predicate": MODEL_SIGNATURE, "signers": ["signing"], "rule": "model_signature"},
        "eval-passed": {"predicate": EVALUATION, "signers": ["eval"], "rule": "evaluation"},
    }
    attestations: dict[str, object] = {name: {**document, "about": "model"} for name, document in about_model.items()}
    attestations["vuln-scan-clean"] = {
        "predicate": VULNERABILITIES,
        "about": "images",
        "signers": ["scanner"],
        "rule": "vulnerabilities",
        "with": {"max_severity": "medium"},
        "max_age": "7d",
    }
    model, version = names(0)
    return {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Catalogue",
        "trust": {"signers": {name: {"key": f"keys/{name}.pub"} for name in SIGNERS}},
        "attestations": attestations,
        "environments": {
            "prod": {
                "requires": ["slsa-level2", "model-signed", "eval-passed", "vuln-scan-clean"],
                "metrics": {"exact_match": {"min": 0.7}},
                "routes": {"alias-0": {"models": [model], "active": f"{model}@{version}"}},
                "upstreams": {f"{model}@{version}": "http://127.0.0.1:8000"},
            }
        },
    }


def _tenants() -> dict[str, object]:
    model, _ = names(0)
    key = {"id": "k7m2p9qa", "sha256": digest(b"synthetic"), "not_after": "2036-01-01T00:00:00Z"}
    entitlement = {"models": [model], "limits": {"max_tokens": 4096}, "keys": [key]}
    return {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Tenants",
        "tenants": {"acme": {"environments": {"prod": entitlement}}},
    }


def signed_at(number: int) -> str:
    """When the statements about one version were made: no two versions at the same second."""
    return format_time(parse_time_ns("2026-01-10T00:00:00Z") + number * 10**9)


def names(number: int) -> tuple[str, str]:
    """Model id and version of one number."""
    return f"model-{number // VERSIONS_A_MODEL:05}", f"2025.{number % VERSIONS_A_MODEL + 1}"


def _write_versions(folder: Path, start: int, stop: int) -> None:
    keys = {name: load_private_key(str(folder / "keys" / f"{name}.key")) for name in SIGNERS}
    for number in range(start, stop):
        for path, data in _version(number, keys).items():
            file = folder / "catalogue" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def _version(number: int, keys: dict[str, PrivateKey]) -> dict[str, bytes]:
    model, version = names(number)
    image = hashlib.sha256(f"image {number}".encode()).hexdigest()
    files = [
        (name, 1000 * index + number, hashlib.sha256(f"{name} {number}".encode()).hexdigest())
        for index, name in enumerate(("config.json", "model.safetensors", "tokenizer.json"), 1)
    ]
    card = _card(model, version, image)
    manifest = _manifest(model, version, files)
    artifact = artifact_digest(files)
    folder = f"models/{model}/{version}"
    package = {"manifest_sha256": digest(canonical(manifest)), "card_sha256": digest(card), "at": signed_at(number)}
    about = (f"{model}@{version}", artifact)
    root = hashlib.sha256(b"".join(bytes.fromhex(file[2]) for file in files)).hexdigest()
    statements = {
        f"{folder}/evidence/package.json": ("ci", PACKAGE, package, about),
        f"{folder}/evidence/provenance.json": ("trainer", SLSA, _provenance(number), about),
        f"{folder}/evidence/signature.json": (
            "signing",
            MODEL_SIGNATURE,
            _signature(files),
            (about[0], f"sha256:{root}"),
        ),
        f"{folder}/evidence/evaluation.json": (
            "eval",
            EVALUATION,
            evaluation(number, 0.75 + number % 1000 / 4000),
            about,
        ),
        f"images/{image}/evidence/scan.json": (
            "scanner",
            VULNERABILITIES,
            _vulnerabilities(number),
            ("image", f"sha256:{image}"),
        ),
    }
    written = {
        path: signed(keys[who], kind, predicate, subject)
        for path, (who, kind, predicate, subject) in statements.items()
    }
    return written | {
        f"{folder}/README.md": card,
        f"{folder}/manifest.json": json.dumps(manifest, indent=2).encode(),
        f"{folder}/artifact.json": artifact_bytes(files),
    }


@contextmanager
def changed_evaluation(folder: Path, score: float) -> Iterator[None]:
    """Give the first version another evaluation while the block lasts."""
    model, version = names(0)
    file = folder / "catalogue" / "models" / model / version / "evidence" / "evaluation.json"
    artifact = json.loads((file.parent.parent / "manifest.json").read_bytes())["artifact_digest"]
    before = file.read_bytes()
    key = load_private_key(str(folder / "keys" / "eval.key"))
    file.write_bytes(signed(key, EVALUATION, evaluation(0, score), (f"{model}@{version}", artifact)))
    try:
        yield
    finally:
        file.write_bytes(before)


def signed(key: PrivateKey, kind: str, predicate: object, subject: tuple[str, str]) -> bytes:
    """A statement in a Sigstore bundle."""
    payload = statement_json(kind, predicate, [subject])
    return bundle_json(sign_envelope(PAYLOAD_TYPE, payload, [key]), key.public_key())


def _card(model: str, version: str, image: str) -> bytes:
    return f"""---
license: apache-2.0
base_model: sentence-transformers/all-MiniLM-L6-v2
datasets: [squad_v2]
metrics: [exact_match]
weighbridge:
  source: example/{model}
  sources: ["oci://registry.example.com/{model}@sha256:{hashlib.sha256(model.encode()).hexdigest()}"]
  images: [{{digest: "sha256:{image}", name: "registry.example.com/serve:{version}"}}]
  lineage: {{parent_run_id: "run-{version}", training_data: ["squad_v2"]}}
---

# {model} {version}

Answers questions from a knowledge base.
""".encode()


def _manifest(model: str, version: str, files: list[tuple[str, int, str]]) -> dict[str, object]:
    return {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Manifest",
        "model": model,
        "version": version,
        "artifact_digest": artifact_digest(files),
        "files": [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in files],
    }


def _provenance(number: int) -> dict[str, object]:
    repository = "https://github.com/example/training"
    commit = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
    return {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {"ref": "refs/heads/main", "repository": repository, "path": ".github/workflows/train.yml"}
            },
            "internalParameters": {"github": {"event_name": "push", "runner_environment": "github-hosted"}},
            "resolvedDependencies": [{"uri": f"git+{repository}@refs/heads/main", "digest": {"gitCommit": commit}}],
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {
                "invocationId": f"{repository}/actions/runs/{number}/attempts/1",
                "startedOn": "2026-01-09T00:00:00Z",
                "finishedOn": signed_at(number),
            },
        },
    }


def _signature(files: list[tuple[str, int, str]]) -> dict[str, object]:
    return {
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
        "resources": [{"name": path, "algorithm": "sha256", "digest": sha256} for path, _, sha256 in files],
    }


def evaluation(number: int, score: float) -> dict[str, object]:
    """An evaluation of one version."""
    dataset = {"uri": "https://huggingface.co/datasets/squad_v2", "digest": digest(b"squad_v2")}
    return {"metrics": {"exact_match": score, "f1": 0.95}, "dataset": dataset, "finished_at": signed_at(number)}


def _vulnerabilities(number: int) -> dict[str, object]:
    found = [
        {"id": f"CVE-2025-{10_000 + found}", "severity": [{"method": "nvd", "score": "2.1"}], "annotations": []}
        for found in range(number % 7000, number % 7000 + 3)
    ]
    return {
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@v0.50.0",
            "version": "0.50.0",
            "db": {"uri": "ghcr.io/aquasecurity/trivy-db", "version": "2", "lastUpdate": signed_at(number)},
            "result": found,
        },
        "metadata": {"scanStartedOn": signed_at(number), "scanFinishedOn": signed_at(number)},
    }
