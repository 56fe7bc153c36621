"""From signed evidence about images, and from cards, to what records carry: by the catalogue of faults."""

import dataclasses
import filecmp
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from tests.images_catalogue.build import build
from tests.images_catalogue.images import digest_of

from weighbridge.catalogue.load import load_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.errors import EngineError
from weighbridge.registry import judgement
from weighbridge.registry.judgement import Judged, JudgingOptions, judge_catalogue
from weighbridge.release.documented import with_documentation
from weighbridge.release.sections import MAX_CHARACTERS

pytestmark = pytest.mark.engines
COMMITTED = Path(__file__).resolve().parents[2] / "images_catalogue" / "catalogue"
AT_NS = parse_time_ns("2026-01-15T00:00:00Z")
DAY_NS = 86_400 * 10**9
NEVER_NS = 2**63 - 1
ACCEPTED_UNTIL_NS = parse_time_ns("2026-02-01T00:00:00Z")
OPTIONS = JudgingOptions(at_ns=AT_NS, allow_example_keys=True)


@pytest.fixture(scope="module")
def judged() -> Judged:
    return judge_catalogue(COMMITTED, OPTIONS)


def facts(judged: Judged, nickname: str, environment: str = "images") -> dict[str, Any]:
    return dict(judged.records[environment]["server@1.0"].image_facts[digest_of(nickname)])


def test_the_catalogue_is_what_its_builder_writes(tmp_path: Path) -> None:
    build(tmp_path / "catalogue")
    files = sorted(path.relative_to(COMMITTED) for path in COMMITTED.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path / "catalogue") for p in tmp_path.rglob("*") if p.is_file())
    assert filecmp.cmpfiles(COMMITTED, tmp_path / "catalogue", files, shallow=False)[1:] == ([], [])


def test_what_is_known_of_a_clean_image(judged: Judged) -> None:
    assert facts(judged, "clean") == {
        "profile": {
            "bases": ["distroless"],
            "users": ["other"],
            "found": {},
            "cuda": [],
            "cudnn": [],
            "not_after": AT_NS + 88 * DAY_NS,
        },
        "sbom": {"components": 3, "not_after": NEVER_NS},
        "vulnerabilities": {"open": {"low": 1}, "not_after": AT_NS + 6 * DAY_NS},
    }


def test_facts_are_small(judged: Judged) -> None:
    known = judged.records["images"]["server@1.0"].image_facts.values()
    assert max(len(json.dumps(given, separators=(",", ":"))) for given in known) < 500


def test_a_statement_that_its_rule_refuses_is_known_all_the_same(judged: Judged) -> None:
    assert not judged.evidence["server@1.0"].attestations["profiled"].held
    assert facts(judged, "shells")["profile"]["found"] == {"shells": ["/bin/bash", "/bin/dash"]}
    assert facts(judged, "high")["vulnerabilities"]["open"] == {"high": 1}


@pytest.mark.parametrize("nickname", ["no-profile", "self-signed", "profile-of-another"])
def test_what_nobody_who_may_says_of_this_image_is_not_known(judged: Judged, nickname: str) -> None:
    assert set(facts(judged, nickname)) == {"sbom", "vulnerabilities"}


def test_a_later_statement_takes_the_place_of_an_earlier_one(judged: Judged) -> None:
    assert facts(judged, "shells-since")["profile"]["found"] == {"shells": ["/bin/sh"]}


def test_what_has_ended_says_when(judged: Judged) -> None:
    assert facts(judged, "old-scan")["vulnerabilities"]["not_after"] == AT_NS - DAY_NS
    assert facts(judged, "old-profile")["profile"]["not_after"] == AT_NS - DAY_NS


def test_what_is_accepted_by_name_for_a_time_is_not_open_until_then(judged: Judged) -> None:
    known = facts(judged, "allowed-finding")["vulnerabilities"]
    assert known == {"open": {}, "not_after": AT_NS + 6 * DAY_NS}
    later = judge_catalogue(COMMITTED, dataclasses.replace(OPTIONS, at_ns=ACCEPTED_UNTIL_NS))
    assert facts(later, "allowed-finding")["vulnerabilities"]["open"] == {"critical": 1}
    assert facts(judged, "suppressed")["vulnerabilities"]["open"] == {"critical": 1}


def test_an_environment_that_demands_no_documents_has_none_judged(judged: Judged) -> None:
    assert {record.lacking for record in judged.records["images"].values()} == {()}
    codes = {name: [lack["code"] for lack in record.lacking] for name, record in judged.records["documented"].items()}
    assert codes["server@1.0"] == codes["server@1.9"] == []
    assert [codes[f"server@1.{n}"] for n in range(1, 9)] == [
        ["REL-013"],
        ["REL-014"],
        ["REL-015"],
        ["REL-015"],
        ["REL-016"],
        ["REL-017"],
        ["REL-018"],
        ["REL-015"],
    ]
    assert judged.records["images"]["server@1.9"].environment_variables == ("CACHE_DIR",)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    shutil.copytree(COMMITTED, folder)
    return folder


def reconfigured(folder: Path, **changes: Any) -> None:
    file = folder / "weighbridge.yaml"
    document = yaml.safe_load(file.read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document
        for part in parents:
            place = place[part.replace("_", "-") if part.replace("_", "-") in place else part]
        place[last] = value
    file.write_text(yaml.safe_dump(document))


def test_a_bill_of_materials_that_ends_is_lacking_from_then_on(copied: Path) -> None:
    document = yaml.safe_load((copied / "weighbridge.yaml").read_text())
    document["attestations"]["bill-of-materials"]["max_age"] = "30d"
    (copied / "weighbridge.yaml").write_text(yaml.safe_dump(document))
    [lack] = judge_catalogue(copied, OPTIONS).records["documented"]["server@1.0"].lacking
    assert (lack["code"], lack["from"]) == ("REL-013", AT_NS + 27 * DAY_NS)


def test_support_images_are_known_once_a_compile(copied: Path) -> None:
    reconfigured(copied, support_images=[digest_of("shells"), "sha256:" + "9" * 64])
    known = judge_catalogue(copied, OPTIONS).support_facts
    assert set(known) == {"images", "lax", "documented"}
    assert set(known["lax"]) == {digest_of("shells")}
    assert known["images"][digest_of("shells")]["profile"]["found"] == {"shells": ["/bin/bash", "/bin/dash"]}


def test_the_cache_gives_back_what_it_was_given(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = dataclasses.replace(OPTIONS, cache=(tmp_path / "cache", ec.generate_private_key(ec.SECP256R1())))
    asked: list[list[str]] = []
    real = judgement.judge_versions

    def counted(catalogue: Any, *arguments: Any) -> Any:
        asked.append(list(catalogue.versions))
        return real(catalogue, *arguments)

    monkeypatch.setattr(judgement, "judge_versions", counted)
    first = judge_catalogue(copied, options)
    again = judge_catalogue(copied, options)
    assert len(asked) == 1
    assert again.records == first.records
    # What must be documented decides what a record lacks; the rest of `workloads` decides nothing about records.
    reconfigured(copied, environments__lax__workloads={"documented": ["license"]})
    changed = judge_catalogue(copied, options)
    assert [lack["code"] for lack in changed.records["lax"]["server@1.2"].lacking] == ["REL-014"]
    assert len(asked) == 2
    reconfigured(copied, environments__lax__workloads={"documented": ["license"], "images": {"max_severity": "high"}})
    assert judge_catalogue(copied, options).records == changed.records
    assert len(asked) == 2


class Silent:
    """An engine that fails, or answers something else."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def query(self, path: str, document: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [EngineError("it is gone"), None, {}, {"server@1.0": {"released": True}}, []])
def test_documents_that_cannot_be_judged_are_lacking(judged: Judged, answer: Any) -> None:
    known = {"documented": {"server@1.0": judged.records["documented"]["server@1.0"]}}
    records = with_documentation(judged.catalogue, judged.evidence, known, at_ns=AT_NS, engine=Silent(answer))
    assert [lack["code"] for lack in records["documented"]["server@1.0"].lacking] == ["REL-021"]


def test_a_card_that_is_too_long_or_changed_meanwhile_is_lacking(copied: Path, judged: Judged) -> None:
    catalogue = load_catalogue(copied)
    card = copied / "models/server/1.0/README.md"
    card.write_text(card.read_text() + "x" * MAX_CHARACTERS)
    known = {"documented": {"server@1.0": judged.records["documented"]["server@1.0"]}}
    records = with_documentation(catalogue, judged.evidence, known, at_ns=AT_NS, engine=Silent({}))
    [lack] = records["documented"]["server@1.0"].lacking
    assert lack["code"] == "REL-021"
    assert len(lack["message"]) <= 200
