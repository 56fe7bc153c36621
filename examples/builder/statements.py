"""What is signed about the example's models, images and tenants: one function a predicate.

Sources: in-toto Statement v1, SLSA provenance v1, in-toto vulns v0.2, OpenSSF model signing v1.0; the others are
Weighbridge's own.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from builder.evaluate import Evaluation
from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.names import format_time
from weighbridge.evidence.dsse import PAYLOAD_TYPE, bundle_json, envelope_json, sign_envelope
from weighbridge.evidence.image_profile import ImageProfilePredicate
from weighbridge.evidence.predicates import APPROVAL, EVALUATION, MODEL_SIGNATURE, ORDER, PROMOTION, PUBLICATION
from weighbridge.evidence.statement import model_signing_root, statement_json
from weighbridge.packaging.package import Package
from weighbridge.sbom.described import describe
from weighbridge.sbom.write import make_sbom, sign_sbom

PROVENANCE = "https://slsa.dev/provenance/v1"
VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2"
IMAGE_PROFILE = "https://weighbridge.dev/image-profile/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
_ORDERS = uuid.UUID("6f8d2c1e-1d6a-5a57-9b0e-3f6a1c9e7b42")
Key = ec.EllipticCurvePrivateKey


def bundle(predicate_type: str, predicate: Any, subject: tuple[str, str], key: Key) -> bytes:
    """A statement about one subject in a Sigstore bundle, as cosign writes it."""
    payload = statement_json(predicate_type, predicate, [subject])
    return bundle_json(sign_envelope(PAYLOAD_TYPE, payload, [key]), key.public_key())


def envelope(predicate_type: str, predicate: Any, subject: tuple[str, str], key: Key) -> bytes:
    """A statement about one subject in a bare DSSE envelope."""
    return envelope_json(sign_envelope(PAYLOAD_TYPE, statement_json(predicate_type, predicate, [subject]), [key]))


def provenance(packaged: Package, key: Key, at_ns: int) -> bytes:
    """How the version was built, SLSA provenance v1, signed."""
    return bundle(PROVENANCE, provenance_predicate(packaged, at_ns), ("artifact.json", packaged.digest), key)


def provenance_predicate(packaged: Package, at_ns: int) -> dict[str, Any]:
    """How the version was built, as its builder says."""
    return {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": "refs/heads/main",
                    "repository": f"https://github.com/example/{packaged.manifest.model}",
                    "path": ".github/workflows/release.yaml",
                }
            },
            "internalParameters": {"github": {"event_name": "push"}},
            "resolvedDependencies": [
                {
                    "uri": f"git+https://github.com/example/{packaged.manifest.model}@refs/heads/main",
                    "digest": {"gitCommit": hashlib.sha1(packaged.name.encode(), usedforsecurity=False).hexdigest()},
                }
            ],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/actions/runner"},
            "metadata": {
                "invocationId": f"https://github.com/example/{packaged.manifest.model}/actions/runs/1",
                "startedOn": format_time(at_ns - 600 * 10**9),
                "finishedOn": format_time(at_ns),
            },
        },
    }


def publication(packaged: Package, address: str, key: Key, at_ns: int) -> bytes:
    """Where the version was pushed to."""
    predicate = {"sources": [address], "at": format_time(at_ns)}
    return bundle(PUBLICATION, predicate, (packaged.name, packaged.digest), key)


def sbom(folder: Path, key: Key, at_ns: int) -> bytes:
    """The bill of materials of the version that was packaged into a folder."""
    return sign_sbom(make_sbom(describe(folder, None, format_time(at_ns)), "cyclonedx-1.6"), key)


def model_signature(packaged: Package, key: Key) -> bytes:
    """What OpenSSF's model signing writes about the model's folder."""
    predicate = {
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
        "resources": [
            {"name": path, "algorithm": "sha256", "digest": sha256}
            for path, _, sha256 in sorted(packaged.manifest.entries())
        ],
    }
    subject = (packaged.manifest.model, model_signing_root(predicate))
    return bundle(MODEL_SIGNATURE, predicate, subject, key)


def evaluation(packaged: Package, measured: Evaluation, key: Key, at_ns: int) -> bytes:
    """What the version scored, signed."""
    return bundle(EVALUATION, evaluation_predicate(measured, at_ns), (packaged.name, packaged.digest), key)


def evaluation_predicate(measured: Evaluation, at_ns: int) -> dict[str, Any]:
    """What a version scored."""
    return {
        "metrics": {"exact_match": measured.exact_match},
        "dataset": {
            "uri": f"https://example.com/datasets/{measured.dataset}",
            "digest": measured.dataset_digest,
        },
        "finished_at": format_time(at_ns),
    }


def scan(image: str, image_digest: str, key: Key, at_ns: int) -> bytes:
    """A scan of a serving image: one finding, of low severity."""
    predicate = {
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@v0.58.0",
            "version": "0.58.0",
            "db": {"uri": "pkg:github/aquasecurity/trivy-db", "lastUpdate": format_time(at_ns - 3600 * 10**9)},
            "result": [{"id": "CVE-2025-0001", "severity": [{"method": "nvd", "score": "low"}]}],
        },
        "metadata": {"scanStartedOn": format_time(at_ns - 60 * 10**9), "scanFinishedOn": format_time(at_ns)},
    }
    return bundle(VULNERABILITIES, predicate, (image, image_digest), key)


def image_profile(image: str, image_digest: str, key: Key, at_ns: int) -> bytes:
    """What is in a serving image, signed."""
    predicate = image_profile_predicate(image, image_digest, at_ns)
    return bundle(IMAGE_PROFILE, predicate, (image, image_digest), key)


def image_profile_predicate(image: str, image_digest: str, at_ns: int) -> dict[str, Any]:
    """What is in a serving image, as `weighbridge image profile` tells it: nothing that serving has no use for."""
    layer = digest(f"layer of {image}".encode())
    profile = {
        "digest": image_digest,
        "config_digest": digest(f"configuration of {image}".encode()),
        "platform": "linux/amd64",
        "layers": [{"digest": layer, "diff_id": layer, "size": 48_000_000, "entries": 1200}],
        "base": {"family": "distroless", "id": "debian", "version": "12", "name": "Distroless"},
        "minimal": True,
        "user": {"given": "65532", "uid": 65532, "gid": 65532, "numeric": True},
        "entrypoint": ["/usr/bin/serve"],
    }
    predicate = {
        "at": format_time(at_ns),
        "tool": {"name": "weighbridge", "version": "0.1.0"},
        "name": image,
        "digest": image_digest,
        "images": [profile],
    }
    return ImageProfilePredicate.model_validate(predicate).model_dump(mode="json", exclude_none=True)


def image_components(image: str, image_digest: str, key: Key, at_ns: int) -> bytes:
    """The bill of materials of a serving image."""
    predicate = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": format_time(at_ns),
            "component": {"type": "container", "name": image, "version": image_digest},
        },
        "components": [
            {"type": "library", "name": name, "version": version, "licenses": [{"license": {"id": license_}}]}
            for name, version, license_ in (
                ("onnxruntime", "1.20.1", "MIT"),
                ("numpy", "2.1.3", "BSD-3-Clause"),
                ("protobuf", "5.29.2", "BSD-3-Clause"),
            )
        ],
    }
    return bundle(CYCLONEDX, predicate, (image, image_digest), key)


def approval(packaged: Package, environment: str, key: Key, at_ns: int) -> bytes:
    """A person's consent."""
    predicate = {
        "environment": environment,
        "manifest_sha256": packaged.manifest_sha256,
        "at": format_time(at_ns),
    }
    return envelope(APPROVAL, predicate, (packaged.name, packaged.digest), key)


def promotion(packaged: Package, source: str, target: str, key: Key, at_ns: int) -> bytes:
    """That the version was moved from one environment into the next."""
    record = {
        "environment": source,
        "model": packaged.manifest.model,
        "version": packaged.manifest.version,
        "approved": True,
        "digest": packaged.digest,
    }
    predicate = {"from": source, "to": target, "at": format_time(at_ns), "record_sha256": digest(canonical(record))}
    return envelope(PROMOTION, predicate, (packaged.name, packaged.digest), key)


def order(kind: str, target: str, reason: str, key: Key, at_ns: int) -> bytes:
    """An operator's order for prod."""
    predicate = {
        "id": str(uuid.uuid5(_ORDERS, f"{kind} {target}")),
        "kind": kind,
        "target": target,
        "environments": ["prod"],
        "reason": reason,
        "reference": "https://example.com/incidents/17",
        "issued_at": format_time(at_ns),
    }
    return envelope(ORDER, predicate, (ORDER, digest(canonical(predicate))), key)
