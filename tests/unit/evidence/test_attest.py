"""From evidence files to what they prove, each step on real signatures and the real engine."""

import hashlib
import json

import pytest

from weighbridge import resources
from weighbridge.catalogue.names import NEVER_NS, parse_time_ns
from weighbridge.engines.opa import OpaServer

EVALUATION = "https://weighbridge.dev/evaluation/v1"
PACKAGE = "https://weighbridge.dev/package/v1"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
SIGNATURE = "https://model_signing/signature/v1.0"
OTHER = "sha256:" + "e" * 64
_PASSED = '{"passed": true, "reasons": [], "claims": {}}'


@pytest.fixture
def evaluated(workshop):
    """A catalogue with a package statement and one attestation, `eval`, that `ev` and `ev2` may sign."""
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", "ev2")
    return workshop


def add(workshop, kit, *signers, **more):
    return workshop.add(kit.signed(kit.payload(EVALUATION, kit.evaluation(**more)), *(signers or ("ev",))))


def test_a_good_statement_proves_its_attestation(evaluated, kit):
    path = add(evaluated, kit)
    evidence = evaluated.attest()
    state = evidence.attestations["eval"]
    assert state.held
    assert state.expires_ns == NEVER_NS
    assert state.refused == ()
    (verdict,) = state.verdicts
    assert (verdict.file, verdict.signer, verdict.passed) == (path, "ev", True)
    assert verdict.at_ns == parse_time_ns("2026-01-02T00:00:00Z")
    assert verdict.claims["metrics"] == {"exact_match": 0.8}
    assert verdict.subject == evidence.digest
    assert evidence.package.matched
    assert evidence.refused == ()


def test_without_evidence_nothing_holds(evaluated):
    state = evaluated.attest().attestations["eval"]
    assert (state.held, state.expires_ns, state.verdicts, state.refused) == (False, NEVER_NS, (), ())


def test_as_cosign_and_others_write_it(evaluated, kit):
    evaluated.add(kit.signed(kit.payload(EVALUATION, kit.evaluation(), kind="https://in-toto.io/Statement/v0.1"), "ev"))
    assert evaluated.attest().attestations["eval"].held


def test_one_of_many_subjects_is_enough(evaluated, kit):
    evaluated.add(kit.signed(kit.payload(EVALUATION, kit.evaluation(), [OTHER, kit.DIGEST]), "ev"))
    assert evaluated.attest().attestations["eval"].held


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda kit, data: kit.signed(data, "nobody"), "no key that trust.signers names has signed it"),
        (lambda kit, data: kit.signed(data, "ci"), "signed by ci, whom eval does not name"),
        (lambda kit, data: kit.edited(kit.signed(data, "ev"), payload="e30="), "unknown type or version"),
        (lambda kit, data: kit.edited(kit.signed(data, "ev"), payloadType="application/json"), "payload type"),
        (lambda kit, data: kit.signed(data, "ev", payload_type="application/json"), "payload type"),
        (lambda kit, data: kit.edited(kit.signed(data, "ev"), signatures=[]), "has no signatures"),
        (lambda kit, data: kit.signed(data, "ev")[:-20], "is not JSON"),
        (lambda kit, data: kit.signed(data.replace(b"0.8", b'0.8, "exact_match": 0.9'), "ev"), "duplicate key"),
        (lambda kit, data: kit.signed(data.replace(b"0.8", b"NaN"), "ev"), "NaN"),
        (lambda kit, data: kit.signed(data.replace(b"0.8", b"1e400"), "ev"), "not acceptable JSON"),
        (
            lambda kit, data: kit.signed(data.replace(b"0.8", b'"0.8"'), "ev"),
            "metrics is no mapping from names to numbers",
        ),
        (lambda kit, data: kit.signed(data.replace(b"Statement/v1", b"Statement/v9"), "ev"), "unknown type or version"),
        (lambda kit, data: kit.signed(data.replace(b"2026-01-02", b"2026-13-02"), "ev"), "its time cannot be read"),
        (lambda kit, data: kit.signed(data.replace(b"2026-01-02", b"2026-01-16"), "ev"), "later than --at"),
        (lambda kit, data: kit.signed(data.replace(b'"finished_at"', b'"at"'), "ev"), "the predicate is not"),
        (
            lambda kit, data: kit.signed(data.replace(b"d" * 64, b"D" * 64), "ev"),
            "speaks about another subject (no SHA-256)",
        ),
        (
            lambda kit, data: kit.signed(data.replace(b"d" * 64, b"e" * 64), "ev"),
            f"speaks about another subject ({OTHER})",
        ),
        (lambda kit, data: kit.signed(data.replace(b'"sha256": "d', b'"sha512": "d'), "ev"), "another subject"),
    ],
)
def test_whatever_is_wrong_is_refused_with_its_reason(evaluated, kit, make, reason):
    path = evaluated.add(make(kit, kit.payload(EVALUATION, kit.evaluation())))
    evidence = evaluated.attest()
    state = evidence.attestations["eval"]
    assert not state.held
    said = [(refusal.file, refusal.reason) for refusal in (*state.refused, *evidence.refused)]
    said += [(verdict.file, why) for verdict in state.verdicts for why in verdict.reasons]
    assert [file for file, why in said if reason in why] == [path]


@pytest.mark.parametrize(
    "predicate_type",
    [EVALUATION + "/", EVALUATION.upper(), EVALUATION.replace("v1", "v2"), EVALUATION + "\u200b", " " + EVALUATION],
)
def test_another_predicate_type_is_another_thing(evaluated, kit, predicate_type):
    path = evaluated.add(kit.signed(kit.payload(predicate_type, kit.evaluation()), "ev"))
    evidence = evaluated.attest()
    assert not evidence.attestations["eval"].held
    (refusal,) = evidence.refused
    assert refusal.file == path
    assert "no attestation about model has predicate type" in refusal.reason


def test_a_signature_is_over_exactly_the_bytes_that_are_read(evaluated, kit):
    good = kit.signed(kit.payload(EVALUATION, kit.evaluation()), "ev")
    other = kit.signed(kit.payload(EVALUATION, kit.evaluation(score=0.1)), "ev")
    # The payload of one envelope under the signature of the other, both by the right signer.
    evaluated.add(kit.edited(good, signatures=json.loads(other)["signatures"]))
    assert "no key that trust.signers names has signed it" in evaluated.reasons("eval")


def test_one_nanosecond_into_the_future_is_too_late(evaluated, kit):
    add(evaluated, kit, at="2026-01-15T00:00:00.000000001Z")
    assert "later than --at" in evaluated.reasons("eval")
    assert evaluated.attest(at_ns=kit.AT + 1).attestations["eval"].held


def test_a_signer_counts_in_its_time_only(evaluated, kit):
    add(evaluated, kit)
    start, end = parse_time_ns("2026-01-10T00:00:00Z"), parse_time_ns("2026-01-20T00:00:00Z")
    evaluated.trust("ev", not_before="2026-01-10T00:00:00Z", not_after="2026-01-20T00:00:00Z")
    assert evaluated.attest(at_ns=start).attestations["eval"].held
    # What a signer vouches for ends with the signer: a later compile would refuse it.
    assert evaluated.attest(at_ns=start).attestations["eval"].expires_ns == end
    assert evaluated.attest(at_ns=end - 1).attestations["eval"].held
    for at_ns in (start - 1, end):
        reason = evaluated.reasons("eval", at_ns=at_ns)
        assert "only ev from 2026-01-10T00:00:00Z to 2026-01-20T00:00:00Z" in reason


def test_a_compromised_key_never_counts(evaluated, kit):
    add(evaluated, kit)
    # Neither dating the statement before the theft helps, nor compiling for a time before it.
    evaluated.trust("ev", compromised_from="2026-01-10T00:00:00Z")
    for at_ns in (kit.AT, parse_time_ns("2026-01-05T00:00:00Z")):
        assert "whose key is compromised" in evaluated.reasons("eval", at_ns=at_ns)


def test_a_compromised_key_is_so_under_every_name(evaluated, kit):
    add(evaluated, kit)
    evaluated.trust("old", compromised_from="2026-01-10T00:00:00Z")
    evaluated.same_key["old"] = "ev"
    assert "signed by ev, old, whose key is compromised" in evaluated.reasons("eval")


def test_a_second_good_signature_saves_what_a_compromised_key_signed(evaluated, kit):
    add(evaluated, kit, "ev", "ev2")
    evaluated.trust("ev", compromised_from="2026-01-10T00:00:00Z")
    state = evaluated.attest().attestations["eval"]
    assert [verdict.signer for verdict in state.verdicts] == ["ev2"]
    assert ["compromised" in refusal.reason for refusal in state.refused] == [True]
    assert state.held


def test_a_key_that_verifies_does_not_help_a_bundle_with_a_certificate(workshop, kit):
    workshop.packaged()
    workshop.signers["auditor"] = {"sigstore": {"issuer": "https://a.example", "identity": "a@example.com"}}
    workshop.attestation("eval", EVALUATION, "evaluation", "auditor", "ev")
    certificate = {"certificate": {"rawBytes": "Zg=="}}
    envelope = json.loads(kit.signed(kit.payload(EVALUATION, kit.evaluation()), "ev"))
    media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
    document = {"mediaType": media_type, "verificationMaterial": certificate, "dsseEnvelope": envelope}
    workshop.add(json.dumps(document).encode())
    assert "holds a certificate that cannot be read" in workshop.reasons("eval")


def test_the_threshold_counts_keys_and_not_names_or_signatures(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", "alias", "ev2", threshold=2)
    workshop.same_key["alias"] = "ev"
    add(workshop, kit, "ev", "alias", "ev")
    add(workshop, kit, "alias", score=0.9, at="2026-01-03T00:00:00Z")
    assert not workshop.attest().attestations["eval"].held
    add(workshop, kit, "ev2")
    assert workshop.attest().attestations["eval"].held


def test_two_keys_may_sign_one_envelope(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", "ev2", threshold=2)
    add(workshop, kit, "ev", "ev2")
    state = workshop.attest().attestations["eval"]
    assert state.held
    assert [verdict.signer for verdict in state.verdicts] in (["ev", "ev2"], ["ev2", "ev"])


def test_under_two_names_the_one_that_counts_longest_counts(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "a", "b")
    workshop.same_key.update(a="ev", b="ev")
    workshop.trust("a", not_after="2026-01-10T00:00:00Z")
    workshop.trust("b", not_after="2026-02-10T00:00:00Z")
    add(workshop, kit)
    state = workshop.attest().attestations["eval"]
    assert [verdict.signer for verdict in state.verdicts] == ["b"]
    assert state.expires_ns == parse_time_ns("2026-02-10T00:00:00Z")


def test_a_statement_counts_for_every_attestation_that_takes_it(evaluated, kit):
    evaluated.attestation("same", EVALUATION, "evaluation", "ev", **{"with": {"metrics": ["f1"]}})
    add(evaluated, kit)
    evidence = evaluated.attest()
    assert evidence.attestations["eval"].held
    assert "a metric that `metrics` demands is missing" in evaluated.reasons("same")


def test_a_rule_that_does_not_exist_refuses(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "nosuchrule", "ev")
    add(workshop, kit)
    assert "the rule gave no verdict" in workshop.reasons("eval")


def test_an_unknown_parameter_refuses(workshop, kit):
    workshop.packaged()
    workshop.attestation("eval", EVALUATION, "evaluation", "ev", **{"with": {"dataset": "x"}})
    add(workshop, kit)
    assert 'unknown parameter "dataset" in `with`' in workshop.reasons("eval")


@pytest.mark.parametrize(
    ("predicate", "reason"),
    [
        ({"manifest": OTHER}, "manifest_sha256 is not that of manifest.json"),
        ({"card": OTHER}, "card_sha256 is not that of README.md"),
        ({"at": "2026-01-16T00:00:00Z"}, "later than --at"),
    ],
)
def test_a_package_statement_that_does_not_match_trusts_nothing(workshop, kit, predicate, reason):
    workshop.attestation("packaged", PACKAGE, "package", "ci")
    workshop.add(kit.signed(kit.payload(PACKAGE, kit.package(**predicate)), "ci"))
    package = workshop.attest().package
    assert (package.matched, package.signer, package.at_ns) == (False, "", None)
    assert reason in package.reason


def test_the_latest_package_statement_decides_whoever_signed_it(workshop, kit):
    workshop.attestation("packaged", PACKAGE, "package", "ci", "cd")
    workshop.add(kit.signed(kit.payload(PACKAGE, kit.package()), "ci"))
    assert workshop.attest().package.matched
    workshop.add(kit.signed(kit.payload(PACKAGE, kit.package(at="2026-01-02T00:00:00Z", card=OTHER)), "cd"))
    # The attestation would hold by the signature of `ci`; the newer word of `cd` says that card and manifest changed.
    assert workshop.attest().attestations["packaged"].held
    assert not workshop.attest().package.matched


def test_the_package_statement_must_be_signed_by_its_own_signers(workshop, kit):
    workshop.attestation("packaged", PACKAGE, "package", "ci")
    workshop.trust("ev")
    workshop.add(kit.signed(kit.payload(PACKAGE, kit.package()), "ev"))
    package = workshop.attest().package
    assert not package.matched
    assert "signed by ev, whom packaged does not name" in package.reason


def test_without_a_package_attestation_nothing_is_trusted(workshop, kit):
    workshop.attestation("eval", EVALUATION, "evaluation", "ev")
    assert "has not exactly one attestation" in workshop.attest().package.reason
    workshop.attestation("packaged", PACKAGE, "evaluation", "ci")
    workshop.add(kit.signed(kit.payload(PACKAGE, kit.package()), "ci"))
    assert "has not exactly one attestation" in workshop.attest().package.reason


def root_of(files):
    return "sha256:" + hashlib.sha256(b"".join(bytes.fromhex(digest) for _, _, digest in files)).hexdigest()


def signature(kit, files=None, subject="", **predicate):
    files = kit.FILES if files is None else files
    resources = [{"name": path, "algorithm": "sha256", "digest": digest} for path, _, digest in files]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []}
    body = {"resources": resources, "serialization": serialization} | predicate
    return kit.payload(SIGNATURE, body, subject or root_of(files))


def test_a_model_signature_is_about_the_root_of_its_resources(workshop, kit):
    workshop.packaged()
    workshop.attestation("signed", SIGNATURE, "model_signature", "ci")
    workshop.add(kit.signed(signature(kit), "ci"))
    assert workshop.attest().attestations["signed"].held


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda kit: signature(kit, subject=kit.DIGEST), "is not the root of the resources"),
        (lambda kit: signature(kit, subject=[kit.DIGEST, kit.DIGEST]), "is not the root of the resources"),
        (lambda kit: signature(kit, subject=[root_of(kit.FILES), kit.DIGEST]), "is not the root of the resources"),
        (lambda kit: signature(kit, resources=[]), "lists no resources"),
        (lambda kit: signature(kit, resources=[{"name": "x"}]), "no SHA-256"),
        (lambda kit: signature(kit, kit.FILES[:1]), "not the files of the manifest, one to one"),
        (
            lambda kit: signature(kit, [("a", 2, kit.FILES[0][2]), ("b", 3, kit.FILES[1][2])]),
            "not the files of the manifest, one to one",
        ),
        (
            lambda kit: signature(kit, [*kit.FILES, ("README.md", 1, "e" * 64)]),
            "not the files of the manifest, one to one",
        ),
    ],
)
def test_a_model_signature_about_anything_else_is_refused(workshop, kit, make, reason):
    workshop.packaged()
    workshop.attestation("signed", SIGNATURE, "model_signature", "ci")
    workshop.add(kit.signed(make(kit), "ci"))
    assert reason in workshop.reasons("signed")


def test_only_its_own_rule_makes_a_model_signatures_root_ours(workshop, kit):
    modules = {"any": f"package weighbridge.user.evidence.any\n\nverdict := {_PASSED}\n"}
    workshop.packaged()
    workshop.attestation("signed", SIGNATURE, "any", "ci")
    workshop.add(kit.signed(signature(kit, [("evil.bin", 1, "9" * 64)]), "ci"))
    with OpaServer([resources.policies() / "evidence"], modules=modules) as engine:
        assert "speaks about another subject" in workshop.reasons("signed", engine=engine)
        workshop.add(kit.signed(signature(kit, subject=kit.DIGEST), "ci"))
        assert workshop.attest(engine=engine).attestations["signed"].held


def test_a_users_own_predicate_needs_one_rego_file(workshop, kit):
    rule = """package weighbridge.user.evidence.reviewed

verdict := {"passed": input.predicate.ok, "reasons": reasons, "claims": {}, "at_ns": at} if {
	at := time.parse_rfc3339_ns(input.predicate.when)
}

reasons := [] if input.predicate.ok

reasons := ["not ok"] if not input.predicate.ok
"""
    workshop.packaged()
    workshop.attestation("reviewed", "https://acme.example/review/v1", "reviewed", "ci", max_age="7d")
    for ok, when in ((True, "2026-01-10T00:00:00Z"), (False, "2026-01-12T00:00:00Z"), (True, "2026-01-16T00:00:00Z")):
        data = kit.payload("https://acme.example/review/v1", {"ok": ok, "when": when})
        workshop.add(kit.signed(data, "ci"))
    with OpaServer([resources.policies() / "evidence"], modules={"reviewed": rule}) as engine:
        # Only the rule can tell the time; the newer failure beats the older pass all the same, and the future waits.
        assert "not ok" in workshop.reasons("reviewed", engine=engine)
        assert "later than --at" in workshop.reasons("reviewed", engine=engine)
        later = parse_time_ns("2026-01-16T00:00:00Z")
        state = workshop.attest(engine=engine, at_ns=later).attestations["reviewed"]
        assert (state.held, state.expires_ns) == (True, parse_time_ns("2026-01-23T00:00:00Z"))


def test_the_card_may_be_among_the_signed_files(workshop, kit):
    workshop.packaged()
    workshop.attestation("signed", SIGNATURE, "model_signature", "ci")
    workshop.add(kit.signed(signature(kit, [*kit.FILES, ("README.md", 1, kit.CARD[7:])]), "ci"))
    assert workshop.attest().attestations["signed"].held


def test_files_come_in_any_order(evaluated, kit):
    add(evaluated, kit, score=0.9)
    add(evaluated, kit, score=0.1, at="2026-01-03T00:00:00Z")
    add(evaluated, kit, "ev2")
    forwards = evaluated.attest()
    evaluated.evidence.reverse()
    assert evaluated.attest() == forwards
