"""A workshop that makes catalogues in memory: real keys, real signatures, and the real engine to judge them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge import keys, resources
from weighbridge.catalogue.card import CardBlock
from weighbridge.catalogue.catalogue import Catalogue, EvidenceFile, ModelVersion, Signer
from weighbridge.catalogue.configuration import Configuration
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.opa import OpaServer
from weighbridge.evidence.attest import attest
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.evidence.predicates import PACKAGE
from weighbridge.evidence.trusted_root import shipped_root
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from weighbridge.evidence.state import VersionEvidence

AT = parse_time_ns("2026-01-15T00:00:00Z")
DIGEST = "sha256:" + "d" * 64
MANIFEST = "sha256:" + "a" * 64
CARD = "sha256:" + "c" * 64
IMAGE = "sha256:" + "1" * 64
OTHER_IMAGE = "sha256:" + "2" * 64
FILES = [("config.json", 2, "b" * 64), ("weights.bin", 3, "e" * 64)]

_KEYS: dict[str, keys.PrivateKey] = {}


def key_of(name: str) -> keys.PrivateKey:
    """The same key for the same name, all through a test run."""
    if name not in _KEYS:
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (2**255)
        _KEYS[name] = ec.derive_private_key(seed, ec.SECP256R1())
    return _KEYS[name]


def payload(
    predicate_type: str,
    predicate: Any,
    subject: str | Sequence[str] = DIGEST,
    kind: str = "https://in-toto.io/Statement/v1",
    **more: Any,
) -> bytes:
    """The bytes of a statement; `more` replaces fields."""
    subjects = [subject] if isinstance(subject, str) else subject
    listed = [{"name": "artifact", "digest": {"sha256": given.removeprefix("sha256:")}} for given in subjects]
    statement = {"_type": kind, "subject": listed, "predicateType": predicate_type, "predicate": predicate}
    return json.dumps(statement | more).encode()


def signed(data: bytes, *signers: str, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """A bare envelope around the bytes, by the keys of these names."""
    return envelope_json(sign_envelope(payload_type, data, [key_of(name) for name in signers]))


def package_predicate(at: str = "2026-01-01T00:00:00Z", manifest: str = MANIFEST, card: str = CARD) -> dict[str, Any]:
    return {"manifest_sha256": manifest, "card_sha256": card, "at": at}


def evaluation_predicate(score: float = 0.8, at: str = "2026-01-02T00:00:00Z") -> dict[str, Any]:
    dataset = {"uri": "https://example.com/squad", "digest": "sha256:" + "5" * 64}
    return {"metrics": {"exact_match": score}, "dataset": dataset, "finished_at": at}


def scan_predicate(at: str = "2026-01-14T00:00:00Z", *severities: str) -> dict[str, Any]:
    result = [
        {"id": f"CVE-2026-{number}", "severity": [{"method": "nvd", "score": score}]}
        for number, score in enumerate(severities)
    ]
    return {
        "scanner": {"uri": "https://example.com/scanner", "version": "1", "result": result},
        "metadata": {"scanStartedOn": at, "scanFinishedOn": at},
    }


@dataclass
class Workshop:
    """A catalogue of one version, put together piece by piece."""

    engine: OpaServer | None
    attestations: dict[str, Any] = field(default_factory=dict)
    signers: dict[str, dict[str, Any]] = field(default_factory=dict)
    roots: dict[str, bytes] = field(default_factory=dict)
    """Trusted roots beside the shipped one, by name."""
    same_key: dict[str, str] = field(default_factory=dict)
    """Signer to the name whose key it has."""
    environments: dict[str, Any] = field(default_factory=lambda: {"prod": {}})
    evidence: list[EvidenceFile] = field(default_factory=list)
    images: dict[str, list[EvidenceFile]] = field(default_factory=dict)
    serving: list[str] = field(default_factory=list)

    def trust(self, *names: str, **more: Any) -> None:
        for name in names:
            self.signers[name] = {"key": f"keys/{name}.pub", **more}

    def attestation(
        self, name: str, predicate: str, rule: str, *signers: str, about: str = "model", **more: Any
    ) -> None:
        self.trust(*(signer for signer in signers if signer not in self.signers))
        self.attestations[name] = {
            "predicate": predicate,
            "about": about,
            "signers": list(signers),
            "rule": rule,
            **more,
        }

    def add(self, data: bytes, name: str = "", image: str = "") -> str:
        """Put a file into the version's evidence, or an image's; returns its path."""
        files = self.images.setdefault(image, []) if image else self.evidence
        folder = f"images/{image.removeprefix('sha256:')}" if image else "models/m/1"
        path = f"{folder}/evidence/{name or f'{len(files)}.json'}"
        files.append(EvidenceFile(path, data))
        return path

    def packaged(self) -> None:
        self.attestation("packaged", PACKAGE, "package", "ci")
        self.add(signed(payload(PACKAGE, package_predicate()), "ci"), "package.json")

    def catalogue(self) -> Catalogue:
        document = {
            "apiVersion": "weighbridge.dev/v1", "kind": "Catalogue",
            "trust": {"signers": self.signers, "sigstore": {name: f"trust/{name}.json" for name in self.roots}},
            "attestations": self.attestations, "environments": self.environments,
        }  # fmt: skip
        configuration = Configuration.model_validate(document)
        manifest = Manifest.model_construct(
            files=tuple(_File(path, size, digest) for path, size, digest in FILES),
        )
        version = ModelVersion(
            model="m", version="1", name="m@1",
            card=CardBlock.model_validate({"images": [{"digest": digest} for digest in self.serving]}),
            front_matter={}, card_sha256=CARD, manifest=manifest, manifest_sha256=MANIFEST, artifact_digest=DIGEST,
            evidence=tuple(self.evidence),
        )  # fmt: skip
        signers = {name: self._signer(name, configuration) for name in self.signers}
        return Catalogue(
            root=Path("catalogue"), configuration=configuration, tenants=None, signers=signers,
            versions={"m@1": version},
            images={digest: tuple(files) for digest, files in self.images.items()}, orders=(), acceptance=(),
            policies=(), trusted={}, trust_sha256="sha256:" + "0" * 64, roots={"public": shipped_root(), **self.roots},
        )  # fmt: skip

    def _signer(self, name: str, configuration: Configuration) -> Signer:
        document = configuration.trust.signers[name]
        if document.key is None:
            return Signer(name, document, None, document.sigstore.fingerprint)
        public = key_of(self.same_key.get(name, name)).public_key()
        return Signer(name, document, public, keys.fingerprint(public))

    def attest(self, at_ns: int = AT, engine: Any = None) -> VersionEvidence:
        return attest(self.catalogue(), at_ns=at_ns, engine=engine or self.engine)["m@1"]

    def reasons(self, name: str, **more: Any) -> str:
        """Everything that is said against one attestation, and that it does not hold."""
        state = self.attest(**more).attestations[name]
        assert not state.held
        refused = [refusal.reason for refusal in state.refused]
        return "; ".join([*refused, *(reason for verdict in state.verdicts for reason in verdict.reasons)])


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    sha256: str


@pytest.fixture(scope="session")
def evidence_engine() -> Iterator[OpaServer]:
    with OpaServer([resources.policies() / "evidence"]) as server:
        yield server


@pytest.fixture
def workshop(evidence_engine: OpaServer) -> Workshop:
    return Workshop(evidence_engine)


def edited(data: bytes, **fields: Any) -> bytes:
    """The envelope with fields replaced, its signatures untouched."""
    document: Mapping[str, Any] = json.loads(data)
    return json.dumps({**document, **fields}).encode()


@pytest.fixture
def kit() -> Any:
    """The functions above: a test file cannot import this one."""
    return _KIT


_KIT = SimpleNamespace(
    AT=AT, DIGEST=DIGEST, MANIFEST=MANIFEST, CARD=CARD, IMAGE=IMAGE, OTHER_IMAGE=OTHER_IMAGE, FILES=FILES,
    key_of=key_of, payload=payload, signed=signed, edited=edited, package=package_predicate,
    evaluation=evaluation_predicate, scan=scan_predicate, Workshop=Workshop,
)  # fmt: skip
