import json

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from weighbridge import keys
from weighbridge.canonical import canonical, digest
from weighbridge.cli.attest import command
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import BUNDLE_TYPE, KeyRing, parse_envelope, verified_by
from weighbridge.evidence.statement import parse_statement
from weighbridge.packaging.digest import artifact_bytes

EVALUATION = "https://weighbridge.dev/evaluation/v1"
ORDER = "https://weighbridge.dev/order/v1"
WAIVER = "https://weighbridge.dev/waiver/v1"
GOOD_ORDER = {
    "id": "8f14e45f-ceea-4a7b-9b1c-3d5a6c7e8f90",
    "kind": "revoke",
    "target": "sha256:" + "d" * 64,
    "environments": ["prod"],
    "reason": "leaks",
    "issued_at": "2026-01-10T00:00:00Z",
}
GOOD_WAIVER = {
    "codes": ["IMG-004"],
    "environment": "prod",
    "scope": {"artifact": "sha256:" + "d" * 64},
    "reason": "fixed next week",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2026-03-01T00:00:00Z",
}


@pytest.fixture
def attest(tmp_path, kit):
    """Runs the command with a predicate; returns the envelope, or raises what the command raised."""
    for name in ("ci", "ev"):
        pem = kit.key_of(name).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / f"{name}.pem").write_bytes(pem)

    def run(predicate_type, predicate, *options, signers=("ci",)):
        data = predicate if isinstance(predicate, bytes) else json.dumps(predicate).encode()
        (tmp_path / "predicate.json").write_bytes(data)
        arguments = ["--predicate-type", predicate_type, "--from", str(tmp_path / "predicate.json")]
        arguments += [part for name in signers for part in ("--key", str(tmp_path / f"{name}.pem"))]
        arguments += ["-o", str(tmp_path / "out.json"), *options]
        result = CliRunner().invoke(command, arguments)
        if result.exception:
            raise result.exception
        return (tmp_path / "out.json").read_bytes()

    return run


def read(data, kit, *signers):
    ring = KeyRing({keys.fingerprint(kit.key_of(name).public_key()): kit.key_of(name).public_key() for name in signers})
    envelope = parse_envelope(data, "out.json")
    assert len(verified_by(envelope, ring)) == len(signers)
    return parse_statement(envelope, "out.json")


def test_a_predicate_becomes_a_bundle_that_verifies(attest, kit):
    data = attest(EVALUATION, kit.evaluation(), "--digest", kit.DIGEST, "--name", "kb")
    assert json.loads(data)["mediaType"] == BUNDLE_TYPE
    statement = read(data, kit, "ci")
    assert statement.subject == (("kb", kit.DIGEST),)
    assert statement.predicate == kit.evaluation()


def test_an_artifact_file_is_the_subject(attest, kit, tmp_path):
    (tmp_path / "artifact.json").write_bytes(artifact_bytes(kit.FILES))
    data = attest(EVALUATION, kit.evaluation(), "--artifact", str(tmp_path / "artifact.json"))
    assert read(data, kit, "ci").subject == (("artifact.json", digest(artifact_bytes(kit.FILES))),)


@pytest.mark.parametrize("content", [b"[]", b"{}", b"nonsense", b'[["a",1]]', b'[["a", 1, "x"]]', b"[1]", b'{"a":1}'])
def test_what_is_no_artifact_file_is_refused(attest, kit, tmp_path, content):
    (tmp_path / "artifact.json").write_bytes(content)
    with pytest.raises(InputError):
        attest(EVALUATION, kit.evaluation(), "--artifact", str(tmp_path / "artifact.json"))
    (tmp_path / "artifact.json").write_bytes(artifact_bytes(kit.FILES) + b"\n")
    with pytest.raises(InputError, match="byte for byte"):
        attest(EVALUATION, kit.evaluation(), "--artifact", str(tmp_path / "artifact.json"))


@pytest.mark.parametrize(("predicate_type", "predicate"), [(ORDER, GOOD_ORDER), (WAIVER, GOOD_WAIVER)])
def test_orders_and_waivers_are_about_themselves(attest, kit, predicate_type, predicate):
    data = attest(predicate_type, predicate, signers=("ci", "ev", "ci"))
    assert read(data, kit, "ci", "ev").subject == ((predicate_type, digest(canonical(predicate))),)


def test_a_model_signature_is_about_its_root(attest, kit):
    predicate = {"resources": [{"name": "a", "algorithm": "sha256", "digest": "00" * 32}]}
    root = "sha256:66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
    assert read(attest("https://model_signing/signature/v1.0", predicate), kit, "ci").subject == (("model", root),)


@pytest.mark.parametrize(
    ("predicate_type", "predicate", "field"),
    [
        (EVALUATION, {}, "metrics"),
        (EVALUATION, {"metrics": {"a": True}}, "metrics.a"),
        (EVALUATION, {"metrics": {"a": "1"}}, "metrics.a"),
        (EVALUATION, {"passed": True}, "passed"),
        (ORDER, {**GOOD_ORDER, "kind": "destroy"}, "kind"),
        (ORDER, {**GOOD_ORDER, "id": "1"}, "id"),
        (ORDER, {**GOOD_ORDER, "environments": []}, "environments"),
        (WAIVER, {**GOOD_WAIVER, "not_after": "2026-04-02T00:00:00Z"}, "90 days"),
        (WAIVER, {**GOOD_WAIVER, "not_after": "2026-01-01T00:00:00Z"}, "90 days"),
        (WAIVER, {**GOOD_WAIVER, "scope": {}}, "needs `artifact`"),
        (WAIVER, {**GOOD_WAIVER, "scope": {**GOOD_WAIVER["scope"], "name": "x"}}, "both an artifact and a workload"),
        (WAIVER, {**GOOD_WAIVER, "codes": ["*"]}, "codes[0]"),
        ("https://weighbridge.dev/evaluation/v2", {}, "is not known"),
        ("https://weighbridge.dev/evaluation/v1/", {}, "is not known"),
        ("https://in-toto.io/attestation/vulns/v0.2", {"metadata": {"scanFinishedOn": "soon"}}, "time cannot be read"),
        ("https://example.com/p", [], "is no JSON object"),
        ("https://example.com/p", b'{"a": 1, "a": 2}', "duplicate key"),
        ("https://example.com/p", {"a": 2**60}, "Write large integers as text"),
        ("https://example.com/p", b"", "is not JSON"),
    ],
)
def test_a_predicate_that_nobody_could_use_is_not_signed(attest, tmp_path, kit, predicate_type, predicate, field):
    subject = [] if predicate_type in {ORDER, WAIVER} else ["--digest", kit.DIGEST]
    with pytest.raises(InputError) as caught:
        attest(predicate_type, predicate, *subject)
    assert field in str(caught.value)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--digest", "sha256:DD"],
        ["--digest", "d" * 64],
        ["--digest", "sha256:" + "d" * 64, "--artifact", "artifact.json"],
    ],
)
def test_there_is_exactly_one_subject(attest, kit, options):
    with pytest.raises(InputError):
        attest(EVALUATION, kit.evaluation(), *options)


def test_the_subject_of_an_order_is_nobodys_to_choose(attest, kit):
    with pytest.raises(InputError, match="follows from the predicate"):
        attest(ORDER, GOOD_ORDER, "--digest", kit.DIGEST)


def test_evidence_is_never_overwritten(attest, kit, tmp_path):
    attest(EVALUATION, kit.evaluation(), "--digest", kit.DIGEST)
    before = (tmp_path / "out.json").read_bytes()
    with pytest.raises(InputError, match="is there already"):
        attest(EVALUATION, kit.evaluation(score=0.1), "--digest", kit.DIGEST)
    assert (tmp_path / "out.json").read_bytes() == before


def test_a_predicate_type_is_a_uri(attest, kit):
    with pytest.raises(InputError, match="--predicate-type: is 'approval'"):
        attest("approval", kit.evaluation(), "--digest", kit.DIGEST)


def test_a_predicate_comes_from_standard_input_and_folders_are_made(tmp_path, attest, kit):
    attest(EVALUATION, kit.evaluation(), "--digest", kit.DIGEST)  # writes the key
    output = tmp_path / "images" / "evidence" / "evaluation.json"
    arguments = ["--key", str(tmp_path / "ci.pem"), "--predicate-type", EVALUATION, "--digest", kit.DIGEST]
    result = CliRunner().invoke(
        command, [*arguments, "--from", "-", "-o", str(output)], input=json.dumps(kit.evaluation())
    )
    assert result.exit_code == 0, result.output
    assert read(output.read_bytes(), kit, "ci").predicate_type == EVALUATION
