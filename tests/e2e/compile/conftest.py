"""A small catalogue with real keys and real signatures, good in every respect: a test takes away, changes or adds.

One model version goes dev, staging, prod; everything that prod demands is there. What a test changes is changed the way
somebody with the right key, or with nothing but write access to the folder, could.
"""

import copy
import functools
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, CompileResult, compile_catalogue
from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.evidence.predicates import APPROVAL, EVALUATION, ORDER, PACKAGE, PROMOTION
from weighbridge.evidence.statement import statement_json
from weighbridge.keys import public_pem
from weighbridge.packaging.digest import artifact_bytes, artifact_digest
from weighbridge.registry.judgement import Judged, JudgingOptions, judge_catalogue
from weighbridge.registry.records import Record

AT = "2026-01-15T00:00:00Z"
AT_NS = parse_time_ns(AT)
DAY_NS = 86_400 * 10**9
VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2"
NAME = "qa@1.0.0"
IMAGE = "a" * 64
SIGNERS = ("ci", "eval", "scanner", "mlsec", "product", "oncall")
Json = dict[str, Any]


@functools.cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    """The key of that name; the same in a whole test run."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(name: str) -> bytes:
    return key(name).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def configuration() -> Json:
    about = {
        "packaged": {"predicate": PACKAGE, "about": "model", "signers": ["ci"], "rule": "package"},
        "evaluated": {"predicate": EVALUATION, "about": "model", "signers": ["eval"], "rule": "evaluation"},
        "scanned": {
            "predicate": VULNERABILITIES,
            "about": "images",
            "signers": ["scanner"],
            "rule": "vulnerabilities",
            "with": {"max_severity": "medium"},
            "max_age": "7d",
        },
    }
    one = {"signers": ["oncall", "mlsec"], "threshold": 1}
    two = {"signers": ["mlsec", "product"], "threshold": 2}
    kinds = {"revoke": one, "freeze": one, "suspend": one, "revoke-key": one, "route": one, "distrust": one}
    orders = {**kinds, "restore": two, "thaw": two, "resume": two}
    unmeshed = {"mutual_tls": {"by": "none"}}
    return {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Catalogue",
        "trust": {"signers": {name: {"key": f"keys/{name}.pub"} for name in SIGNERS}},
        "attestations": about,
        "environments": {
            "dev": {"requires": [], "workloads": unmeshed},
            "staging": {
                "requires": ["evaluated"],
                "promotes_from": "dev",
                "promotions": {"signers": ["ci"]},
                "workloads": unmeshed,
            },
            "prod": {
                "requires": ["evaluated", "scanned"],
                "promotes_from": "staging",
                "promotions": {"signers": ["ci"], "min_time": "24h"},
                "metrics": {"exact_match": {"min": 0.7}},
                "approvals": {"signers": ["mlsec", "product"], "threshold": 2},
                "orders": orders,
                "multi_tenant": True,
                "workloads": unmeshed,
                "routes": {"qa-now": {"models": ["qa"], "active": NAME}},
                "upstreams": {NAME: "http://127.0.0.1:8000"},
            },
        },
    }


def tenants() -> Json:
    keys = [{"id": "k7m2p9qa", "sha256": digest(b"a key"), "not_after": "2036-01-01T00:00:00Z"}]
    entitlement = {"models": ["qa"], "limits": {"max_tokens": 4096}, "keys": keys}
    return {
        "apiVersion": "weighbridge.dev/v1",
        "kind": "Tenants",
        "tenants": {"acme": {"environments": {"prod": entitlement}}},
    }


@dataclass
class Workshop:
    """A catalogue on disk and the keys to everything in it."""

    folder: Path
    configuration: Json = field(default_factory=configuration)

    @property
    def root(self) -> Path:
        return self.folder / "catalogue"

    @staticmethod
    def key(name: str) -> ec.EllipticCurvePrivateKey:
        return key(name)

    @staticmethod
    def pem(name: str) -> bytes:
        return pem(name)

    def write(self, path: str, data: bytes | str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        return file

    def configure(self, changes: Json | None = None) -> None:
        """Write weighbridge.yaml with parts replaced: JSON is YAML. Path parts are joined by `.`; None removes."""
        document = copy.deepcopy(self.configuration)
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            place = functools.reduce(lambda part, name: part[name], parents, document)
            if value is None:
                del place[last]
            else:
                place[last] = value
        self.configuration = document
        self.write("weighbridge.yaml", json.dumps(document, indent=1))

    def sign(self, path: str, kind: str, predicate: Json, subject: str, *signers: str) -> Path:
        payload = statement_json(kind, predicate, [("subject", subject)])
        return self.write(path, envelope_json(sign_envelope(PAYLOAD_TYPE, payload, [key(name) for name in signers])))

    def order(self, kind: str, target: str, *signers: str, **more: Any) -> str:
        """Write a signed order; returns its id."""
        predicate = {
            "id": str(uuid.uuid4()),
            "kind": kind,
            "target": target,
            "environments": ["prod"],
            "reason": "an incident",
            "issued_at": "2026-01-14T00:00:00Z",
            **more,
        }
        payload = statement_json(ORDER, predicate, [(ORDER, digest(canonical(predicate)))])
        envelope = sign_envelope(PAYLOAD_TYPE, payload, [key(name) for name in signers])
        self.write(f"orders/{predicate['id']}.json", envelope_json(envelope))
        return str(predicate["id"])

    def version(self, name: str = NAME, *, weights: bytes = b"weights", image: str = IMAGE) -> str:
        """Write a version with everything that prod demands; returns its artifact digest."""
        model, version = name.split("@")
        files = [("model.bin", len(weights), digest(weights).removeprefix("sha256:"))]
        artifact = artifact_digest(files)
        manifest = {
            "apiVersion": "weighbridge.dev/v1",
            "kind": "Manifest",
            "model": model,
            "version": version,
            "artifact_digest": artifact,
            "files": [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in files],
        }
        card = f"---\nlicense: mit\nweighbridge:\n  images: [{{digest: 'sha256:{image}'}}]\n---\n# {name}\n"
        folder = f"models/{model}/{version}"
        self.write(f"{folder}/README.md", card)
        self.write(f"{folder}/manifest.json", json.dumps(manifest))
        self.write(f"{folder}/artifact.json", artifact_bytes(files))
        self._evidence(folder, artifact, digest(canonical(manifest)), digest(card.encode()))
        self.scan(image)
        return artifact

    def _evidence(self, folder: str, artifact: str, manifest: str, card: str) -> None:
        package = {"manifest_sha256": manifest, "card_sha256": card, "at": "2026-01-01T00:00:00Z"}
        self.sign(f"{folder}/evidence/package.json", PACKAGE, package, artifact, "ci")
        self.evaluation(folder, artifact)
        for signer in ("mlsec", "product"):
            approval = {"environment": "prod", "manifest_sha256": manifest, "at": "2026-01-12T00:00:00Z"}
            self.sign(f"{folder}/evidence/approval-{signer}.json", APPROVAL, approval, artifact, signer)
        for source, target, at in (("dev", "staging", "2026-01-05"), ("staging", "prod", "2026-01-13")):
            self.promotion(folder, artifact, source, target, at=f"{at}T00:00:00Z")

    def promotion(self, folder: str, artifact: str, source: str, target: str, *, at: str, signer: str = "ci") -> Path:
        promotion = {"from": source, "to": target, "at": at, "record_sha256": digest(b"")}
        return self.sign(f"{folder}/evidence/promotion-{target}.json", PROMOTION, promotion, artifact, signer)

    def evaluation(self, folder: str, artifact: str, score: Any = 0.9, signer: str = "eval") -> Path:
        predicate = {
            "metrics": {"exact_match": score},
            "dataset": {"uri": "https://example.com/data", "digest": digest(b"data")},
            "finished_at": "2026-01-02T00:00:00Z",
        }
        return self.sign(f"{folder}/evidence/evaluation.json", EVALUATION, predicate, artifact, signer)

    def scan(self, image: str = IMAGE, *, at: str = "2026-01-14T00:00:00Z", severity: str = "low") -> Path:
        result = [{"id": "CVE-2025-10000", "severity": [{"method": "nvd", "score": severity}]}]
        predicate = {
            "scanner": {
                "uri": "pkg:github/aquasecurity/trivy",
                "version": "0.50.0",
                "db": {"uri": "ghcr.io/aquasecurity/trivy-db", "version": "2", "lastUpdate": at},
                "result": result,
            },
            "metadata": {"scanStartedOn": at, "scanFinishedOn": at},
        }
        return self.sign(f"images/{image}/evidence/scan.json", VULNERABILITIES, predicate, f"sha256:{image}", "scanner")

    def judge(self, at_ns: int = AT_NS, **options: Any) -> Judged:
        return judge_catalogue(self.root, JudgingOptions(at_ns=at_ns, **options))

    def record(self, environment: str = "prod", name: str = NAME, at_ns: int = AT_NS) -> Record:
        return self.judge(at_ns).records[environment][name]

    def codes(self, environment: str = "prod", name: str = NAME, at_ns: int = AT_NS) -> set[str]:
        """The codes for which a version is refused; empty if it is approved."""
        record = self.record(environment, name, at_ns)
        assert record.approved is not bool(record.reasons)
        return {reason.code for reason in record.reasons}

    def compile(self, output: str = "out", **options: Any) -> CompileResult:
        chosen = {"release_key": key("release"), "at_ns": AT_NS, "output": self.folder / output, **options}
        return compile_catalogue(self.root, CompileOptions(**chosen))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A catalogue with one version, approved in every environment."""
    made = Workshop(tmp_path)
    for name in SIGNERS:
        made.write(f"keys/{name}.pub", public_pem(key(name).public_key()))
    made.configure()
    made.write("tenants.yaml", json.dumps(tenants()))
    made.version()
    return made
