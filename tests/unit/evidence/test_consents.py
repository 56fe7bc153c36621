"""Approvals and promotions: verified like all evidence, and counted by the gate."""

import pytest

from weighbridge.catalogue.names import parse_time_ns

APPROVAL = "https://weighbridge.dev/approval/v1"
PROMOTION = "https://weighbridge.dev/promotion/v1"
RECORD = "sha256:" + "7" * 64


@pytest.fixture
def catalogue(workshop):
    workshop.packaged()
    workshop.trust("mlsec", "product", "other")
    workshop.environments = {
        "dev": {},
        "prod": {
            "promotes_from": "dev",
            "promotions": {"signers": ["ci"]},
            "approvals": {"signers": ["mlsec", "product"], "threshold": 2},
        },
    }
    return workshop


def approval(kit, environment="prod", manifest=None, at="2026-01-10T00:00:00Z", **more):
    body = {"environment": environment, "manifest_sha256": manifest or kit.MANIFEST, "at": at, **more}
    return kit.payload(APPROVAL, body)


def promotion(kit, before="dev", after="prod", at="2026-01-10T00:00:00Z", **more):
    return kit.payload(PROMOTION, {"from": before, "to": after, "at": at, "record_sha256": RECORD, **more})


def test_approvals_are_collected_with_their_signers(catalogue, kit):
    path = catalogue.add(kit.signed(approval(kit), "mlsec", "product"))
    approvals = catalogue.attest().approvals
    assert sorted(given.signer for given in approvals) == ["mlsec", "product"]
    assert len({given.fingerprint for given in approvals}) == 2
    assert {(given.environment, given.manifest_sha256, given.at_ns, given.file) for given in approvals} == {
        ("prod", kit.MANIFEST, parse_time_ns("2026-01-10T00:00:00Z"), path)
    }


def test_promotions_are_collected_with_their_signers(catalogue, kit):
    path = catalogue.add(kit.signed(promotion(kit), "ci"))
    (given,) = catalogue.attest().promotions
    assert (given.signer, given.from_, given.to, given.record_sha256, given.file) == ("ci", "dev", "prod", RECORD, path)
    assert given.at_ns == parse_time_ns("2026-01-10T00:00:00Z")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda kit: kit.signed(approval(kit), "other"), "signed by other, whom approvals of prod does not name"),
        (lambda kit: kit.signed(approval(kit), "nobody"), "no key that trust.signers names"),
        (lambda kit: kit.signed(approval(kit, "dev"), "mlsec"), "environment that asks for no approval"),
        (lambda kit: kit.signed(approval(kit, ["prod"]), "mlsec"), "environment that asks for no approval"),
        (lambda kit: kit.signed(approval(kit, None), "mlsec"), "environment that asks for no approval"),
        (lambda kit: kit.signed(approval(kit, manifest=RECORD), "mlsec"), "it approves another manifest"),
        (lambda kit: kit.signed(approval(kit, at="2026-01-16T00:00:00Z"), "mlsec"), "later than --at"),
        (lambda kit: kit.signed(approval(kit, at=None), "mlsec"), "the predicate is not {environment"),
        (lambda kit: kit.signed(approval(kit, for_="all"), "mlsec"), "the predicate is not {environment"),
        (lambda kit: kit.signed(promotion(kit), "mlsec"), "whom promotions of prod does not name"),
        (lambda kit: kit.signed(promotion(kit, "staging"), "ci"), "it promotes from another environment"),
        (
            lambda kit: kit.signed(promotion(kit, after="dev"), "ci"),
            "environment that asks for no approval or promotion",
        ),
        (lambda kit: kit.signed(promotion(kit, record_sha256="x"), "ci"), "the predicate is not {from"),
        (lambda kit: kit.signed(promotion(kit, at="2026-01-15T00:00:00.1Z"), "ci"), "later than --at"),
    ],
)
def test_what_does_not_count_is_reported(catalogue, kit, make, reason):
    path = catalogue.add(make(kit))
    evidence = catalogue.attest()
    assert (evidence.approvals, evidence.promotions) == ((), ())
    assert [refusal.file for refusal in evidence.refused if reason in refusal.reason] == [path]


def test_a_compromised_approver_approves_nothing(catalogue, kit):
    catalogue.add(kit.signed(approval(kit), "mlsec", "product"))
    catalogue.trust("mlsec", compromised_from="2026-01-12T00:00:00Z")
    assert [given.signer for given in catalogue.attest().approvals] == ["product"]


def test_an_approver_whose_time_is_over_approves_nothing(catalogue, kit):
    catalogue.add(kit.signed(approval(kit), "mlsec"))
    catalogue.trust("mlsec", not_after="2026-01-12T00:00:00Z")
    assert catalogue.attest().approvals == ()


def test_of_one_signer_the_latest_promotion_counts(catalogue, kit):
    catalogue.add(kit.signed(promotion(kit), "ci"))
    catalogue.add(kit.signed(promotion(kit, at="2026-01-12T00:00:00Z"), "ci"))
    assert [given.at_ns for given in catalogue.attest().promotions] == [parse_time_ns("2026-01-12T00:00:00Z")]


def test_an_approval_can_be_taken_for_an_attestation_too(catalogue, kit):
    catalogue.attestation("seen", APPROVAL, "approval", "mlsec", **{"with": {"environment": "prod"}})
    catalogue.add(kit.signed(approval(kit), "mlsec"))
    evidence = catalogue.attest()
    assert evidence.attestations["seen"].held
    assert len(evidence.approvals) == 1
