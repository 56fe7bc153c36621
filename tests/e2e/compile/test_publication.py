"""Where weights lie, by signed evidence: what the environment requires, and enough keys say, becomes a source."""

import json
from typing import Any

import pytest

from weighbridge.evidence.predicates import PUBLICATION

pytestmark = pytest.mark.engines
HEX = "c" * 64
ADDRESS = f"oci://registry.example.com/models/qa@sha256:{HEX}"
OTHER = f"oci://mirror.example.com/models/qa@sha256:{HEX}"
EVIDENCE = "models/qa/1.0.0/evidence"
Workshop = Any


def publish(workshop: Workshop, *sources: Any, signer: str = "ci", at: str = "2026-01-10T00:00:00Z") -> None:
    manifest = json.loads((workshop.root / "models/qa/1.0.0/manifest.json").read_text())
    predicate = {"sources": list(sources), "at": at}
    workshop.sign(f"{EVIDENCE}/publication-{signer}.json", PUBLICATION, predicate, manifest["artifact_digest"], signer)


def require(workshop: Workshop, *signers: str, **more: Any) -> None:
    attestation = {"predicate": PUBLICATION, "about": "model", "signers": list(signers), "rule": "publication", **more}
    workshop.configure(
        {"attestations.published": attestation, "environments.prod.requires": ["evaluated", "scanned", "published"]}
    )


def test_what_was_published_is_a_source(workshop: Workshop) -> None:
    require(workshop, "ci")
    publish(workshop, ADDRESS, OTHER)
    assert workshop.record().sources == (OTHER, ADDRESS)
    assert workshop.record("staging").sources == ()
    assert workshop.record("staging").approved, "an environment that requires no publication gets no source from one"


def test_a_required_publication_that_is_missing_refuses(workshop: Workshop) -> None:
    require(workshop, "ci")
    assert workshop.codes() == {"REL-002"}


@pytest.mark.parametrize(
    ("sources", "signer", "more"),
    [
        (["oci://registry.example.com/models/qa:latest"], "ci", {}),
        ([ADDRESS, "hf://acme/qa@main"], "ci", {}),
        ([ADDRESS], "scanner", {}),
        ([ADDRESS], "ci", {"with": {"registries": ["oci://mirror.example.com/"]}}),
        ([ADDRESS], "ci", {"with": {"registry": "oci://registry.example.com/"}}),
    ],
    ids=["a tag", "one of them a branch", "another's key", "another registry", "an unknown parameter"],
)
def test_what_nobody_may_publish_refuses(workshop: Workshop, sources: list[str], signer: str, more: Any) -> None:
    require(workshop, "ci", **more)
    publish(workshop, *sources, signer=signer)
    assert workshop.codes() == {"REL-003"}
    assert workshop.record().sources == ()


def test_only_what_enough_keys_say_is_a_source(workshop: Workshop) -> None:
    require(workshop, "ci", "mlsec", threshold=2)
    publish(workshop, ADDRESS)
    publish(workshop, ADDRESS, OTHER, signer="mlsec")
    assert workshop.record().sources == (ADDRESS,)


def test_the_latest_publication_decides(workshop: Workshop) -> None:
    require(workshop, "ci")
    publish(workshop, ADDRESS)
    first = (workshop.root / EVIDENCE / "publication-ci.json").read_bytes()
    publish(workshop, OTHER, at="2026-01-11T00:00:00Z")
    workshop.write(f"{EVIDENCE}/publication-replayed.json", first)
    assert workshop.record().sources == (OTHER,)
