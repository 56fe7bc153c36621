"""A user's own Rego: compiled in beside ours, or refused before any engine loads it."""

import io
import json
import tarfile
from typing import Any

import pytest

from weighbridge.errors import InputError

pytestmark = pytest.mark.engines
Workshop = Any
NAME = "qa@1.0.0"
REQUIREMENT = """package lib.weighbridge.user.requirements.owners

import data.lib.weighbridge.request

deny contains {"code": "ACM-001", "message": "nobody owns it"} if request.environment == "prod"
"""
RULE = """package weighbridge.user.evidence.reviewed

verdict := {"passed": count(problems) == 0, "reasons": sort(problems), "claims": {}}

problems contains "nobody reviewed it" if not input.predicate.reviewer
"""
REVIEW = "https://example.com/review/v1"


def reviewed(workshop: Workshop, predicate: dict[str, Any]) -> None:
    about = {"predicate": REVIEW, "about": "model", "signers": ["mlsec"], "rule": "reviewed"}
    workshop.configure({"attestations.reviewed": about, "environments.dev.requires": ["reviewed"]})
    workshop.write("policies/reviewed.rego", RULE)
    digest = workshop.judge(only=NAME).catalogue.versions[NAME].artifact_digest
    workshop.sign("models/qa/1.0.0/evidence/review.json", REVIEW, predicate, digest, "mlsec")


def test_a_rule_of_their_own_judges_their_own_predicate(workshop: Workshop) -> None:
    reviewed(workshop, {"reviewer": "somebody"})
    assert workshop.codes("dev") == set()
    reviewed(workshop, {"by": "nobody"})
    (reason,) = workshop.record("dev").reasons
    assert reason.code == "REL-003"
    assert "nobody reviewed it" in reason.message


def test_their_rule_is_not_kept_for_another_time(workshop: Workshop) -> None:
    """It may look at `--at` as it likes, so what it said holds for that moment only."""
    reviewed(workshop, {"reviewer": "somebody"})
    rule = RULE + '\nproblems contains "not on a Friday" if time.weekday(input.at_ns) == "Friday"\n'
    workshop.write("policies/reviewed.rego", rule)
    thursday = 1768435200 * 10**9
    cache = workshop.folder / "cache"
    assert workshop.compile(cache=cache).judged.records["dev"][NAME].approved
    friday = workshop.compile(cache=cache, at_ns=thursday + 86_400 * 10**9)
    assert not friday.judged.records["dev"][NAME].approved


def test_their_requirement_is_in_every_point(workshop: Workshop) -> None:
    workshop.write("policies/owners.rego", REQUIREMENT)
    workshop.compile()
    prod = workshop.folder / "out/prod"
    for point in ("envoy", "workload"):
        with tarfile.open(fileobj=io.BytesIO((prod / point / "release.tar.gz").read_bytes())) as tar:
            assert "user/policies/owners.rego" in tar.getnames()
    assert (prod / "conftest/policy/user/policies/owners.rego").read_text() == REQUIREMENT


@pytest.mark.parametrize(
    "text",
    [
        REQUIREMENT.replace("lib.weighbridge.user.requirements.owners", "lib.weighbridge.requirements.mod"),
        REQUIREMENT.replace("lib.weighbridge.user.requirements.owners", "weighbridge.gate"),
        RULE.replace("weighbridge.user.evidence.reviewed", "weighbridge.evidence.package"),
        REQUIREMENT + "\nx := opa.runtime()\n",
        REQUIREMENT + '\nx := http.send({"url": "https://example.com", "method": "get"})\n',
        REQUIREMENT + "\nx := data.weighbridge.registry\n",
        RULE + "\nx := time.now_ns()\n",
        RULE + "\nx := data.weighbridge.gate.never_ns\n",
    ],
)
def test_rego_that_reaches_out_is_refused(workshop: Workshop, text: str) -> None:
    workshop.write("policies/evil.rego", text)
    with pytest.raises(InputError, match=r"policies/evil\.rego"):
        workshop.compile()
    assert not (workshop.folder / "out").exists()


def test_index_says_which_files_there_are(workshop: Workshop) -> None:
    workshop.write("policies/owners.rego", REQUIREMENT)
    workshop.write("policies/owners_test.rego", "package owners_test\n")
    workshop.compile()
    listed = json.loads((workshop.folder / "out/index.json").read_text())["files"]
    assert any(path.endswith("user/policies/owners.rego") for path in listed)
    assert not any("_test.rego" in path for path in listed)
