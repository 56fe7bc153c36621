"""Whoever can write into the catalogue, or holds a key for something else, moves no version by it."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from weighbridge.canonical import digest
from weighbridge.errors import InputError, OutputError
from weighbridge.evidence.predicates import APPROVAL, PROMOTION
from weighbridge.evidence.verify import VERIFICATION_SUMMARY
from weighbridge.registry.orders import Restrictions
from weighbridge.release.announce import held_attestations, judge_release, release_event
from weighbridge.release.approve import approve, consider
from weighbridge.release.evidence_file import new_evidence, write_evidence
from weighbridge.release.promote import outlook, promote
from weighbridge.release.rehearsal import RehearsalError
from weighbridge.release.signers import named_signer
from weighbridge.release.summary import verification_summary
from weighbridge.release.verdict import ask

from .conftest import AT, AT_NS, CARD, DAY_NS, FOLDER, NAME, Shop, key

pytestmark = pytest.mark.engines
OTHER = "kb-qa-001@2025.03.20"


def codes(shop: Shop, environment: str = "prod", at_ns: int = AT_NS) -> set[str]:
    """Why a version may not be announced; empty if it may."""
    found = judge_release(shop.judge(at_ns), NAME, environment, at_ns).findings
    return {finding.code for finding in found if not finding.met}


def test_nothing_is_missing_in_prod(shop: Shop) -> None:
    """What the other tests take away from."""
    shop.bring_to_prod()
    assert shop.codes("prod") == set()
    assert codes(shop) == set()


# Promotions.


@pytest.mark.parametrize("signer", ["mlsec", "eval", "old", "root"])
def test_promotion_by_another_signer(shop: Shop, signer: str) -> None:
    shop.bring_to_prod()
    shop.promotion("staging", "prod", AT_NS - DAY_NS, signer=signer)
    assert shop.codes("prod") == {"REL-008"}


def test_promotion_replayed_to_another_environment(shop: Shop) -> None:
    """The one into staging, under the name of the one into prod; nothing but what is signed says where it leads."""
    shop.bring_to_prod()
    evidence = shop.folder / "evidence"
    shutil.copy(evidence / "promotion-staging.json", evidence / "promotion-prod.json")
    assert shop.codes("prod") == {"REL-008"}
    shop.promotion("dev", "prod", AT_NS - DAY_NS)
    assert shop.codes("prod") == {"REL-008"}


def test_promotion_replayed_to_another_version(shop: Shop) -> None:
    shop.bring_to_prod()
    theirs = shop.root / "models/kb-qa-001/2025.03.20/evidence/promotion-prod.dsse.json"
    shutil.copy(theirs, shop.folder / "evidence" / "promotion-prod.json")
    assert shop.codes("prod") == {"REL-008"}
    assert any("another subject" in given.reason for given in shop.judge().evidence[NAME].refused)


def test_promotion_from_a_record_that_is_not_any_more(shop: Shop) -> None:
    """An older record approved it in staging; now its provenance is gone, and the promotion rests on nothing."""
    shop.bring_to_prod()
    (shop.folder / "evidence" / "provenance.sigstore.json").unlink()
    assert "REL-007" in shop.codes("prod")
    assert {reason.code for reason in outlook(shop.judge(), NAME, "prod").missing} == {"REL-002", "REL-007"}


def test_promotion_dated_back_before_staging(shop: Shop) -> None:
    """The time that counts is the promotion into staging, whatever the one into prod says."""
    shop.bring_to_prod()
    shop.promotion("dev", "staging", AT_NS - DAY_NS + 10**9)
    shop.promotion("staging", "prod", AT_NS - 20 * DAY_NS)
    assert shop.codes("prod") == {"REL-009"}
    given = outlook(shop.judge(), NAME, "prod")
    assert given.possible_from_ns == AT_NS + 10**9
    with pytest.raises(ValueError, match="not to be promoted"):
        promote(shop.judge(), given, key("ci"), key("ci"), AT_NS)


def test_promotion_dated_ahead(shop: Shop) -> None:
    shop.bring_to_prod()
    shop.promotion("staging", "prod", AT_NS + 10**9)
    assert shop.codes("prod") == {"REL-008"}


def test_a_revoked_version_is_not_promoted(shop: Shop) -> None:
    judged = shop.judge()
    order = {"id": "17", "reason": "leaked", "reference": "", "issued_at": 1}
    judged.orders.restrictions["staging"].revoked[shop.artifact] = order  # type: ignore[index]  # a dict, here
    assert [reason.code for reason in outlook(judged, NAME, "staging").missing] == ["REL-012"]
    assert isinstance(judged.orders.restrictions["staging"], Restrictions)
    found = judge_release(judged, NAME, "staging", AT_NS).findings
    assert "REL-012" in {finding.code for finding in found if not finding.met}


def test_only_where_something_is_promoted(shop: Shop) -> None:
    for target, message in (("dev", "promotes from nothing"), ("stagin", "not defined")):
        with pytest.raises(InputError, match=message):
            outlook(shop.judge(), NAME, target)


def test_the_gate_has_the_last_word(shop: Shop) -> None:
    """A promotion by a key that does not count is made, judged in memory, and never written."""
    judged = shop.judge()
    with pytest.raises(RehearsalError, match=r"would still refuse.*REL-008"):
        promote(judged, outlook(judged, NAME, "staging"), key("mlsec"), key("ci"), AT_NS)
    assert not list(shop.folder.glob("evidence/promotion-*"))


# Who may sign.


@pytest.mark.parametrize(
    ("names", "signer", "message"),
    [
        (("ci",), "mlsec", "is the key of mlsec"),
        (("ci",), "root", "is a key that nobody trusts"),
        (("old",), "old", "does not count now"),
    ],
)
def test_keys_that_may_not(shop: Shop, names: tuple[str, ...], signer: str, message: str) -> None:
    catalogue = shop.judge().catalogue
    with pytest.raises(InputError, match=message):
        named_signer(catalogue, names, key(signer).public_key(), AT_NS, place="there")
    assert named_signer(catalogue, ("ci",), key("ci").public_key(), AT_NS, place="there").name == "ci"


@pytest.mark.parametrize("field", ["not_before: 2026-01-15T00:00:01Z", "not_after: 2026-01-15T00:00:00Z"])
def test_a_key_outside_its_time(shop: Shop, field: str) -> None:
    shop.configure(lambda text: text.replace("ci: {key: keys/ci.pub}", f"ci: {{key: keys/ci.pub, {field}}}"))
    with pytest.raises(InputError, match="does not count now"):
        named_signer(shop.judge().catalogue, ("ci",), key("ci").public_key(), AT_NS, place="there")


# Approvals.


def test_approval_of_a_manifest_that_was(shop: Shop) -> None:
    """Packaged anew after people approved: their approvals speak of another manifest."""
    shop.bring_to_prod()
    shop.package(licenses=("MIT",), at="2026-01-14")
    assert shop.codes("prod") == {"REL-006"}


def test_approval_by_one_person_twice(shop: Shop) -> None:
    shop.bring_to_prod()
    (shop.folder / "evidence" / "approval-product.json").unlink()
    approval = {"environment": "prod", "manifest_sha256": shop.manifest, "at": "2026-01-13T00:00:00Z"}
    shop.sign("approval-again.json", APPROVAL, approval, "mlsec")
    assert shop.codes("prod") == {"REL-006"}


def test_approving_is_shown_what_changed(shop: Shop) -> None:
    shop.package(licenses=("MIT",))
    judged = shop.judge(siblings=True)
    shown = consider(judged, NAME, "prod", key("mlsec").public_key(), AT_NS).shown
    assert shown["before"] == OTHER
    assert shown["digest"] == shop.artifact
    what = {given["what"] for given in shown["differences"]}
    assert {"file answers.json", "manifest licenses", "card datasets", "card weighbridge.lineage"} <= what


def test_nobody_approves_what_is_not_packaged(shop: Shop) -> None:
    """A card that was edited after packaging."""
    (shop.folder / "README.md").write_text(CARD + "\nEdited.\n")
    judged = shop.judge(siblings=True)
    found = consider(judged, NAME, "prod", key("mlsec").public_key(), AT_NS)
    assert [refusal[:7] for refusal in found.refusals] == ["REL-001"]
    with pytest.raises(ValueError, match="not to be approved"):
        approve(judged, found, key("mlsec"), AT_NS)


def test_approving_twice_signs_once(shop: Shop) -> None:
    shop.approve("mlsec")
    judged = shop.judge(siblings=True)
    assert consider(judged, NAME, "prod", key("mlsec").public_key(), AT_NS).given
    assert not consider(judged, NAME, "prod", key("product").public_key(), AT_NS).given


@pytest.mark.parametrize(("environment", "signer"), [("dev", "mlsec"), ("prod", "ci"), ("prod", "root"), ("x", "ci")])
def test_who_is_not_asked(shop: Shop, environment: str, signer: str) -> None:
    with pytest.raises(InputError):
        consider(shop.judge(siblings=True), NAME, environment, key(signer).public_key(), AT_NS)


def test_an_approval_that_would_not_count_is_not_written(shop: Shop) -> None:
    judged = shop.judge(siblings=True)
    found = consider(judged, NAME, "prod", key("mlsec").public_key(), AT_NS)
    with pytest.raises(RehearsalError, match=r"would not count: .*whom approvals of prod does not name"):
        approve(judged, found, key("ci"), AT_NS)


# Verification summaries.


def forged(shop: Shop, signer: str, subject: str = "") -> set[str]:
    shop.bring_to_prod()
    summary = verification_summary(shop.judge(), NAME, "prod", AT_NS)
    (shop.folder / "evidence" / "promotion-prod.json").unlink()
    shop.sign("verification-summary.json", VERIFICATION_SUMMARY, summary, signer, subject)
    refused = {given.reason for given in shop.judge().evidence[NAME].refused}
    # Whatever it says, it stands for nothing here.
    assert shop.codes("prod") == {"REL-008"}
    return refused


def test_forged_summary_by_nobody(shop: Shop) -> None:
    assert any("trust.signers" in reason for reason in forged(shop, "root"))


def test_forged_summary_by_a_compromised_key(shop: Shop) -> None:
    assert any("compromised" in reason for reason in forged(shop, "old"))


def test_forged_summary_of_another_version(shop: Shop) -> None:
    assert any("another subject" in reason for reason in forged(shop, "ci", digest(b"another")))


def test_a_true_summary_approves_nothing(shop: Shop) -> None:
    assert forged(shop, "ci") == set()


def test_no_summary_of_what_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match="not approved"):
        verification_summary(shop.judge(), NAME, "prod", AT_NS)


# Releases.


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("license: apache-2.0", "license: mit", "REL-014"),
        ("license: apache-2.0", "license: other", "REL-014"),
        ("base_model: []\n", "", "REL-018"),
        ("datasets: [example/kb-questions]\n", "", "REL-018"),
        ("  lineage: {parent_run_id: run-2025.03.15}\n", "", "REL-018"),
        ("## Threat model", "<!--\n## Threat model\n-->", "REL-015"),
        ("## Threat model", "```\n## Threat model\n```", "REL-015"),
        ("Whoever can ask", "TODO: whoever can ask", "REL-015"),
        ("```\nonnxruntime 1.20\n```", "", "REL-016"),
        ("`KB_INDEX`: the folder with the index.", "<!-- none -->", "REL-017"),
    ],
)
def test_what_a_card_leaves_out(shop: Shop, old: str, new: str, code: str) -> None:
    assert old in CARD
    shop.package(CARD.replace(old, new))
    shop.bring_to_prod()
    assert codes(shop) == {code}


def test_a_card_edited_after_packaging(shop: Shop) -> None:
    """Documented in full, and signed by nobody: nothing that it says counts."""
    shop.package(CARD.replace("## Threat model", "## Threats"))
    shop.bring_to_prod()
    assert codes(shop) == {"REL-015"}
    (shop.folder / "README.md").write_text(CARD)
    assert codes(shop) >= {"REL-011", "REL-014", "REL-015", "REL-016", "REL-017", "REL-018"}


def test_a_card_swapped_while_it_is_judged(shop: Shop) -> None:
    shop.bring_to_prod()
    judged = shop.judge()
    (shop.folder / "README.md").write_text(CARD + "\nswapped\n")
    with pytest.raises(InputError, match="changed while it was judged"):
        judge_release(judged, NAME, "prod", AT_NS)


def test_without_a_bill_of_materials(shop: Shop) -> None:
    shop.bring_to_prod()
    file = shop.folder / "evidence" / "sbom.json"
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}
    shop.sign("sbom.json", "https://cyclonedx.org/bom", bom, "ci")
    assert codes(shop) == {"REL-013"}
    file.unlink()
    assert codes(shop) == {"REL-013"}


def test_an_environment_that_demands_less(shop: Shop) -> None:
    shop.configure(lambda text: text.replace("  dev:\n", "  dev:\n    release: {requires: [license]}\n"))
    assert codes(shop, "dev") == set()
    assert codes(shop, "staging") >= {"REL-011"}
    event = release_event(shop.judge(), NAME, "dev", AT_NS, judge_release(shop.judge(), NAME, "dev", AT_NS))
    assert event["decision"]["applied_policies"] == ["REL-011", "REL-012", "REL-014"]


def test_every_environment_demands_all_by_itself(shop: Shop) -> None:
    """dev asks for no evaluation and no approvals, so nothing is announced for it."""
    assert codes(shop, "dev") == {"REL-019", "REL-020"}


def test_no_event_of_what_is_not_released(shop: Shop) -> None:
    judged = shop.judge()
    verdict = judge_release(judged, NAME, "prod", AT_NS)
    assert not verdict.released
    with pytest.raises(ValueError, match="may not be announced"):
        release_event(judged, NAME, "prod", AT_NS, verdict)


def test_only_what_holds_is_named(shop: Shop) -> None:
    """The attestations of an event are those of that moment."""
    evidence = shop.judge().evidence[NAME]
    assert "vuln-scan-clean" in held_attestations(evidence, AT_NS)
    assert "vuln-scan-clean" not in held_attestations(evidence, AT_NS + 30 * DAY_NS)


def test_who_approved_is_told_of_this_manifest_only(shop: Shop) -> None:
    """An approval that stands in the catalogue, of a manifest that was: its signer approved something else."""
    shop.bring_to_prod()
    judged = shop.judge()
    verdict = judge_release(judged, NAME, "prod", AT_NS)
    evidence = judged.evidence[NAME]
    older = replace(evidence.approvals[0], manifest_sha256=digest(b"older"))
    judged = replace(judged, evidence={NAME: replace(evidence, approvals=(older, evidence.approvals[1]))})
    labels = release_event(judged, NAME, "prod", AT_NS, verdict)["context"]["labels"]
    assert labels == {"trust": "unsigned", "approved_by": evidence.approvals[1].signer, "promoted_by": "ci"}


def test_the_bill_of_materials_is_named_by_its_hash(shop: Shop) -> None:
    shop.bring_to_prod()
    judged = shop.judge()
    event = release_event(judged, NAME, "prod", AT_NS, judge_release(judged, NAME, "prod", AT_NS))
    assert event["resource"]["model_release"]["sbom_uri"].startswith("ni:///sha-256;")


def question(**changes: Any) -> dict[str, Any]:
    return {"at_ns": AT_NS, "environment": "prod", "requires": [], "item": {}, **changes}


def finding(requirement: str, met: bool, *reasons: dict[str, str]) -> dict[str, Any]:
    return {"requirement": requirement, "met": met, "reasons": list(reasons)}


SAYS_NO = {"code": "REL-012", "message": "revoked"}
LIES = [
    None,
    True,
    {},
    {"released": True, "requirements": []},
    {"released": True, "requirements": [1]},
    {"released": True, "requirements": [finding("approved", True)]},
    {"released": True, "requirements": [finding("approved", True), finding("unrestricted", False)]},
    {"released": True, "requirements": [finding("approved", True), finding("unrestricted", False, SAYS_NO)]},
    {"released": True, "requirements": [finding("approved", True), finding("unrestricted", True, SAYS_NO)]},
    {"released": False, "requirements": [finding("approved", True), finding("unrestricted", True)]},
    {"released": True, "requirements": [finding("approved", True)] * 2 + [finding("unrestricted", True)]},
    {"released": True, "requirements": [finding("approved", True), finding("unrestricted", True)], "more": 1},
]


@pytest.mark.parametrize("answer", LIES)
def test_an_answer_that_is_none_refuses(tmp_path: Path, answer: Any) -> None:
    rules = tmp_path / "release.rego"
    head = "package weighbridge.release\n"
    rules.write_text(head if answer is None else f"{head}verdict := {json.dumps(answer)}\n")
    verdict = ask(question(), [rules])
    assert not verdict.released
    assert [finding.code for finding in verdict.findings] == ["REL-021"]


def test_what_nobody_can_judge_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.rego"
    broken.write_text("package weighbridge.release\nverdict := {")
    for verdict in (
        ask(question(), [broken]),
        ask(question(), [tmp_path / "missing.rego"]),
        ask(question(requires=["made-up"])),
    ):
        assert [finding.code for finding in verdict.findings] == ["REL-021"]
    assert [finding.met for finding in ask(question()).findings] == [False, False]


# Files.


def test_evidence_is_never_overwritten(shop: Shop) -> None:
    version = shop.judge().catalogue.versions[NAME]
    first = new_evidence(version, "package", b"1")
    assert first.path == f"{FOLDER}/evidence/package-2.sigstore.json"
    other = new_evidence(version, "other", b"2")
    target = shop.root / first.path
    target.write_bytes(b"somebody was faster")
    with pytest.raises(OutputError, match="is there already"):
        write_evidence(shop.root, [other, first])
    assert target.read_bytes() == b"somebody was faster"
    assert not (shop.root / other.path).exists()
    assert not list(shop.folder.glob("evidence/.*"))


def test_a_full_disk_leaves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails at the second file: stood in for, since no disk here is small enough."""
    version = shop.judge().catalogue.versions[NAME]
    files = [new_evidence(version, stem, b"x") for stem in ("a", "b")]
    link, calls = os.link, []

    def full(source: str, target: Path) -> None:
        calls.append(target)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        link(source, target)

    before = sorted(shop.folder.glob("evidence/*"))
    monkeypatch.setattr("weighbridge.release.evidence_file.os.link", full)
    with pytest.raises(OutputError, match="No space left"):
        write_evidence(shop.root, files)
    assert sorted(shop.folder.glob("evidence/*")) == before
    assert not list(shop.folder.glob("evidence/.*"))


def test_promotion_signed_for_audit(shop: Shop) -> None:
    """`record_sha256` is not compared, so one that says anything counts as long as its signer does."""
    shop.bring_to_prod()
    predicate = {"from": "staging", "to": "prod", "at": AT, "record_sha256": digest(b"anything")}
    shop.sign("promotion-prod.json", PROMOTION, predicate, "ci")
    assert shop.codes("prod") == set()
