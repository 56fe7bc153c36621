"""Keyless evidence, and times that others vouch for, through the whole of judging a version."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.private_sigstore.instance import EPOCH, IDENTITY, ISSUER, Instance
from tests.private_sigstore.log import Log, b64, dsse_body

from weighbridge.catalogue.names import NEVER_NS, format_time
from weighbridge.evidence.context import context_of
from weighbridge.evidence.dsse import PAYLOAD_TYPE, bundle_json, pae, sign_envelope
from weighbridge.evidence.predicates import EVALUATION, PACKAGE
from weighbridge.keys import public_pem

DATA = Path(__file__).parents[1] / "keyless" / "data"
OTHER = "https://git.example.com/acme/models/.ci/evaluate.yml@refs/heads/main"
DAY = timedelta(days=1)
NEWER = "2026-01-03T00:00:00Z"


def ns(when: datetime) -> int:
    return int(when.timestamp()) * 10**9


def text(when: datetime) -> str:
    return format_time(ns(when))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def instance() -> Instance:
    return Instance()


@pytest.fixture
def shop(workshop, instance):
    """A workshop that trusts the private instance and one workflow of it."""
    workshop.packaged()
    workshop.roots["private"] = json.dumps(instance.trusted_root()).encode()
    return workshop


def keyless(identity: str = IDENTITY, **more: Any) -> dict[str, Any]:
    times = {name: more.pop(name) for name in ("compromised_from", "not_before", "not_after") if name in more}
    return {"sigstore": {"issuer": ISSUER, "identity": identity, "root": "private"} | more} | times


def add(shop, instance, payload: bytes, identity: str = IDENTITY, **more: Any) -> str:
    return shop.add(json.dumps(instance.bundle(payload, identity, **more)).encode())


def test_a_keyless_signer_counts(shop, instance, kit):
    shop.signers["eval"] = keyless()
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    path = add(shop, instance, kit.payload(EVALUATION, kit.evaluation()))
    (verdict,) = shop.attest().attestations["eval"].verdicts
    assert (verdict.file, verdict.signer, verdict.passed) == (path, "eval", True)
    assert verdict.fingerprint == shop.catalogue().signers["eval"].fingerprint


def test_a_keyless_signer_is_held_to_its_attestation_subject_and_type(shop, instance, kit):
    shop.signers["eval"] = keyless()
    shop.signers["other"] = keyless(OTHER)
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()), OTHER)
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation(), "sha256:" + "9" * 64))
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()), payload_type="application/json")
    reasons = shop.reasons("eval")
    assert "signed by other, whom eval does not name" in reasons
    assert "speaks about another subject" in reasons
    assert any("payload type 'application/json'" in given.reason for given in shop.attest().refused)


def test_a_package_statement_about_two_artifacts_is_one_about_none(shop, instance, kit):
    shop.signers["ci"] = keyless()
    shop.evidence.clear()
    add(shop, instance, kit.payload(PACKAGE, kit.package(at="2026-01-01T00:00:00Z"), [kit.DIGEST, kit.IMAGE]))
    assert "speaks about 2 subjects" in shop.reasons("packaged")
    add(shop, instance, kit.payload(PACKAGE, kit.package(at="2026-01-01T00:00:00Z")))
    assert shop.attest().package.matched


def test_an_unverifiable_bundle_says_for_which_attestation_it_does_not_count(shop, instance, kit):
    shop.signers["eval"] = keyless()
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()), scts=0)
    assert "has no SCT" in shop.reasons("eval")


def test_two_certificates_of_one_identity_are_one_signer(shop, instance, kit):
    shop.signers |= {"one": keyless(), "two": keyless(OTHER)}
    shop.attestation("eval", EVALUATION, "evaluation", "one", "two", threshold=2)
    for score in (0.8, 0.9):
        at = f"2026-01-02T00:00:0{int(score * 10)}Z"
        add(shop, instance, kit.payload(EVALUATION, kit.evaluation(score, at)))
    assert not shop.attest().attestations["eval"].held
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()), OTHER)
    assert shop.attest().attestations["eval"].held


def test_a_newer_failure_beats_an_older_pass_whatever_the_certificate(shop, instance, kit):
    pattern = r"https://git\.example\.com/acme/models/[^@]+@refs/heads/main"
    shop.signers["eval"] = keyless(identity=None, identity_pattern=pattern)
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation(0.8, "2026-01-02T00:00:00Z")))
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation(0.8) | {"metrics": {}, "finished_at": NEWER}), OTHER)
    assert not shop.attest().attestations["eval"].held


def test_the_certificates_time_is_held_to_the_signers_period(shop, instance, kit):
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()))
    shop.signers["eval"] = keyless(not_after=text(EPOCH + DAY))
    (verdict,) = shop.attest().attestations["eval"].verdicts
    assert verdict.expires_ns == NEVER_NS
    for period in ({"not_after": text(EPOCH)}, {"not_before": text(EPOCH + DAY)}):
        shop.signers["eval"] = keyless(**period)
        assert "does not count at 2026-01-01T00:00:00Z, when it was signed" in shop.reasons("eval")


def test_a_bundle_from_after_at_is_refused(shop, instance, kit):
    shop.signers["eval"] = keyless()
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation(at="2025-12-30T00:00:00Z")))
    assert "was signed at 2026-01-01T00:00:00Z, later than --at" in shop.reasons("eval", at_ns=ns(EPOCH - DAY))


def test_a_compromised_identity_counts_for_what_it_signed_before(shop, instance, kit):
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()))
    shop.signers["eval"] = keyless(compromised_from=text(EPOCH + timedelta(seconds=1)))
    assert shop.attest().attestations["eval"].held
    shop.signers["eval"] = keyless(compromised_from=text(EPOCH))
    assert "but after it was compromised" in shop.reasons("eval")


def test_a_compromised_identity_is_so_under_every_name(shop, instance, kit):
    pattern = r"https://git\.example\.com/acme/[^@]+@refs/heads/main"
    shop.signers["eval"] = keyless(identity=None, identity_pattern=pattern)
    shop.signers["old"] = keyless(compromised_from=text(EPOCH), claims={"build_trigger": "never"})
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    add(shop, instance, kit.payload(EVALUATION, kit.evaluation()))
    assert "but after it was compromised" in shop.reasons("eval")


def key_bundle(kit, instance: Instance, *, logged: datetime | None = None, stamped: bool = False, **more: Any) -> bytes:
    """What the key `ev` signed, with an entry in the log or a timestamp."""
    payload = kit.payload(EVALUATION, kit.evaluation())
    key = kit.key_of("ev")
    envelope = sign_envelope(PAYLOAD_TYPE, payload, [key])
    document = json.loads(bundle_json(envelope, key.public_key()))
    material = document["verificationMaterial"]
    if logged is not None:
        pem = more.get("pem", public_pem(key.public_key())).encode()
        body = dsse_body(document["dsseEnvelope"], more.get("logged_payload", payload), pem)
        log = more.get("log", instance.log)
        material["tlogEntries"] = [log.entry(more.get("body", body), int(logged.timestamp()))]
    if stamped:
        material["timestampVerificationData"] = instance.timestamps(envelope.signatures[0].value)
    for edit in more.get("edits", ()):
        edit(material)
    return json.dumps(document).encode()


@pytest.fixture
def stolen(shop):
    """The key `ev` was stolen a day after the epoch."""
    shop.trust("ev", compromised_from=text(EPOCH + DAY))
    shop.attestation("eval", EVALUATION, "evaluation", "ev")
    return shop


def test_a_stolen_keys_evidence_counts_if_the_log_saw_it_before(stolen, instance, kit):
    stolen.add(key_bundle(kit, instance, logged=EPOCH))
    assert stolen.attest().attestations["eval"].held


def test_a_stolen_keys_evidence_counts_if_it_was_stamped_before(shop, instance, kit):
    shop.attestation("eval", EVALUATION, "evaluation", "ev")
    shop.add(key_bundle(kit, instance, stamped=True))
    at = ns(now() + DAY)
    for days, held in ((1, True), (-1, False)):
        shop.trust("ev", compromised_from=text(now() + days * DAY))
        assert shop.attest(at).attestations["eval"].held is held
    assert "but after it was compromised" in shop.reasons("eval", at_ns=at)


def drop(*path: str):
    def edit(material):
        entry = material["tlogEntries"][0]
        for part in path[:-1]:
            entry = entry[part]
        del entry[path[-1]]

    return edit


def change(name: str, value: Any):
    def edit(material):
        material["tlogEntries"][0][name] = value

    return edit


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "holds no timestamp, and no log entry"),
        ({"logged": EPOCH + DAY}, "but after it was compromised"),
        ({"logged": EPOCH, "edits": [drop("inclusionPromise")]}, "holds no timestamp, and no log entry"),
        ({"logged": EPOCH, "edits": [drop("inclusionProof")]}, "inclusionProof Field required"),
        ({"logged": EPOCH, "edits": [drop("inclusionProof", "checkpoint")]}, "must contain inclusion proof"),
        ({"logged": EPOCH, "edits": [change("integratedTime", "1767139200")]}, "invalid inclusion promise"),
        ({"logged": EPOCH, "edits": [change("integratedTime", "soon")]}, "whose time cannot be read"),
        ({"logged": EPOCH, "logged_payload": b"another"}, "is about another payload"),
        ({"logged": EPOCH, "pem": "not a key"}, "log entry cannot be read"),
        ({"logged": EPOCH, "log": Log("other.example.com")}, "does not verify"),
        ({"logged": EPOCH, "body": {"apiVersion": "0.0.2", "kind": "intoto"}}, "is of the kind intoto/0.0.2"),
        ({"logged": EPOCH, "body": {"apiVersion": "0.0.1", "kind": "dsse"}}, "log entry cannot be read"),
    ],
)
def test_a_stolen_keys_evidence_without_such_a_time_is_refused(stolen, instance, kit, more, reason):
    stolen.add(key_bundle(kit, instance, **more))
    reasons = stolen.reasons("eval")
    assert "signed by ev, " in reasons
    assert reason in reasons


def test_an_old_entry_for_another_signature_of_the_stolen_key_proves_nothing(stolen, instance, kit):
    """The thief signs anew and adds the log entry of an honest statement with the same payload."""
    old = json.loads(key_bundle(kit, instance, logged=EPOCH))
    forged = json.loads(kit.signed(kit.payload(EVALUATION, kit.evaluation(0.99)), "ev"))
    stolen.add(json.dumps(old | {"dsseEnvelope": forged}).encode())
    assert "is about another payload" in stolen.reasons("eval")


def test_an_entry_for_another_signature_over_the_same_payload_proves_nothing(stolen, instance, kit):
    key, payload = kit.key_of("ev"), kit.payload(EVALUATION, kit.evaluation())
    again = key.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(hashes.SHA256()))
    body = dsse_body({"signatures": [{"sig": b64(again)}]}, payload, public_pem(key.public_key()).encode())
    stolen.add(key_bundle(kit, instance, logged=EPOCH, body=body))
    assert "is about another signature" in stolen.reasons("eval")


def test_an_entry_for_another_key_proves_nothing(stolen, instance, kit):
    other = public_pem(kit.key_of("somebody").public_key())
    stolen.add(key_bundle(kit, instance, logged=EPOCH, pem=other))
    assert "is about another signature" in stolen.reasons("eval")


def test_a_strangers_timestamp_proves_nothing(stolen, instance, kit):
    stolen.add(key_bundle(kit, Instance(), stamped=True))
    assert "no timestamp authority of the trusted root" in stolen.reasons("eval")


def test_a_keys_period_is_compared_with_its_proven_time(shop, instance, kit):
    shop.trust("ev", not_before=text(EPOCH - DAY), not_after=text(EPOCH + DAY))
    shop.attestation("eval", EVALUATION, "evaluation", "ev")
    shop.add(key_bundle(kit, instance))
    assert "does not count at --at" in shop.reasons("eval")
    shop.evidence.pop()
    shop.add(key_bundle(kit, instance, logged=EPOCH))
    assert shop.attest().attestations["eval"].held
    shop.evidence.pop()
    shop.add(key_bundle(kit, instance, logged=EPOCH + 2 * DAY))
    assert "when it was signed" in shop.reasons("eval")


def test_real_provenance_from_pypi_counts_for_its_subject(workshop, kit):
    """A PEP 740 attestation, verified offline with the shipped root and judged by the real rule."""
    digest = "sha256:9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"
    identity = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19"
    workshop.packaged()
    workshop.serving = [digest]
    issuer = "https://token.actions.githubusercontent.com"
    workshop.signers["gha"] = {"sigstore": {"issuer": issuer, "identity": identity}}
    given = {"about": "images", "with": {"builders": [identity]}}
    workshop.attestation("slsa", "https://slsa.dev/provenance/v1", "slsa_provenance", "gha", **given)
    workshop.add((DATA / "pypi-slsa.json").read_bytes(), image=digest)
    state = workshop.attest().attestations["slsa"]
    assert state.held, state
    workshop.serving = [kit.IMAGE]
    workshop.images = {kit.IMAGE: workshop.images[digest]}
    assert "speaks about another subject" in workshop.reasons("slsa")


def test_what_trust_and_the_log_say_is_in_json_form_only_once(shop, instance, kit):
    """`b64` of the payload in another alphabet or with white space is no second reading of one statement."""
    bundle = instance.bundle(kit.payload(EVALUATION, kit.evaluation()))
    bundle["dsseEnvelope"]["payload"] = b64(b"{}") + "\n"
    shop.signers["eval"] = keyless()
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    shop.add(json.dumps(bundle).encode())
    assert any("is not base64" in given.reason for given in shop.attest().refused)


def test_a_context_with_keyless_signers_reaches_other_processes(shop, instance, kit):
    shop.signers["eval"] = keyless()
    shop.attestation("eval", EVALUATION, "evaluation", "eval")
    context = pickle.loads(pickle.dumps(context_of(shop.catalogue(), kit.AT)))
    assert [signer.name for signer in context.keyless] == ["eval"]
    assert set(context.roots) == {"private", "public"}
