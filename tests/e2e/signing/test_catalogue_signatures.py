"""Model signatures and signers in a catalogue: what counts, and every way to make one count that should not."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from weighbridge.evidence.dsse import PAYLOAD_TYPE, bundle_json, hints_of, sign_envelope
from weighbridge.evidence.predicates import MODEL_SIGNATURE
from weighbridge.evidence.statement import model_signing_root, statement_json

from .conftest import code_signing, openssf, private_pem, public_pem, weighbridge

pytestmark = pytest.mark.engines
EVALUATION = "https://weighbridge.dev/evaluation/v1"
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def site(gate, tmp_path):
    """A packaged model, for which `prod` wants a model signature by `modeler`."""
    (tmp_path / "k.pem").write_bytes(private_pem(KEY))
    gate.signer("modeler", public_pem(KEY))
    gate.attestation("model-signed", MODEL_SIGNATURE, "model_signature", "modeler")
    gate.package()
    return gate


def theirs(site, *more):
    target = site.version / "evidence" / "model.sig.json"
    arguments = ("sign", "key", "model", "--private_key", "k.pem", "--signature", target, *more)
    result = openssf(*arguments, cwd=site.folder)
    assert result.returncode == 0, result.stderr
    return target


def ours(site, *more):
    target = site.version / "evidence" / "model.sig.json"
    result = weighbridge("sign", "model", "--key", "k.pem", "-o", target, *more, cwd=site.folder)
    assert result.returncode == 0, result.stderr
    return target


@pytest.mark.parametrize("sign", [ours, theirs])
def test_a_model_signature_counts(site, sign):
    assert not site.holds("model-signed")
    sign(site)
    assert site.holds("model-signed")


def test_a_clone_from_a_hub_counts_with_its_git_files_or_without_them_aloud(gate, tmp_path):
    (tmp_path / "k.pem").write_bytes(private_pem(KEY))
    gate.signer("modeler", public_pem(KEY))
    gate.attestation("model-signed", MODEL_SIGNATURE, "model_signature", "modeler")
    (gate.model / ".gitattributes").write_text("* -text\n")
    (gate.model / ".weighbridgeignore").write_text(".gitattributes\n")
    gate.package()
    path = theirs(gate)
    assert gate.holds("model-signed")
    path.unlink()
    ours(gate)
    assert gate.holds("model-signed")
    path.unlink()
    theirs(gate, "--no-ignore-git-paths")
    assert "one to one" in gate.why_not("model-signed")


def test_a_model_signature_by_the_hub_names_only_git_files_as_ignored(site):
    site.attestation(
        "model-signed", MODEL_SIGNATURE, "model_signature", "modeler",
        more="with: {ignore_paths: [.git, .gitattributes, .github, .gitignore]}",
    )  # fmt: skip
    target = theirs(site)
    assert site.holds("model-signed")
    target.unlink()
    theirs(site, "--ignore-paths", "model/secret.py")
    assert "ignored a path that `ignore_paths` does not name" in site.why_not("model-signed")


@pytest.mark.parametrize("sign", [ours, theirs])
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.bin").write_text("x"),
        lambda folder: (folder / "a.bin").rename(folder / "aa.bin"),
        lambda folder: (folder / "extra.py").write_text("x"),
        lambda folder: (folder / "a.bin").unlink(),
        lambda folder: (folder / "README.md").write_text("# another card"),
    ],
)
def test_a_signature_of_another_folder_does_not_count(site, sign, change):
    change(site.model)
    sign(site)
    assert "are not the files of the manifest, one to one" in site.why_not("model-signed")


def test_a_file_that_the_signer_ignored_does_not_count(site):
    theirs(site, "--ignore-paths", "model/a.bin")
    assert "are not the files of the manifest, one to one" in site.why_not("model-signed")


def forged(site, change=lambda _: None, key=KEY, subjects=(), kind=MODEL_SIGNATURE, hint=None):
    """What an attacker with a trusted key, or without, puts there."""
    path = ours(site)
    predicate = json.loads(base64.b64decode(json.loads(path.read_bytes())["dsseEnvelope"]["payload"]))["predicate"]
    change(predicate)
    root = [("model", model_signing_root(predicate))]
    envelope = sign_envelope(PAYLOAD_TYPE, statement_json(kind, predicate, [*root, *subjects]), [key])
    bundle = json.loads(bundle_json(envelope, key.public_key()))
    if hint is not None:
        bundle["verificationMaterial"]["publicKey"]["hint"] = hint
    path.write_text(json.dumps(bundle))


def test_two_subjects(site):
    forged(site, subjects=[("other", f"sha256:{'1' * 64}")])
    assert "is not the root of the resources" in site.why_not("model-signed")


def test_another_serialization(site):
    forged(site, lambda predicate: predicate["serialization"].update(method="shards"))
    assert "the serialization is not `files` with sha256" in site.why_not("model-signed")


def test_followed_links(site):
    forged(site, lambda predicate: predicate["serialization"].update(allow_symlinks=True))
    assert "followed symbolic links" in site.why_not("model-signed")


def test_an_unknown_version_of_the_predicate(site):
    forged(site, kind="https://model_signing/signature/v1.1")
    assert not site.holds("model-signed")
    assert "no attestation" in json.dumps(site.explain()["unusable"])


def test_a_swapped_hint_makes_nobody_a_signer(site):
    stranger = ec.generate_private_key(ec.SECP256R1())
    for hint in hints_of(KEY.public_key()):
        (site.version / "evidence" / "model.sig.json").unlink(missing_ok=True)
        forged(site, key=stranger, hint=hint)
        assert "no key that trust.signers names has signed it" in site.why_not("model-signed")
    (site.version / "evidence" / "model.sig.json").unlink()
    forged(site, hint=hints_of(stranger.public_key())[1])
    assert site.holds("model-signed")


def test_a_key_that_is_trusted_for_something_else(site):
    path = site.version / "evidence" / "model.sig.json"
    result = weighbridge("sign", "model", "--key", "ci.pem", "-o", path, cwd=site.folder)
    assert result.returncode == 0
    assert "signed by ci, whom model-signed does not name" in site.why_not("model-signed")


def test_a_certificate_makes_nobody_a_signer(site, authority):
    """Trust names keys: a certificate counts for nothing in a catalogue, expired or not."""
    path = site.version / "evidence" / "model.sig.json"
    for days in ((-20, -10), (-1, 30)):
        leaf = authority.signer(days=days, usage=code_signing)
        more = ("--private_key", "signer.key", "--signing_certificate", leaf, "--certificate_chain", "issuer.pem")
        assert openssf("sign", "certificate", "model", *more, "--signature", path, cwd=site.folder).returncode == 0
        assert not site.holds("model-signed")
        path.unlink()


# --- thresholds


def attest(site, name, *sources, predicate=None, **environment):
    predicate = predicate or {
        "metrics": {"f1": 0.9},
        "dataset": {"uri": "https://example.com/d", "digest": f"sha256:{'0' * 64}"},
        "finished_at": "2026-01-01T00:00:00Z",
    }
    (site.folder / "predicate.json").write_text(json.dumps(predicate))
    keys = [word for source in sources for word in ("--key", source)]
    arguments = (
        "--predicate-type",
        EVALUATION,
        "--from",
        "predicate.json",
        "--artifact",
        site.version / "artifact.json",
    )
    output = site.version / "evidence" / name
    result = weighbridge("attest", *keys, *arguments, "-o", output, cwd=site.folder, **environment)
    assert result.returncode == 0, result.stderr


def test_one_signer_reaches_no_threshold_of_two(site):
    """Twice in one envelope, in two files, and under two names: one key is one key."""
    other = rsa.generate_private_key(65537, 2048)
    (site.folder / "other.pem").write_bytes(private_pem(other))
    (site.folder / "same.pem").write_bytes((site.folder / "k.pem").read_bytes())
    site.signer("first", public_pem(KEY))
    site.signer("second", public_pem(KEY))
    site.signer("third", public_pem(other))
    site.attestation("evaluated", EVALUATION, "evaluation", "first", "second", "third", more="threshold: 2")
    with pytest.raises(AssertionError, match="names `first` and `second`, which have the same key; it counts once"):
        site.explain()
    site.attestation("evaluated", EVALUATION, "evaluation", "first", "third", more="threshold: 2")
    attest(site, "1.json", "k.pem", "same.pem")
    attest(site, "2.json", "same.pem")
    assert "it takes 2 distinct keys" in site.why_not("evaluated")
    attest(site, "3.json", "other.pem")
    assert site.holds("evaluated")
