"""What somebody with write access to a catalogue, or with a key that is trusted for something else, can try.

Each attack is refused, and for its own reason: a message that another mistake would not get. Attacks on model
signatures, keyless evidence, promotions and running weights stand beside those parts.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from weighbridge.canonical import canonical, digest
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import PAYLOAD_TYPE, envelope_json, sign_envelope
from weighbridge.evidence.predicates import APPROVAL, EVALUATION, PACKAGE
from weighbridge.evidence.statement import statement_json
from weighbridge.packaging.digest import artifact_bytes, artifact_digest

from .conftest import Workshop, key

pytestmark = pytest.mark.engines
FOLDER = "models/qa/1.0.0"
EVIDENCE = f"{FOLDER}/evidence"
Attack = Callable[[Workshop], None]


def manifest(workshop: Workshop) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((workshop.root / FOLDER / "manifest.json").read_text())
    return read


def repackage(workshop: Workshop, files: list[tuple[str, int, str]], **more: Any) -> None:
    """What anybody can write without a key: manifest and artifact.json agree, and are about other files."""
    listed = [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in files]
    changed = manifest(workshop) | {"files": listed, "artifact_digest": artifact_digest(files)} | more
    workshop.write(f"{FOLDER}/manifest.json", json.dumps(changed))
    workshop.write(f"{FOLDER}/artifact.json", artifact_bytes(files))


def entries(workshop: Workshop) -> list[tuple[str, int, str]]:
    return [(file["path"], file["size"], file["sha256"]) for file in manifest(workshop)["files"]]


def swapped_file(workshop: Workshop) -> None:
    ((path, size, _),) = entries(workshop)
    repackage(workshop, [(path, size, "b" * 64)])


def renamed_file(workshop: Workshop) -> None:
    ((_, size, sha256),) = entries(workshop)
    repackage(workshop, [("other.bin", size, sha256)])


def added_file(workshop: Workshop) -> None:
    repackage(workshop, [*entries(workshop), ("modeling.py", 3, "b" * 64)])


def moved_between_roles(workshop: Workshop) -> None:
    changed = manifest(workshop)
    changed["files"][0]["role"] = "documentation"
    workshop.write(f"{FOLDER}/manifest.json", json.dumps(changed))


def edited_card(workshop: Workshop) -> None:
    card = workshop.root / FOLDER / "README.md"
    card.write_text(card.read_text().replace("license: mit", "license: apache-2.0"))


def evidence_of_another_version(workshop: Workshop) -> None:
    workshop.version("qa@2.0.0", weights=b"other weights")
    theirs = workshop.root / "models/qa/2.0.0/evidence/evaluation.json"
    workshop.write(f"{EVIDENCE}/evaluation.json", theirs.read_bytes())


def older_pass_over_newer_failure(workshop: Workshop) -> None:
    folder = workshop.root / "images" / ("a" * 64) / "evidence"
    older = (folder / "scan.json").read_bytes()
    workshop.scan(at="2026-01-14T12:00:00Z", severity="critical")
    # Later by name, by the file's time, and by the order in which it was written.
    (folder / "zz-scan.json").write_bytes(older)


def compromised_key(workshop: Workshop) -> None:
    workshop.configure({"trust.signers.eval": {"key": "keys/eval.pub", "compromised_from": "2026-01-10T00:00:00Z"}})


def key_trusted_for_something_else(workshop: Workshop) -> None:
    workshop.evaluation(FOLDER, manifest(workshop)["artifact_digest"], signer="scanner")


def approve(workshop: Workshop, name: str, *signers: str) -> None:
    approval = {
        "environment": "prod",
        "manifest_sha256": digest(canonical(manifest(workshop))),
        "at": "2026-01-12T00:00:00Z",
    }
    subject = manifest(workshop)["artifact_digest"]
    workshop.sign(f"{EVIDENCE}/approval-{name}.json", APPROVAL, approval, subject, *signers)


def one_signer_twice(workshop: Workshop) -> None:
    approve(workshop, "product", "mlsec")


def one_signer_twice_in_an_envelope(workshop: Workshop) -> None:
    (workshop.root / EVIDENCE / "approval-product.json").unlink()
    approve(workshop, "mlsec", "mlsec", "mlsec")


def two_names_for_one_key(workshop: Workshop) -> None:
    workshop.write("keys/product.pub", (workshop.root / "keys/mlsec.pub").read_bytes())


def statement(workshop: Workshop, kind: str, subjects: list[tuple[str, str]]) -> None:
    predicate = {
        "metrics": {"exact_match": 0.99},
        "dataset": {"uri": "https://example.com/data", "digest": digest(b"data")},
        "finished_at": "2026-01-02T00:00:00Z",
    }
    envelope = sign_envelope(PAYLOAD_TYPE, statement_json(kind, predicate, subjects), [key("eval")])
    workshop.write(f"{EVIDENCE}/evaluation.json", envelope_json(envelope))


def unknown_predicate_version(workshop: Workshop) -> None:
    statement(workshop, f"{EVALUATION[:-1]}2", [("subject", manifest(workshop)["artifact_digest"])])


def two_subjects_and_neither_is_it(workshop: Workshop) -> None:
    statement(workshop, EVALUATION, [("qa", f"sha256:{'1' * 64}"), ("qa@1.0.0", f"sha256:{'2' * 64}")])


def payload_under_another_type(workshop: Workshop) -> None:
    subject = [("subject", manifest(workshop)["artifact_digest"])]
    payload = statement_json(EVALUATION, {"metrics": {"exact_match": 0.99}}, subject)
    workshop.write(
        f"{EVIDENCE}/evaluation.json", envelope_json(sign_envelope("application/json", payload, [key("eval")]))
    )


def another_card_under_old_approvals(workshop: Workshop) -> None:
    """By whoever holds the packager's key: people approved the manifest, which names the card that they saw."""
    card = workshop.root / FOLDER / "README.md"
    changed = manifest(workshop) | {"card_sha256": digest(card.read_bytes())}
    workshop.write(f"{FOLDER}/manifest.json", json.dumps(changed))
    for person in ("mlsec", "product"):
        approve(workshop, person, person)
    package(workshop)
    assert workshop.codes() == set()
    card.write_text(card.read_text().replace("a" * 64, "b" * 64))
    package(workshop)


def package(workshop: Workshop) -> None:
    card = digest((workshop.root / FOLDER / "README.md").read_bytes())
    predicate = {
        "manifest_sha256": digest(canonical(manifest(workshop))),
        "card_sha256": card,
        "at": "2026-01-01T00:00:00Z",
    }
    workshop.sign(f"{EVIDENCE}/package.json", PACKAGE, predicate, manifest(workshop)["artifact_digest"], "ci")


ATTACKS: list[tuple[Attack, str]] = [
    (swapped_file, "speaks about another subject"),
    (renamed_file, "speaks about another subject"),
    (added_file, "speaks about another subject"),
    (moved_between_roles, "manifest_sha256 is not that of manifest.json"),
    (edited_card, "card_sha256 is not that of README.md"),
    (another_card_under_old_approvals, "card_sha256 is not that of README.md"),
    (evidence_of_another_version, "speaks about another subject"),
    (older_pass_over_newer_failure, "critical"),
    (compromised_key, "whose key is compromised"),
    (key_trusted_for_something_else, "signed by scanner, whom evaluated does not name"),
    (one_signer_twice, "1 of 2 approvals"),
    (one_signer_twice_in_an_envelope, "1 of 2 approvals"),
    (unknown_predicate_version, "has predicate type 'https://weighbridge.dev/evaluation/v2'"),
    (two_subjects_and_neither_is_it, "speaks about another subject"),
    (payload_under_another_type, "payload type 'application/json'"),
]


@pytest.mark.parametrize(("attack", "reason"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_an_attack_is_refused_for_its_own_reason(workshop: Workshop, attack: Attack, reason: str) -> None:
    assert workshop.codes() == set(), "as it stands it is approved"
    attack(workshop)
    assert workshop.codes()
    assert reason in said(workshop)


def said(workshop: Workshop) -> str:
    """Everything that is said about the version: reasons of the gate, of the rules, and for files that do not count."""
    judged = workshop.judge()
    return f"{judged.records['prod']['qa@1.0.0'].reasons} {judged.evidence['qa@1.0.0']}"


def test_two_names_for_one_key_reach_no_threshold(workshop: Workshop) -> None:
    two_names_for_one_key(workshop)
    with pytest.raises(InputError, match="which have the same key; it counts once"):
        workshop.judge()


def test_files_that_do_not_agree_are_no_catalogue(workshop: Workshop) -> None:
    changed = manifest(workshop)
    changed["files"][0]["sha256"] = "b" * 64
    workshop.write(f"{FOLDER}/manifest.json", json.dumps(changed))
    with pytest.raises(InputError, match="but `files` have"):
        workshop.judge()
