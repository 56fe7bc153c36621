"""Every code of the gate, from files on disk through real signatures and the real OPA."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from weighbridge.errors import EngineError, InputError
from weighbridge.evidence.predicates import APPROVAL, PACKAGE, PROMOTION
from weighbridge.registry.gate import judge
from weighbridge.registry.judgement import Judged

pytestmark = pytest.mark.engines
FOLDER = "models/qa/1.0.0"
EVIDENCE = f"{FOLDER}/evidence"
AT = "2026-01-15T00:00:00Z"
Workshop = Any


def test_all_there_is_approved_everywhere(workshop: Workshop) -> None:
    records = workshop.judge().records
    assert list(records) == ["dev", "staging", "prod"]
    for environment in records.values():
        assert environment["qa@1.0.0"].approved
    prod = records["prod"]["qa@1.0.0"]
    assert prod.required == ("evaluated", "packaged", "scanned")
    assert prod.images == ("sha256:" + "a" * 64,)
    # The scan of 14 January counts seven days.
    assert prod.not_after == 1768953600 * 10**9
    assert set(prod.attestations) == {"evaluated", "packaged", "scanned"}
    assert prod.attestations["scanned"].signers == ("scanner",)
    assert prod.promotion == (f"{EVIDENCE}/promotion-prod.json",)


def digest_of(workshop: Workshop) -> str:
    return str(json.loads((workshop.root / FOLDER / "manifest.json").read_text())["artifact_digest"])


def manifest_of(workshop: Workshop) -> str:
    return str(workshop.judge().catalogue.versions["qa@1.0.0"].manifest_sha256)


def edit_card(workshop: Workshop) -> None:
    file = workshop.root / FOLDER / "README.md"
    file.write_text(file.read_text() + "Trust me.\n")


def edit_manifest(workshop: Workshop) -> None:
    file = workshop.root / FOLDER / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "licenses": ["MIT"]}))


def package_by_another(workshop: Workshop) -> None:
    versions = workshop.judge().catalogue.versions["qa@1.0.0"]
    predicate = {"manifest_sha256": versions.manifest_sha256, "card_sha256": versions.card_sha256, "at": AT}
    workshop.sign(f"{EVIDENCE}/package.json", PACKAGE, predicate, versions.artifact_digest, "eval")


def remove(path: str) -> Callable[[Workshop], None]:
    return lambda workshop: (workshop.root / path).unlink()


def evaluation(score: Any, signer: str = "eval") -> Callable[[Workshop], None]:
    def change(workshop: Workshop) -> None:
        workshop.evaluation(FOLDER, digest_of(workshop), score, signer)

    return change


def approval(signer: str, **changes: Any) -> Callable[[Workshop], None]:
    def change(workshop: Workshop) -> None:
        predicate = {"environment": "prod", "manifest_sha256": manifest_of(workshop), "at": "2026-01-12T00:00:00Z"}
        path = f"{EVIDENCE}/approval-product.json"
        workshop.sign(path, APPROVAL, {**predicate, **changes}, digest_of(workshop), signer)

    return change


def promotion(target: str, **changes: Any) -> Callable[[Workshop], None]:
    def change(workshop: Workshop) -> None:
        source = {"staging": "dev", "prod": "staging"}[target]
        given = {"from": source, "to": target, "at": "2026-01-13T00:00:00Z", "record_sha256": "sha256:" + "0" * 64}
        signer = changes.pop("signer", "ci")
        path = f"{EVIDENCE}/promotion-{target}.json"
        workshop.sign(path, PROMOTION, {**given, **changes}, digest_of(workshop), signer)

    return change


def truncated(path: str) -> Callable[[Workshop], None]:
    def change(workshop: Workshop) -> None:
        file = workshop.root / path
        file.write_bytes(file.read_bytes()[:-40])

    return change


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (edit_card, {"REL-001", "REL-003", "REL-007"}),
        (edit_manifest, {"REL-001", "REL-003", "REL-006", "REL-007"}),
        (package_by_another, {"REL-001", "REL-003", "REL-007"}),
        (remove(f"{EVIDENCE}/package.json"), {"REL-001", "REL-003", "REL-007"}),
        (truncated(f"{EVIDENCE}/package.json"), {"REL-001", "REL-003", "REL-007"}),
        (remove(f"{EVIDENCE}/evaluation.json"), {"REL-002", "REL-005", "REL-007"}),
        (remove(f"images/{'a' * 64}/evidence/scan.json"), {"REL-002"}),
        (evaluation(0.9, signer="ci"), {"REL-003", "REL-005", "REL-007"}),
        (lambda w: w.scan(severity="critical"), {"REL-003"}),
        (lambda w: w.scan(at="2026-01-16T00:00:00Z"), {"REL-003"}),
        (lambda w: w.scan(at="2026-01-08T00:00:00Z"), {"REL-004"}),
        (lambda w: w.scan(at="2026-01-07T00:00:00Z"), {"REL-004"}),
        (evaluation(0.69), {"REL-005"}),
        (remove(f"{EVIDENCE}/approval-product.json"), {"REL-006"}),
        (approval("mlsec"), {"REL-006"}),
        (approval("ci"), {"REL-006"}),
        (approval("product", environment="staging"), {"REL-006"}),
        (approval("product", manifest_sha256="sha256:" + "0" * 64), {"REL-006"}),
        (approval("product", at="2026-01-15T00:00:01Z"), {"REL-006"}),
        (remove(f"{EVIDENCE}/promotion-staging.json"), {"REL-007"}),
        (promotion("staging", signer="mlsec"), {"REL-007"}),
        (remove(f"{EVIDENCE}/promotion-prod.json"), {"REL-008"}),
        (promotion("prod", signer="mlsec"), {"REL-008"}),
        (promotion("prod", **{"from": "dev"}), {"REL-008"}),
        (promotion("prod", at="2026-01-15T00:00:01Z"), {"REL-008"}),
        (promotion("staging", at="2026-01-14T00:00:01Z"), {"REL-009"}),
    ],
)
def test_refused(workshop: Workshop, change: Callable[[Workshop], None], codes: set[str]) -> None:
    change(workshop)
    assert workshop.codes() == codes


def test_one_key_under_two_names_is_one_approver(workshop: Workshop) -> None:
    (workshop.root / "keys/product.pub").write_bytes((workshop.root / "keys/mlsec.pub").read_bytes())
    with pytest.raises(InputError, match="have the same key"):
        workshop.judge()


def test_min_time_counts_to_the_second(workshop: Workshop) -> None:
    promotion("staging", at="2026-01-14T00:00:00Z")(workshop)
    assert workshop.codes() == set()


def test_an_approval_ends_no_later_than_the_one_before(workshop: Workshop) -> None:
    """A compile after the scan's end would refuse staging, and so prod, which does not ask for the scan itself."""
    workshop.configure(
        {"environments.prod.requires": ["evaluated"], "environments.staging.requires": ["evaluated", "scanned"]}
    )
    assert workshop.record().not_after == 1768953600 * 10**9
    assert workshop.codes(at_ns=1768953600 * 10**9) == {"REL-007"}


def test_an_approval_ends_when_an_approver_ceases_to_count(workshop: Workshop) -> None:
    workshop.configure({"trust.signers.product.not_after": "2026-01-17T00:00:00Z"})
    end = 1768608000 * 10**9
    assert workshop.record().not_after == end
    assert workshop.codes(at_ns=end) == {"REL-006"}


def test_a_score_that_is_no_number_is_no_score(workshop: Workshop) -> None:
    evaluation("0.99")(workshop)
    assert "REL-005" in workshop.codes()


def test_evidence_about_the_same_bytes_under_another_name_binds_only_what_it_says(workshop: Workshop) -> None:
    """Two versions with the same files have one artifact digest; manifest, card and approvals still tell them apart."""
    workshop.version("qa@1.0.1")
    for file in (workshop.root / EVIDENCE).iterdir():
        copy = workshop.root / "models/qa/1.0.1/evidence" / file.name
        copy.write_bytes(file.read_bytes())
    codes = workshop.codes(name="qa@1.0.1")
    assert codes >= {"REL-001", "REL-006"}
    assert workshop.codes() == set()


def test_a_newer_failure_beats_an_older_pass(workshop: Workshop) -> None:
    workshop.write("spare.json", workshop.scan().read_bytes())
    (workshop.root / "spare.json").rename(workshop.root / f"images/{'a' * 64}/evidence/old.json")
    workshop.scan(at="2026-01-14T12:00:00Z", severity="critical")
    assert workshop.codes() == {"REL-003"}


def test_a_removed_signer_takes_his_evidence_along(workshop: Workshop) -> None:
    workshop.configure({"attestations.evaluated.signers": ["ci"]})
    assert workshop.codes() >= {"REL-003"}


def test_a_compromised_signer_takes_all_his_evidence_along(workshop: Workshop) -> None:
    workshop.configure({"trust.signers.eval.compromised_from": "2026-01-10T00:00:00Z"})
    assert workshop.codes() >= {"REL-003"}


def test_a_time_before_everything_refuses_everything(workshop: Workshop) -> None:
    assert "REL-001" in workshop.codes("dev", at_ns=10**18)


class Broken:
    """An engine that fails for some inputs, answers others wrongly, and is otherwise real."""

    def __init__(self, answers: Callable[[str, Any], Any]) -> None:
        self.query = answers


def judged_again(judged: Judged, answers: Callable[[str, Any], Any], at_ns: int) -> set[str]:
    records = judge(judged.catalogue, judged.evidence, at_ns=at_ns, engine=Broken(answers))
    record = records["prod"]["qa@1.0.0"]
    assert not record.approved
    assert record.not_after == 0
    return {reason.code for reason in record.reasons}


@pytest.mark.parametrize(
    "verdict",
    [
        None,
        {},
        [],
        "approved",
        {"approved": True},
        {"approved": "true", "reasons": [], "not_after": 2**62, "since_ns": 1},
        {"approved": True, "reasons": [], "not_after": True, "since_ns": 1},
        {"approved": True, "reasons": [], "not_after": 1.9e18, "since_ns": 1},
        {"approved": True, "reasons": [], "not_after": 1, "since_ns": 1},
        {"approved": True, "reasons": {}, "not_after": 2**62, "since_ns": 1},
        {"approved": False, "reasons": [], "not_after": 2**62, "since_ns": 1},
    ],
)
def test_an_answer_that_is_not_understood_refuses(workshop: Workshop, verdict: Any) -> None:
    judged = workshop.judge()
    at_ns = 1768435200 * 10**9
    assert judged_again(judged, lambda path, document: {"qa@1.0.0": verdict}, at_ns) == {"REL-010"}


def test_no_answer_refuses(workshop: Workshop) -> None:
    judged = workshop.judge()
    at_ns = 1768435200 * 10**9
    assert judged_again(judged, lambda path, document: {}, at_ns) == {"REL-010"}
    assert judged_again(judged, lambda path, document: None, at_ns) == {"REL-010"}


def test_one_version_that_breaks_the_evaluation_leaves_its_neighbours_alone(workshop: Workshop) -> None:
    workshop.version("qa@2.0.0", weights=b"others")
    judged = workshop.judge()

    def answers(path: str, document: Any) -> Any:
        if path != "weighbridge/gate/verdicts":
            return 1
        if "qa@1.0.0" in document["items"]:
            raise EngineError("opa could not evaluate it")
        return {
            name: {"approved": True, "reasons": [], "not_after": 2**62, "since_ns": 1} for name in document["items"]
        }

    records = judge(judged.catalogue, judged.evidence, at_ns=1768435200 * 10**9, engine=Broken(answers))["prod"]
    assert [reason.code for reason in records["qa@1.0.0"].reasons] == ["REL-010"]
    assert records["qa@2.0.0"].approved


def test_an_engine_that_is_gone_fails_the_whole(workshop: Workshop) -> None:
    judged = workshop.judge()

    def answers(path: str, document: Any) -> Any:
        raise EngineError("opa gave no answer")

    with pytest.raises(EngineError):
        judge(judged.catalogue, judged.evidence, at_ns=1, engine=Broken(answers))
