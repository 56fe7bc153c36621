"""The cache makes a compile cheap and changes nothing, whatever happens to it, and whoever writes to it."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weighbridge.registry import judgement

pytestmark = pytest.mark.engines
Workshop = Any
AT_NS = 1768435200 * 10**9
DAY_NS = 86_400 * 10**9
NAME = "qa@1.0.0"


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The versions of each time that somebody was judged, and not looked up."""
    calls: list[list[str]] = []
    real = judgement.judge_versions

    def judge_all(catalogue: Any, options: Any, progress: Any) -> Any:
        calls.append(list(catalogue.versions))
        return real(catalogue, options, progress)

    monkeypatch.setattr(judgement, "judge_versions", judge_all)
    return calls


@pytest.fixture
def several(workshop: Workshop) -> Workshop:
    """One approved, one without its scan, one whose card was edited."""
    workshop.version("qa@2.0.0", weights=b"two", image="b" * 64)
    (workshop.root / f"images/{'b' * 64}/evidence/scan.json").unlink()
    workshop.version("qa@3.0.0", weights=b"three", image="c" * 64)
    card = workshop.root / "models/qa/3.0.0/README.md"
    card.write_text(card.read_text() + "edited")
    return workshop


def with_cache(workshop: Workshop, at_ns: int = AT_NS, **options: Any) -> dict[str, str]:
    workshop.compile("cached", cache=workshop.folder / "cache", at_ns=at_ns, **options)
    return digests(workshop.folder / "cached")


def without_cache(workshop: Workshop, at_ns: int = AT_NS, **options: Any) -> dict[str, str]:
    workshop.compile("plain", at_ns=at_ns, **options)
    return digests(workshop.folder / "plain")


def kept(workshop: Workshop) -> Path:
    (file,) = (workshop.folder / "cache").iterdir()
    return Path(file)


def test_the_second_compile_judges_nothing(several: Workshop, asked: list[list[str]]) -> None:
    first = with_cache(several)
    assert with_cache(several) == first
    assert asked == [["qa@1.0.0", "qa@2.0.0", "qa@3.0.0"]]
    assert without_cache(several) == first


def test_only_what_changed_is_judged(several: Workshop, asked: list[list[str]]) -> None:
    with_cache(several)
    artifact = several.judge(only="qa@2.0.0").catalogue.versions["qa@2.0.0"].artifact_digest
    asked.clear()
    several.evaluation("models/qa/2.0.0", artifact, 0.1)
    assert with_cache(several) == without_cache(several)
    assert asked[0] == ["qa@2.0.0"]
    several.scan("c" * 64, severity="critical")
    assert with_cache(several) == without_cache(several)
    assert asked[2] == ["qa@3.0.0"]


@pytest.mark.parametrize(
    "changes",
    [
        {"attestations.evaluated.signers": ["ci"]},
        {"attestations.scanned.max_age": "1h"},
        {"attestations.scanned.with": {"max_severity": "none"}},
        {"environments.prod.metrics": {"exact_match": {"min": 0.95}}},
        {"environments.prod.approvals.threshold": 1},
        {"environments.prod.promotions.min_time": "400d"},
        {"environments.staging.requires": ["evaluated", "scanned"]},
        {"trust.signers.eval.compromised_from": "2026-01-10T00:00:00Z"},
        {"trust.signers.scanner.not_after": "2026-01-14T00:00:00Z"},
    ],
)
def test_a_changed_rule_or_key_never_reuses_an_old_verdict(
    workshop: Workshop, asked: list[list[str]], changes: dict[str, Any]
) -> None:
    with_cache(workshop)
    workshop.configure(changes)
    assert with_cache(workshop) == without_cache(workshop)
    assert len(asked) == 3


def test_another_key_under_the_same_name(workshop: Workshop, asked: list[list[str]]) -> None:
    with_cache(workshop)
    (workshop.root / "keys/eval.pub").write_bytes((workshop.root / "keys/scanner.pub").read_bytes())
    workshop.configure({"attestations.scanned.signers": ["eval"]})
    assert with_cache(workshop) == without_cache(workshop)
    assert len(asked) == 3


def test_what_decides_about_calls_or_workloads_only_keeps_the_judgements(
    workshop: Workshop, asked: list[list[str]]
) -> None:
    with_cache(workshop)
    changed = {"routes": {}, "multi_tenant": False, "workloads": {"pod_security": "baseline"}}
    workshop.configure({f"environments.prod.{part}": value for part, value in changed.items()})
    workshop.order("freeze", NAME, "oncall")
    assert with_cache(workshop) == without_cache(workshop)
    assert len(asked) == 2


@pytest.mark.parametrize("days", [-30, -1, 1, 5, 6, 7, 400])
def test_another_at_gives_what_it_gives_without_cache(several: Workshop, days: int) -> None:
    with_cache(several)
    at_ns = AT_NS + days * DAY_NS
    assert with_cache(several, at_ns) == without_cache(several, at_ns)


def test_good_evidence_is_not_judged_again_an_hour_later(several: Workshop, asked: list[list[str]]) -> None:
    with_cache(several)
    later = AT_NS + DAY_NS // 24
    assert with_cache(several, later) == without_cache(several, later)
    # What is refused for evidence that does not count is looked at again: its reasons may speak of the time.
    assert asked[1] == ["qa@3.0.0"]


def test_a_signer_who_begins_to_count_later(workshop: Workshop) -> None:
    workshop.configure({"trust.signers.product.not_before": "2026-01-15T12:00:00Z"})
    with_cache(workshop)
    for hours in (11, 12, 13):
        at_ns = AT_NS + hours * DAY_NS // 24
        assert with_cache(workshop, at_ns) == without_cache(workshop, at_ns)


def test_an_approver_who_ceases_to_count(workshop: Workshop) -> None:
    workshop.configure({"trust.signers.product.not_after": "2026-01-16T00:00:00Z"})
    with_cache(workshop)
    assert with_cache(workshop, AT_NS + DAY_NS) == without_cache(workshop, AT_NS + DAY_NS)
    assert "REL-006" in workshop.codes(at_ns=AT_NS + DAY_NS)


def deleted(file: Path) -> None:
    shutil.rmtree(file.parent)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def one_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def garbage(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 1000)


def approved_by_hand(file: Path) -> None:
    """What somebody does who wants the refused version approved."""
    data = file.read_bytes()
    entries = json.loads(data[32:])
    good = next(e["records"] for e in entries.values() if e["records"]["prod"]["approved"])
    for entry in entries.values():
        entry["records"] = good
    file.write_bytes(data[:32] + json.dumps(entries).encode())


def authenticated_with_nothing(file: Path) -> None:
    approved_by_hand(file)
    body = file.read_bytes()[32:]
    file.write_bytes(hashlib.sha256(body).digest() + body)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_link(file: Path) -> None:
    file.rename(file.parent.parent / "elsewhere")
    file.symlink_to(file.parent.parent / "elsewhere")


@pytest.mark.parametrize(
    "harm",
    [
        deleted, emptied, cut_off, one_bit, garbage, approved_by_hand, authenticated_with_nothing, a_folder, a_link,
    ],
)  # fmt: skip
def test_harm_to_the_cache_changes_nothing(
    several: Workshop, asked: list[list[str]], harm: Callable[[Path], None]
) -> None:
    first = with_cache(several)
    harm(kept(several))
    assert with_cache(several) == first
    assert len(asked) == 2


def test_a_cache_by_another_release_key_counts_for_nothing(several: Workshop, asked: list[list[str]]) -> None:
    with_cache(several, release_key=several.key("attacker"))
    theirs = kept(several).read_bytes()
    first = without_cache(several)
    with_cache(several)
    ours = next(file for file in (several.folder / "cache").iterdir() if file.read_bytes() != theirs)
    ours.write_bytes(theirs)
    asked.clear()
    assert with_cache(several) == first
    assert len(asked) == 1


def test_an_entry_of_another_catalogue_counts_for_nothing(several: Workshop, asked: list[list[str]]) -> None:
    """Moved under the name of the stricter configuration, the lax one's judgements do not authenticate."""
    several.configure({"environments.prod.requires": ["evaluated"]})
    with_cache(several)
    lax = kept(several)
    several.configure({"environments.prod.requires": ["evaluated", "scanned"]})
    with_cache(several)
    strict = next(file for file in (several.folder / "cache").iterdir() if file != lax)
    strict.write_bytes(lax.read_bytes())
    asked.clear()
    assert with_cache(several) == without_cache(several)
    assert len(asked) == 2


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(workshop: Workshop) -> None:
    workshop.write("../cache", b"a file where a folder should be")
    assert with_cache(workshop) == without_cache(workshop)


def test_old_caches_go(workshop: Workshop) -> None:
    (workshop.folder / "cache").mkdir()
    for number in range(40):
        (workshop.folder / "cache" / f"{number:064x}.judgements").write_bytes(b"")
    (workshop.folder / "cache" / "precious").write_bytes(b"")
    with_cache(workshop)
    assert len(list((workshop.folder / "cache").iterdir())) == 17
