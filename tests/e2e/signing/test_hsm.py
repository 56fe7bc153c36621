"""Keys in a real HSM (SoftHSM2, through PKCS#11): every command that signs takes them, and says what is wrong."""

from __future__ import annotations

import base64
import json
import os
import re
import tarfile

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from weighbridge import keys
from weighbridge.engines.opa import opa_command
from weighbridge.errors import InputError

from .conftest import BIN, openssf, private_pem, public_pem, run, weighbridge
from .token import IMPORTED, MODULE, PIN, hsm_token, uri

EVALUATION = "https://weighbridge.dev/evaluation/v1"


@pytest.fixture(scope="module", autouse=True)
def token():
    """The token, for every test of this module."""
    with hsm_token() as folder:
        yield folder


@pytest.mark.parametrize(("number", "curve", "algorithm"), [(1, "secp256r1", "ES256"), (2, "secp384r1", "ES384")])
def test_dsse_and_jws(number, curve, algorithm):
    key = keys.load_private_key(uri(number))
    public = key.public_key()
    assert isinstance(key, keys.DeviceKey)
    assert public.curve.name == curve
    signature = keys.sign(key, b"message")
    assert keys.verify(public, signature, b"message")
    assert not keys.verify(public, signature, b"another")
    assert keys.sign(key, b"message") != signature  # no HSM signs by RFC 6979
    assert keys.bundle_algorithm(key, "k") == algorithm
    head, payload, last = keys.jws(key, algorithm, {"kid": "release"}, b"{}").split(".")
    raw = base64.urlsafe_b64decode(last + "==")
    half = len(raw) // 2
    der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
    assert keys.verify(public, der, f"{head}.{payload}".encode())


def test_a_signature_that_does_not_fit_is_noticed(monkeypatch):
    key = keys.load_private_key(uri(1))
    monkeypatch.setattr(key, "_public", keys.load_private_key(uri(4)).public_key())
    with pytest.raises(InputError, match="does not fit its public key"):
        keys.sign(key, b"m")
    with pytest.raises(InputError, match="does not fit its public key"):
        keys.jws(key, "ES256", {}, b"{}")


def test_the_public_half_is_shown(tmp_path):
    result = weighbridge("public-key", uri(5), cwd=tmp_path)
    assert (result.returncode, result.stdout.encode()) == (0, public_pem(IMPORTED))
    assert keys.fingerprint(IMPORTED.public_key()) in result.stderr
    result = weighbridge("public-key", uri(5), "--format", "json", cwd=tmp_path)
    assert json.loads(result.stdout)["fingerprint"] == keys.fingerprint(IMPORTED.public_key())


@pytest.mark.parametrize("number", [1, 2])
def test_model_signatures_that_their_tool_verifies(model, tmp_path, number):
    assert weighbridge("sign", "model", "--key", uri(number), cwd=tmp_path).returncode == 0
    (tmp_path / "k.pub").write_text(weighbridge("public-key", uri(number), cwd=tmp_path).stdout)
    arguments = ("verify", "key", "model", "--public_key", "k.pub", "--signature", "model.sig")
    assert openssf(*arguments, cwd=tmp_path).returncode == 0


# --- every command


def catalogue(tmp_path, number):
    """A catalogue whose `ci` is the HSM's key, with a packaged model."""
    cwd = tmp_path
    assert weighbridge("init", "c", cwd=cwd).returncode == 0
    (cwd / "c" / "keys").mkdir()
    (cwd / "c" / "keys" / "ci.pub").write_text(weighbridge("public-key", uri(number), cwd=cwd).stdout)
    text = (cwd / "c" / "weighbridge.yaml").read_text()
    text = re.sub(r"ci: \{sigstore:.*\}", "ci: {key: keys/ci.pub}", text)
    (cwd / "c" / "weighbridge.yaml").write_text(text)
    model = cwd / "model"
    model.mkdir()
    (model / "README.md").write_text("---\nlicense: mit\n---\n# m\n")
    (model / "weights.bin").write_text("weights")
    arguments = ("--model", "m", "--version", "1", "--key", uri(number), "--output", "c/models/m/1")
    result = weighbridge("package", "model", *arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr


@pytest.mark.engines
@pytest.mark.parametrize(("release", "algorithm"), [(4, "ES256"), (2, "ES384")])
def test_package_trust_attest_verify_compile(tmp_path, release, algorithm):
    catalogue(tmp_path, 1)
    assert weighbridge("trust", "sign", "c", "--key", uri(5), cwd=tmp_path).returncode == 0
    (tmp_path / "root.pub").write_bytes(public_pem(IMPORTED))
    result = weighbridge("verify", "c", "--root", "root.pub", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    (tmp_path / "live.pem").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    more = ("--root", "root.pub", "--release-key", uri(release), "--live-key", "live.pem", "--cache", "cache")
    at = ("--at", "2036-01-01T00:00:00Z")
    for output in ("one", "two"):
        result = weighbridge("compile", "c", *more, *at, "--output", output, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert "no judgement is kept: the release key is in a device" in result.stderr
    assert not (tmp_path / "cache").exists()
    (tmp_path / "release.pub").write_text(weighbridge("public-key", uri(release), cwd=tmp_path).stdout)
    bundle = tmp_path / "one" / "dev" / "envoy" / "release.tar.gz"
    opa_command(
        "build", "--bundle", bundle, f"--verification-key={tmp_path / 'release.pub'}", "--verification-key-id=release",
        f"--signing-alg={algorithm}", "--scope=dev-release", f"--output={tmp_path / 'out.tar.gz'}",
    )  # fmt: skip
    # an HSM's ECDSA is random: the signatures differ, and nothing else does
    first, second = (members(tmp_path / name / "dev" / "envoy" / "release.tar.gz") for name in ("one", "two"))
    assert {name for name in first if first[name] != second[name]} == {".signatures.json"}
    environments = [
        json.loads((tmp_path / name / "index.json").read_bytes())["environments"] for name in ("one", "two")
    ]
    revisions = [{name: one["revision"] for name, one in given.items()} for given in environments]
    assert revisions[0] == revisions[1]


def members(path):
    with tarfile.open(path) as archive:
        return {one.name.removeprefix("/"): archive.extractfile(one).read() for one in archive if one.isfile()}


@pytest.mark.engines
def test_a_live_key_in_the_hsm(tmp_path):
    catalogue(tmp_path, 1)
    (tmp_path / "release.pem").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    more = ("--release-key", "release.pem", "--live-key", uri(4), "--no-cache", "--output", "out")
    result = weighbridge("compile", "c", *more, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "dev" / "live.tar.gz").exists()
    more = ("--release-key", uri(4), "--live-key", uri(4), "--no-cache", "--output", "again")
    result = weighbridge("compile", "c", *more, cwd=tmp_path)
    assert (result.returncode, "is the release key" in result.stderr) == (2, True)


# --- one key is one key, wherever it is kept


def test_one_key_in_a_file_and_in_the_hsm_signs_once(tmp_path):
    (tmp_path / "k.pem").write_bytes(private_pem(IMPORTED))
    (tmp_path / "predicate.json").write_text("{}")
    arguments = ("--predicate-type", "https://example.com/p/v1", "--from", "predicate.json", "--digest",
                 f"sha256:{'0' * 64}", "--key", "k.pem", "--key", uri(5), "-o", "out.json")  # fmt: skip
    result = weighbridge("attest", *arguments, "--format", "json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["signed_by"] == [keys.fingerprint(IMPORTED.public_key())]


@pytest.mark.engines
def test_one_key_in_a_file_and_in_the_hsm_reaches_no_threshold_of_two(gate, tmp_path):
    (tmp_path / "k.pem").write_bytes(private_pem(IMPORTED))
    gate.signer("person", public_pem(IMPORTED))
    gate.signer("other", weighbridge("public-key", uri(4), cwd=tmp_path).stdout.encode())
    gate.attestation("evaluated", EVALUATION, "evaluation", "person", "other", more="threshold: 2")
    artifact = gate.package()
    dataset = {"uri": "https://example.com/d", "digest": f"sha256:{'0' * 64}"}
    for number, (source, score) in enumerate({"k.pem": 0.9, uri(5): 0.91, uri(4): 0.92}.items()):
        if number == 2:
            assert "it takes 2 distinct keys" in gate.why_not("evaluated")
        predicate = {"metrics": {"f1": score}, "dataset": dataset, "finished_at": f"2026-01-0{number + 1}T00:00:00Z"}
        (tmp_path / "predicate.json").write_text(json.dumps(predicate))
        arguments = ("--predicate-type", EVALUATION, "--from", "predicate.json", "--artifact", artifact)
        output = artifact.parent / "evidence" / f"{number}.json"
        result = weighbridge("attest", "--key", source, *arguments, "-o", output, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert gate.holds("evaluated")


# --- what goes wrong


@pytest.mark.parametrize(
    ("source", "environment", "reason"),
    [
        (uri(1), {"WEIGHBRIDGE_HSM_PIN": "00000000"}, "the PIN is wrong"),
        (uri(1), {"WEIGHBRIDGE_HSM_PIN": ""}, "PIN"),
        (uri(9), {}, "the token has no ECDSA key of this id"),
        (uri(3), {}, "Make one, P-256 or P-384: no other kind"),
        (uri(6), {}, "not a supported EC curve"),
        ("hsm:1?label=nothing", {}, "No PKCS#11 token found for label nothing"),
        ("hsm:1", {}, "Multiple PKCS#11 tokens found"),
        ("hsm:1?label=another", {}, "no ECDSA key"),
        ("hsm:1?pin=12345678", {}, "the PIN goes into WEIGHBRIDGE_HSM_PIN"),
        ("hsm:0x1", {}, "is no hsm key"),
        ("hsm:1", {"PYKCS11LIB": ""}, "PYKCS11LIB is not set"),
        ("hsm:1", {"PYKCS11LIB": "/nonexistent.so"}, "there is none at /nonexistent.so"),
    ],
)
def test_errors(tmp_path, source, environment, reason):
    result = weighbridge("public-key", source, cwd=tmp_path, **environment)
    assert (result.returncode, reason in result.stderr) == (2, True), result.stderr
    assert PIN not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PYKCS11LIB": "/etc/passwd"}, "while loading /etc/passwd"),
        ({"SOFTHSM2_CONF": "/nonexistent"}, "cannot be used"),
        ({}, "needs a PIN, and none was given. Set WEIGHBRIDGE_HSM_PIN"),
    ],
)
def test_errors_of_a_process_that_begins(tmp_path, environment, reason):
    """A module is loaded once a process, so these need one of their own."""
    given = {"SOFTHSM2_CONF": os.environ["SOFTHSM2_CONF"], "PYKCS11LIB": MODULE, **environment}
    result = run(BIN / "weighbridge", "public-key", uri(1), cwd=tmp_path, **given)
    assert (result.returncode, reason in result.stderr) == (2, True), result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_is_half_written_when_the_hsm_refuses(model, tmp_path):
    result = weighbridge("sign", "model", "--key", uri(1), cwd=tmp_path, WEIGHBRIDGE_HSM_PIN="00000000")
    assert result.returncode == 2
    result = weighbridge(
        "package", "model", "--model", "m", "--version", "1", "--output", "out", "--key", uri(9), cwd=tmp_path
    )
    assert result.returncode == 2
    assert {path.name for path in tmp_path.iterdir()} == {"model"}
