"""Keys and statements in both directions with the real cosign v3, offline: it verifies ours, we verify its."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from weighbridge.engines.locate import require
from weighbridge.keys import fingerprint, load_private_key

from .conftest import private_pem, public_pem, run, weighbridge

pytestmark = pytest.mark.engines
TYPE = "https://weighbridge.dev/evaluation/v1"
PREDICATE = {
    "metrics": {"f1": 0.9},
    "dataset": {"uri": "https://example.com/d", "digest": f"sha256:{'0' * 64}"},
    "finished_at": "2026-01-01T00:00:00Z",
}
KEYS = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "RSA": rsa.generate_private_key(65537, 2048),
}
OFFLINE = ("--tlog-upload=false", "--use-signing-config=false", "--yes")


@pytest.fixture
def site(gate, tmp_path):
    """A gate with a packaged model, a predicate, and every key as PEM and as cosign keeps it."""
    (tmp_path / "predicate.json").write_text(json.dumps(PREDICATE))
    gate.artifact = gate.package()
    return gate


def cosign(site, *arguments):
    program = require("cosign").path
    return run(program, *arguments, cwd=site.folder, COSIGN_PASSWORD="secret")


def keep(site, kind, name="k"):
    """The key as `k.pem`, `k.pub`, and in cosign's own encrypted form as `k.key`."""
    (site.folder / f"{name}.pem").write_bytes(private_pem(KEYS[kind]))
    (site.folder / f"{name}.pub").write_bytes(public_pem(KEYS[kind]))
    arguments = ("import-key-pair", "--yes", "--key", f"{name}.pem", "--output-key-prefix", name)
    result = cosign(site, *arguments)
    assert result.returncode == 0, result.stderr


def ours(site, key="k.pem", output="statement.json", *more):
    arguments = ("--key", key, "--predicate-type", TYPE, "--from", "predicate.json", "--artifact", site.artifact)
    result = weighbridge("attest", *arguments, "-o", output, *more, cwd=site.folder, COSIGN_PASSWORD="secret")
    assert result.returncode == 0, result.stderr


def theirs(site, key="k.key", blob=None, output="statement.json", statement=None):
    if statement is None:
        what = ("--predicate", "predicate.json", "--type", TYPE, blob or site.artifact)
    else:
        (site.folder / "whole.json").write_text(json.dumps(statement))
        what = ("--statement", "whole.json")
    result = cosign(site, "attest-blob", "--key", key, "--bundle", output, *OFFLINE, *what)
    assert result.returncode == 0, result.stderr


def they_verify(site, blob=None, key="k.pub", kind=TYPE, bundle="statement.json"):
    arguments = ("--key", key, "--bundle", bundle, "--type", kind, "--insecure-ignore-tlog", blob or site.artifact)
    result = cosign(site, "verify-blob-attestation", *arguments)
    assert (result.returncode == 0) == ("Verified OK" in result.stderr)
    return result.returncode == 0


def trust(site, kind):
    """Put the statement into the catalogue, which trusts this key for evaluations."""
    site.signer("evaluator", public_pem(KEYS[kind]))
    site.attestation("evaluated", TYPE, "evaluation", "evaluator")
    target = site.version / "evidence" / "evaluation.json"
    target.write_bytes((site.folder / "statement.json").read_bytes())


def tamper(site):
    """Change the predicate, and leave the signature."""
    path = site.folder / "statement.json"
    bundle = json.loads(path.read_bytes())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    statement["predicate"]["metrics"]["f1"] = 1.0
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    path.write_text(json.dumps(bundle))


# --- cosign verifies ours


@pytest.mark.parametrize("kind", ["P-256", "Ed25519", "RSA"])
def test_cosign_verifies_what_we_attest(site, kind):
    keep(site, kind)
    ours(site)
    assert they_verify(site)
    ours(site, "k.key", "encrypted.json")
    assert they_verify(site, bundle="encrypted.json")
    assert not they_verify(site, blob="predicate.json")
    assert not they_verify(site, kind="https://slsa.dev/provenance/v1")
    keep(site, "P-256" if kind != "P-256" else "RSA", "other")
    assert not they_verify(site, key="other.pub")
    tamper(site)
    assert not they_verify(site)


def test_cosign_verifies_the_package_statement(site):
    (site.folder / "ci.pub").write_bytes(public_pem(site.ci))
    bundle = site.version / "evidence" / "package.sigstore.json"
    assert they_verify(site, key="ci.pub", kind="https://weighbridge.dev/package/v1", bundle=bundle)


def test_a_key_that_cosign_made_signs_alike_in_both(site):
    result = cosign(site, "generate-key-pair", "--output-key-prefix", "k")
    assert result.returncode == 0
    key = load_private_key(str(site.folder / "k.key"), b"secret")
    ours(site, "k.key", "ours.json")
    theirs(site, output="theirs.json")
    assert they_verify(site, bundle="ours.json")
    assert they_verify(site, bundle="theirs.json")
    hints = [
        json.loads((site.folder / name).read_bytes())["verificationMaterial"] for name in ("ours.json", "theirs.json")
    ]
    assert hints[0] == hints[1]
    shown = weighbridge("public-key", "k.key", cwd=site.folder, COSIGN_PASSWORD="secret")
    assert shown.stdout == (site.folder / "k.pub").read_text()
    assert fingerprint(key.public_key()) in shown.stderr


def test_cosign_verifies_no_p384_not_even_its_own(site):
    """cosign 3.1 hashes with SHA-256 when it verifies by a P-384 key, and with SHA-384 when it signs: ours is right."""
    keep(site, "P-384")
    ours(site, output="ours.json")
    theirs(site)
    assert not they_verify(site, bundle="ours.json")
    assert not they_verify(site)


# --- we verify cosign's


@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA"])
def test_what_cosign_attests_counts(site, kind):
    keep(site, kind)
    theirs(site)
    assert b"Statement/v0.1" in base64.b64decode(
        json.loads((site.folder / "statement.json").read_bytes())["dsseEnvelope"]["payload"]
    )
    trust(site, kind)
    assert site.holds("evaluated")


def test_a_statement_v1_that_cosign_only_signs_counts(site):
    keep(site, "P-256")
    digest = hashlib.sha256(site.artifact.read_bytes()).hexdigest()
    subject = [{"name": "artifact.json", "digest": {"sha256": digest}}]
    theirs(site, statement={"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": TYPE,
                            "predicate": PREDICATE})  # fmt: skip
    trust(site, "P-256")
    assert site.holds("evaluated")


def test_cosigns_ed25519_is_prehashed_and_counts_for_neither(site):
    """It signs with Ed25519ph and verifies plain Ed25519: nobody verifies what it signs with such a key, nor do we."""
    keep(site, "Ed25519")
    theirs(site)
    assert not they_verify(site)
    trust(site, "Ed25519")
    assert "no key that trust.signers names has signed it" in site.why_not("evaluated")


def test_cosigns_statement_by_another_key(site):
    keep(site, "P-256")
    theirs(site)
    trust(site, "RSA")
    assert "no key that trust.signers names has signed it" in site.why_not("evaluated")


def test_cosigns_statement_about_another_blob(site):
    keep(site, "P-256")
    theirs(site, blob="predicate.json")
    trust(site, "P-256")
    assert "speaks about another subject" in site.why_not("evaluated")


def test_cosigns_statement_that_was_changed(site):
    keep(site, "P-256")
    theirs(site)
    tamper(site)
    trust(site, "P-256")
    assert "no key that trust.signers names has signed it" in site.why_not("evaluated")


def test_cosigns_signature_of_a_blob_is_no_statement(site):
    keep(site, "P-256")
    result = cosign(site, "sign-blob", "--key", "k.key", "--bundle", "statement.json", *OFFLINE, site.artifact)
    assert result.returncode == 0, result.stderr
    trust(site, "P-256")
    assert "holds no DSSE envelope" in site.why_not("evaluated")
