"""Evidence about serving images must hold for every one of them."""

import pytest

from weighbridge.catalogue.names import NEVER_NS, parse_time_ns

VULNS = "https://in-toto.io/attestation/vulns/v0.2"


@pytest.fixture
def scanned(workshop, kit):
    workshop.packaged()
    workshop.attestation(
        "clean", VULNS, "vulnerabilities", "scan", about="images", max_age="7d", **{"with": {"max_severity": "medium"}}
    )
    workshop.serving = [kit.IMAGE, kit.OTHER_IMAGE]
    return workshop


def scan(workshop, kit, image, at, *severities, subject=None):
    return workshop.add(
        kit.signed(kit.payload(VULNS, kit.scan(at, *severities), subject or image), "scan"), image=image
    )


def test_it_holds_if_it_holds_for_each(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z", "low")
    scan(scanned, kit, kit.OTHER_IMAGE, "2026-01-13T00:00:00Z")
    state = scanned.attest().attestations["clean"]
    assert state.held
    assert state.expires_ns == parse_time_ns("2026-01-20T00:00:00Z")
    assert {verdict.subject for verdict in state.verdicts} == {kit.IMAGE, kit.OTHER_IMAGE}


def test_one_image_without_a_scan_is_one_too_many(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    state = scanned.attest().attestations["clean"]
    assert not state.held
    (refusal,) = state.refused
    assert refusal.file == f"images/{'2' * 64}/evidence"
    assert refusal.reason == "holds nothing for clean"


def test_no_image_with_a_scan_is_no_evidence(scanned):
    state = scanned.attest().attestations["clean"]
    assert (state.held, state.expires_ns, state.verdicts, state.refused) == (False, NEVER_NS, (), ())


def test_one_image_that_fails_fails_all(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    scan(scanned, kit, kit.OTHER_IMAGE, "2026-01-14T00:00:00Z", "critical")
    assert "CVE-2026-0 is critical" in scanned.reasons("clean")


def test_one_image_whose_scan_aged_says_when(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    scan(scanned, kit, kit.OTHER_IMAGE, "2026-01-08T00:00:00Z")
    state = scanned.attest().attestations["clean"]
    assert (state.held, state.expires_ns) == (False, kit.AT)


def test_a_scan_of_another_image_in_its_folder_is_refused(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    scan(scanned, kit, kit.OTHER_IMAGE, "2026-01-14T00:00:00Z", subject=kit.IMAGE)
    assert "speaks about another subject" in scanned.reasons("clean")


def test_a_scan_beside_the_model_is_not_about_its_images(scanned, kit):
    scanned.serving = [kit.IMAGE]
    scanned.add(kit.signed(kit.payload(VULNS, kit.scan(), kit.IMAGE), "scan"))
    evidence = scanned.attest()
    assert not evidence.attestations["clean"].held
    assert "no attestation about model has predicate type" in evidence.refused[0].reason


def test_files_about_an_image_that_nobody_can_use_are_reported(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    path = scanned.add(b"nonsense", image=kit.OTHER_IMAGE)
    state = scanned.attest().attestations["clean"]
    assert [(refusal.file, "not JSON" in refusal.reason) for refusal in state.refused] == [(path, True)]


def test_without_a_trusted_card_no_image_is_known(scanned, kit):
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    scan(scanned, kit, kit.OTHER_IMAGE, "2026-01-14T00:00:00Z")
    assert scanned.attest().attestations["clean"].held
    scanned.evidence.clear()
    assert "names the serving images, but is not trusted" in scanned.reasons("clean")


def test_a_card_without_images_proves_nothing_about_images(scanned):
    scanned.serving = []
    assert scanned.reasons("clean") == "names no serving image; list their digests there under weighbridge.images"


def test_an_image_named_twice_is_one(scanned, kit):
    scanned.serving = [kit.IMAGE, kit.IMAGE]
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z")
    assert len(scanned.attest().attestations["clean"].verdicts) == 1


def test_an_allowance_ends_what_it_allows(scanned, kit):
    scanned.serving = [kit.IMAGE]
    allowed = [{"id": "CVE-2026-0", "until": "2026-01-16T00:00:00Z", "reason": "not reachable"}]
    scanned.attestations["clean"]["with"]["allowed"] = allowed
    scan(scanned, kit, kit.IMAGE, "2026-01-14T00:00:00Z", "critical")
    until = parse_time_ns("2026-01-16T00:00:00Z")
    state = scanned.attest().attestations["clean"]
    assert (state.held, state.expires_ns) == (True, until)
    assert not scanned.attest(at_ns=until).attestations["clean"].held
