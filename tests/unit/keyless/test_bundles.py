"""Honest bundles of a private instance verify; each single manipulation is refused by its own reason."""

from __future__ import annotations

import copy
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from tests.private_sigstore.instance import EPOCH, IDENTITY, ISSUER, Instance
from tests.private_sigstore.log import Log, b64, dsse_body, sha256

from weighbridge.errors import InputError
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.evidence.trusted_root import shipped_root

PAYLOAD = b'{"_type": "https://in-toto.io/Statement/v1"}'
NS = 10**9


def entry_of(bundle):
    return bundle["verificationMaterial"]["tlogEntries"][0]


def now():
    return datetime.now(UTC)


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
def test_a_bundle_with_a_promise_verifies_at_the_logs_time(honest, verify, version):
    logged = EPOCH + timedelta(seconds=90)
    certified = verify(honest.bundle(PAYLOAD, version=version, logged=logged), honest.trusted_root())
    assert certified.time_ns == int(logged.timestamp()) * NS
    assert [signer.name for signer in certified.signers] == ["ci"]
    assert (certified.certificate.issuer, certified.certificate.identity) == (ISSUER, IDENTITY)


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_bundle_with_a_timestamp_verifies(honest, verify, rekor):
    before = int((now() - timedelta(seconds=2)).timestamp())
    certified = verify(honest.bundle(PAYLOAD, at=now(), stamped=True, rekor=rekor), honest.trusted_root())
    assert before * NS <= certified.time_ns <= int(now().timestamp() + 1) * NS


def test_another_mail_address_and_a_long_identity_verify(honest, verify):
    for identity in ("mlsec@example.com", "https://git.example.com/acme/" + "x" * 300):
        assert verify(honest.bundle(PAYLOAD, identity), honest.trusted_root(), identity=identity)


# Who signed


@pytest.mark.parametrize(
    "identity",
    [IDENTITY + "x", "x" + IDENTITY, IDENTITY[:-1], IDENTITY.upper(), IDENTITY + " "],
)
def test_another_identity_is_nobody(honest, refusal, identity):
    reason = refusal(honest.bundle(PAYLOAD, identity), honest.trusted_root())
    assert "whom trust.signers does not name" in reason
    assert repr(identity) in reason


@pytest.mark.parametrize("issuer", ["https://evil.example.com", ISSUER + "/", ISSUER[:-1]])
def test_another_issuer_is_told(honest, refusal, issuer):
    reason = refusal(honest.bundle(PAYLOAD, issuer=issuer), honest.trusted_root())
    assert "that identity is trusted by another issuer only" in reason


def test_a_certificate_with_two_identities_is_nobody(honest, refusal):
    reason = refusal(honest.bundle(PAYLOAD, [IDENTITY, "mallory@example.com"]), honest.trusted_root())
    assert "2 identities instead of one" in reason


PATTERN = r"https://git\.example\.com/acme/[^/]+/\.ci/release\.yml@refs/heads/main"


def test_a_pattern_matches_the_whole_identity(honest, verify, refusal):
    root = honest.trusted_root()
    given = {"identity": None, "identity_pattern": PATTERN}
    assert verify(honest.bundle(PAYLOAD), root, **given)
    for identity in (IDENTITY + "-evil", "https://git.example.com/acme/a/b/.ci/release.yml@refs/heads/main"):
        assert "whom trust.signers does not name" in refusal(honest.bundle(PAYLOAD, identity), root, **given)


def test_claims_are_compared_exactly(honest, verify, refusal):
    bundle = honest.bundle(PAYLOAD, claims={14: "refs/heads/main", 11: "self-hosted"})
    root = honest.trusted_root()
    assert verify(bundle, root, claims={"source_repository_ref": "refs/heads/main"})
    reason = refusal(bundle, root, claims={"runner_environment": "github-hosted"})
    assert "runner_environment is 'self-hosted', not 'github-hosted'" in reason
    assert "source_repository_uri is None" in refusal(bundle, root, claims={"source_repository_uri": "https://x"})


# The certificate


def test_a_certificate_by_an_unknown_authority_is_refused(honest, refusal):
    stranger = Instance()
    stranger.ct_key, stranger.log = honest.ct_key, honest.log
    assert "failed to build" in refusal(stranger.bundle(PAYLOAD), honest.trusted_root())


def test_a_certificate_without_sct_is_refused(honest, refusal):
    assert "has no SCT" in refusal(honest.bundle(PAYLOAD, scts=0), honest.trusted_root())


def test_a_certificate_with_two_scts_is_refused(honest, refusal):
    assert "has 2 SCTs" in refusal(honest.bundle(PAYLOAD, scts=2), honest.trusted_root())


def test_an_sct_by_another_log_is_refused(instance, refusal):
    root = instance.trusted_root()
    instance.ct_key = ec.generate_private_key(ec.SECP256R1())
    assert "failed to verify SCT" in refusal(instance.bundle(PAYLOAD), root)


def test_a_second_certificate_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD, version="0.2")
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain.append({"rawBytes": b64(honest.ca.public_bytes(Encoding.DER))})
    assert "holds 2 certificates" in refusal(bundle, honest.trusted_root())


def test_a_certificate_beside_a_chain_or_a_key_is_refused(honest, refusal):
    for extra in ({"publicKey": {"hint": "x"}}, {"x509CertificateChain": {"certificates": []}}):
        bundle = honest.bundle(PAYLOAD)
        bundle["verificationMaterial"] |= extra
        assert "a certificate and a public key, or a certificate in two places" in refusal(
            bundle, honest.trusted_root()
        )


def test_a_certificate_where_the_version_has_none_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD, version="0.2")
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert "where a bundle of the type" in refusal(bundle, honest.trusted_root())


# The time


@pytest.mark.parametrize("offset", [timedelta(minutes=-2), timedelta(minutes=10)])
def test_a_time_outside_the_certificates_validity_is_refused(honest, refusal, offset):
    reason = refusal(honest.bundle(PAYLOAD, logged=EPOCH + offset), honest.trusted_root())
    assert "not valid at validation time" in reason


def test_a_timestamp_after_the_certificate_expired_is_refused(honest, refusal):
    reason = refusal(honest.bundle(PAYLOAD, at=EPOCH, rekor=2), honest.trusted_root())
    assert "not valid at validation time" in reason


def test_a_bundle_without_any_time_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    del entry_of(bundle)["inclusionPromise"]
    assert "no time is proven" in refusal(bundle, honest.trusted_root())


def test_a_changed_time_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    entry_of(bundle)["integratedTime"] = str(int(EPOCH.timestamp()) + 1)
    assert "SET: invalid inclusion promise" in refusal(bundle, honest.trusted_root())


@pytest.mark.parametrize("given", ["", "-1", "1e9", "9" * 30, None, True, [], "\uff11"])
def test_a_time_that_cannot_be_read_is_refused(honest, refusal, given):
    bundle = honest.bundle(PAYLOAD)
    entry_of(bundle)["integratedTime"] = given
    assert "whose time cannot be read" in refusal(bundle, honest.trusted_root())


def test_a_timestamp_by_a_stranger_or_over_something_else_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD, at=now(), rekor=2)
    signature = b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    for stamps in (Instance().timestamps(signature), honest.timestamps(signature + b"x")):
        bundle["verificationMaterial"]["timestampVerificationData"] = stamps
        assert "not enough sources of verified time" in refusal(bundle, honest.trusted_root())


def test_a_timestamp_that_is_none_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    for token in ("Zm9v", "", "!", 5, None, "A" * 70000):
        bundle["verificationMaterial"]["timestampVerificationData"] = {
            "rfc3161Timestamps": [{"signedTimestamp": token}]
        }
        assert "holds a timestamp that" in refusal(bundle, honest.trusted_root())
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": "Zm9v"}] * 9}
    bundle["verificationMaterial"]["timestampVerificationData"] = stamps
    assert "more than 8 timestamps" in refusal(bundle, honest.trusted_root())


# The log


def test_a_missing_or_second_entry_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    entry = entry_of(bundle)
    for entries in ([], [entry, entry], None, [None]):
        bundle["verificationMaterial"]["tlogEntries"] = entries
        assert "of a transparency log instead of one" in refusal(bundle, honest.trusted_root())


def test_a_missing_inclusion_proof_is_refused_in_every_version(honest, refusal):
    for version in ("0.1", "0.2", "0.3"):
        bundle = honest.bundle(PAYLOAD, version=version)
        del entry_of(bundle)["inclusionProof"]
        assert "its log entry has no inclusion proof" in refusal(bundle, honest.trusted_root())


def test_a_missing_checkpoint_is_refused_in_every_version(honest, refusal):
    for version in ("0.1", "0.2", "0.3"):
        bundle = honest.bundle(PAYLOAD, version=version)
        del entry_of(bundle)["inclusionProof"]["checkpoint"]
        assert "has no checkpoint" in refusal(bundle, honest.trusted_root())


def test_a_checkpoint_by_another_log_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    other = Log(honest.log.name, bodies=honest.log.bodies)
    entry_of(bundle)["inclusionProof"]["checkpoint"]["envelope"] = other.checkpoint()
    assert "Signature not found for log ID" in refusal(bundle, honest.trusted_root())
    head, _, _ = other.checkpoint().rpartition(" ")
    claimed = f"{head} {b64(honest.log.key_id[:4] + other.sign(b'x'))}\n"
    entry_of(bundle)["inclusionProof"]["checkpoint"]["envelope"] = claimed
    assert "invalid signature" in refusal(bundle, honest.trusted_root())


def test_a_checkpoint_of_another_state_is_refused(instance, refusal):
    bundle = instance.bundle(PAYLOAD)
    instance.bundle(PAYLOAD + b" ")
    entry_of(bundle)["inclusionProof"]["checkpoint"]["envelope"] = instance.log.checkpoint()
    assert "invalid root hash" in refusal(bundle, instance.trusted_root())


def test_a_proof_for_another_entry_is_refused(instance, refusal):
    first, second = instance.bundle(PAYLOAD), instance.bundle(PAYLOAD + b" ")
    entry_of(first)["inclusionProof"] = entry_of(second)["inclusionProof"]
    reason = refusal(first, instance.trusted_root())
    assert "inclusion proof contains invalid root hash" in reason


def test_a_shortened_proof_and_odd_indices_are_refused(instance, refusal):
    bundle = instance.bundle(PAYLOAD)
    short = copy.deepcopy(bundle)
    entry_of(short)["inclusionProof"]["hashes"].pop()
    assert "inclusion proof has wrong size" in refusal(short, instance.trusted_root())
    for index in ("-1", "99", "x"):
        odd = copy.deepcopy(bundle)
        entry_of(odd)["inclusionProof"]["logIndex"] = index
        assert "does not verify" in refusal(odd, instance.trusted_root())


def test_an_entry_for_another_statement_is_refused(honest, refusal):
    first, second = honest.bundle(PAYLOAD), honest.bundle(PAYLOAD + b" ")
    first["verificationMaterial"]["tlogEntries"] = second["verificationMaterial"]["tlogEntries"]
    assert "does not match bundle" in refusal(first, honest.trusted_root())


def test_an_entry_by_another_certificate_is_refused(honest, refusal):
    first, second = honest.bundle(PAYLOAD), honest.bundle(PAYLOAD)
    first["verificationMaterial"]["certificate"] = second["verificationMaterial"]["certificate"]
    assert "DSSE: invalid signature" in refusal(first, honest.trusted_root())


def test_an_entry_of_an_unknown_log_is_refused(instance, refusal):
    root = instance.trusted_root()
    instance.log = Log("other.example.com")
    assert "of a log that the root does not name" in refusal(instance.bundle(PAYLOAD), root)


def test_an_entry_of_another_kind_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    body = {"apiVersion": "0.0.2", "kind": "intoto", "spec": {}}
    bundle["verificationMaterial"]["tlogEntries"] = [honest.log.entry(body, int(EPOCH.timestamp()))]
    assert "dsse/hashedrekord 0.0.1" in refusal(bundle, honest.trusted_root())


# What was signed


def test_a_changed_payload_or_payload_type_is_refused(honest, refusal):
    for field, value in (("payload", b64(PAYLOAD + b" ")), ("payloadType", "text/plain")):
        bundle = honest.bundle(PAYLOAD)
        bundle["dsseEnvelope"][field] = value
        assert "DSSE: invalid signature" in refusal(bundle, honest.trusted_root())


def test_a_second_signature_is_refused(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    bundle["dsseEnvelope"]["signatures"].append({"sig": b64(b"another")})
    assert "exactly one signature" in refusal(bundle, honest.trusted_root())


@pytest.mark.parametrize("version", ["0.4", "1", ""])
def test_an_unknown_version_is_refused(honest, version):
    bundle = honest.bundle(PAYLOAD)
    bundle["mediaType"] = f"application/vnd.dev.sigstore.bundle.v{version}+json"
    with pytest.raises(InputError, match="a media type that is not accepted"):
        parse_envelope(json.dumps(bundle).encode(), "bundle.json", keyless=True)


# The root


@pytest.mark.parametrize("kind", ["ca", "log", "ct"])
def test_an_authority_that_had_ended_does_not_count(honest, verify, refusal, kind):
    bundle = honest.bundle(PAYLOAD)
    root = honest.trusted_root(**{kind: EPOCH - timedelta(seconds=1)})
    assert "that counted then" in refusal(bundle, root)
    assert verify(bundle, honest.trusted_root(**{kind: EPOCH}))


def test_a_timestamp_authority_that_had_ended_does_not_count(honest, refusal):
    bundle = honest.bundle(PAYLOAD, at=now(), rekor=2)
    reason = refusal(bundle, honest.trusted_root(tsa=now() - timedelta(hours=1)))
    assert "no Timestamp Authorities" in reason


def test_the_shipped_root_does_not_vouch_for_a_private_instance(honest, refusal):
    reason = refusal(honest.bundle(PAYLOAD), json.loads(shipped_root()))
    assert "of a log that the root does not name" in reason


def test_a_root_may_not_name_the_same_log_under_another_id(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    entry_of(bundle)["logId"] = {"keyId": b64(sha256(b"other"))}
    assert "of a log that the root does not name" in refusal(bundle, honest.trusted_root())


def test_an_entry_may_hold_no_signature_of_somebody_else(honest, refusal):
    bundle = honest.bundle(PAYLOAD)
    other = honest.bundle(PAYLOAD)
    pem = honest.ca.public_bytes(Encoding.PEM)
    body = dsse_body(other["dsseEnvelope"], PAYLOAD, pem)
    bundle["verificationMaterial"]["tlogEntries"] = [honest.log.entry(body, int(EPOCH.timestamp()))]
    assert "log entry signatures do not match" in refusal(bundle, honest.trusted_root())


VALUES = [None, True, 0, 2**70, "", "x", "MA==", [], {}, [{}], {"x": 1}, 1.5, "0"]


def paths(document, path=()):
    """The paths of all nodes."""
    if path:
        yield path
    children = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in children:
        yield from paths(document[key], (*path, key))


@pytest.mark.parametrize("kind", [{"version": "0.2"}, {"version": "0.3"}, {"rekor": 2}])
def test_no_part_of_a_bundle_can_be_replaced_or_left_out(honest, verify, kind):
    """Whatever is put in a part's place, there is a reason, and never another kind of error."""
    bundle, root = honest.bundle(PAYLOAD, at=now(), **kind), honest.trusted_root()
    verify(bundle, root)
    accepted = set()
    for path in paths(bundle):
        for value in (*VALUES, ...):
            bent = copy.deepcopy(bundle)
            place = bent
            for key in path[:-1]:
                place = place[key]
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            try:
                verify(bent, root)
            except (ValueError, InputError):
                continue
            accepted.add(".".join(map(str, path)))
    # Where an entry lies in all shards of a log; nothing signs it in Rekor 2, and nothing rests on it.
    assert accepted <= {"verificationMaterial.tlogEntries.0.logIndex"}
