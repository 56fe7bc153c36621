"""A folder of one rule: what its test notices is killed; what nobody notices is told, and fails the run."""

import sys
from pathlib import Path

import pytest
import yaml
from mutation import __main__ as command
from mutation.judges import Judge, judge, unit_judges
from mutation.mutants import Mutant, mutants

from weighbridge import resources

RULE = """package lib.tiny

deny contains {"code": "TNY-001", "severity": "low", "message": sprintf("%s: no. Say yes.", [input.name])} if {
	not input.answer == "yes"
	count(input.names) > 2
}

joined := concat(", ", input.names)
"""
TEST = """package lib.tiny_test

import data.lib.tiny

codes(given) := {each.code | some each in tiny.deny with input as given}

test_yes if codes({"name": "a", "answer": "yes", "names": [1, 2, 3]}) == set()

test_no if codes({"name": "a", "answer": "no", "names": [1, 2, 3]}) == {"TNY-001"}
"""
FEW = """
test_few if codes({"name": "a", "answer": "no", "names": [1, 2]}) == set()
"""

pytestmark = pytest.mark.engines


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rule, test = tmp_path / "lib" / "tiny.rego", tmp_path / "lib" / "tiny_test.rego"
    rule.parent.mkdir()
    rule.write_text(RULE, encoding="utf-8")
    test.write_text(TEST, encoding="utf-8")
    survivors = tmp_path / "survivors.yaml"
    survivors.write_text("[]", encoding="utf-8")
    monkeypatch.setattr(command, "POLICIES", tmp_path)
    monkeypatch.setattr(command, "SURVIVORS", survivors)
    monkeypatch.setattr(command, "_judges", lambda *_: [Judge("tiny", (rule, test))])
    monkeypatch.setattr(sys, "argv", ["mutation", "lib"])
    return tmp_path


def found(policies: Path) -> list[Mutant]:
    return mutants(policies, policies / "lib" / "tiny.rego")


def test_what_is_changed_and_what_is_left_alone(policies: Path) -> None:
    changed = {(mutant.operator, mutant.before, mutant.after) for mutant in found(policies)}
    assert changed == {
        ("constant", '"TNY-001"', '"no such text"'),
        ("constant", '"yes"', '"no such text"'),
        ("constant", "2", "3"),
        ("drop", "count(input.names) > 2", "true"),
        ("drop", 'not input.answer == "yes"', "true"),
        ("negate", "count(input.names) > 2", "not count(input.names) > 2"),
        ("negate", 'not input.answer == "yes"', 'input.answer == "yes"'),
        ("swap", "==", "!="),
        ("swap", ">", "<="),
    }


def test_a_mutant_that_a_test_notices_is_killed(policies: Path) -> None:
    (mutant,) = (each for each in found(policies) if each.before == '"TNY-001"')
    assert judge(mutant, policies, command._judges(set(), policies)) == "killed"


def test_a_mutant_that_nobody_notices_survives(policies: Path) -> None:
    (mutant,) = (each for each in found(policies) if each.operator == "drop" and "count" in each.before)
    assert judge(mutant, policies, command._judges(set(), policies)) == "survived"


def test_a_mutant_that_does_not_compile_is_none(policies: Path) -> None:
    rule = policies / "lib" / "tiny.rego"
    broken = Mutant("lib/tiny.rego", 0, len(RULE), "drop", 1, "deny", "", "package lib.tiny\n\ndeny contains nothing\n")
    assert rule.read_bytes() == RULE.encode()
    assert judge(broken, policies, command._judges(set(), policies)) == "invalid"


def test_survivors_are_told_and_fail_the_run(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main() == 1
    told = capsys.readouterr().out
    assert "policies/lib/tiny.rego:5: survived: lib/tiny.rego deny: drop count(input.names) > 2\n" in told
    assert "8 noticed, 1 not, 0 do not compile; 88.9% of the valid ones die" in told


def test_a_test_more_and_all_are_noticed(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (policies / "lib" / "tiny_test.rego").write_text(TEST + FEW + FEW.replace("1, 2", "1, 2, 3").replace(
        "few", "three").replace("set()", '{"TNY-001"}'), encoding="utf-8")  # fmt: skip
    assert command.main() == 0
    assert "survived" not in capsys.readouterr().out


def test_a_survivor_that_is_listed_must_be_one(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        "lib/tiny.rego deny: drop count(input.names) > 2",
        "lib/tiny.rego deny: constant 7",
        "gate/x.rego y: drop z",
    ]
    (policies / "survivors.yaml").write_text(yaml.safe_dump([{"because": "nobody asks", "mutants": names}]))
    assert command.main() == 1
    told = capsys.readouterr().out
    assert "survived: lib/tiny.rego deny: drop" not in told
    assert "listed as a survivor, and there is none: lib/tiny.rego deny: constant 7\n" in told
    assert "gate/x.rego" not in told


def test_judges_that_fail_without_a_mutant_are_not_believed(policies: Path) -> None:
    (policies / "lib" / "tiny_test.rego").write_text(TEST.replace('{"TNY-001"}', "set()"), encoding="utf-8")
    with pytest.raises(SystemExit, match="tiny is not content"):
        command.main()


def test_every_rule_has_a_judge_and_every_reason_is_given() -> None:
    judges = unit_judges(resources.policies())
    rules = [file for folder in command.FOLDERS for file in sorted((resources.policies() / folder).rglob("*.rego"))]
    lonely = [file for file in rules if not any(each.judges(file) for each in judges)]
    assert [file for file in lonely if not file.name.endswith("_test.rego")] == []
    listed = yaml.safe_load((Path(command.__file__).parent / "survivors.yaml").read_text(encoding="utf-8"))
    assert all(group["because"].strip() and group["mutants"] for group in listed)
    names = [name for group in listed for name in group["mutants"]]
    assert sorted(set(names)) == sorted(names)
