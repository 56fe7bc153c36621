"""The Rego itself: formatted, checked, covered by its tests, and as its own checks want it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from weighbridge.bundle.policies import GATEKEEPER, POINTS
from weighbridge.engines.locate import require
from weighbridge.engines.opa import opa_command
from weighbridge.points.reference import page
from weighbridge.points.rules import check_rules, rules

REPOSITORY = Path(__file__).resolve().parents[2]
POLICIES = REPOSITORY / "policies"
FIXTURES = REPOSITORY / "tests" / "fixtures"
MINIMUM = 95.0
STEPS = ("guard", "evidence", "gate", "release")
"""What is loaded as one folder, beside the points that link several."""

pytestmark = pytest.mark.engines


def linked(point: str) -> list[Path]:
    """The folders that a point links, or the one of a step."""
    if point in STEPS:
        return [POLICIES / point]
    declared = json.loads((POLICIES / "points" / point / "point.json").read_text(encoding="utf-8"))
    return [POLICIES / folder for folder in declared["policies"]]


def modules(point: str) -> list[Path]:
    """What a point links, with the tests that hold there: where there is no registry with live data, its own."""
    found = sorted(path for folder in linked(point) for path in folder.rglob("*.rego"))
    own = {POLICIES / "points" / point, POLICIES / "lib" / "signed"}
    elsewhere = point not in {"conftest", GATEKEEPER}
    return [path for path in found if elsewhere or not path.name.endswith("_test.rego") or path.parent in own]


def fixture_names() -> list[str]:
    return [path.name for folder in ("pods", "requests") for path in (FIXTURES / folder).glob("*.yaml")]


def test_formatted() -> None:
    changed = opa_command("fmt", "--list", *(POLICIES / name for name in ("lib", "points", "checks", *STEPS)))
    assert changed.decode().split() == []


@pytest.mark.parametrize("point", [*POINTS, GATEKEEPER, *STEPS])
def test_strict(point: str) -> None:
    # Tests of Gatekeeper's point sign tokens, which no rule may.
    checked = [path for path in modules(point) if point != GATEKEEPER or not path.name.endswith("_test.rego")]
    opa_command("check", "--strict", f"--capabilities={POLICIES / 'capabilities.json'}", *checked)


@pytest.mark.parametrize("point", [*POINTS, GATEKEEPER, *STEPS])
def test_rego_tests(point: str) -> None:
    report = json.loads(opa_command("test", "--timeout=300s", "--format=json", *modules(point)))
    assert report
    assert [result["name"] for result in report if result.get("fail") or result.get("error")] == []


def test_coverage() -> None:
    """Of every rule's lines, over all points together: what one point cannot reach, another does."""
    uncovered: dict[str, set[int]] = {}
    lines: dict[str, set[int]] = {}
    for point in [*POINTS, GATEKEEPER, *STEPS]:
        arguments = ("test", "--timeout=300s", "--coverage", "--format=json")
        report = json.loads(opa_command(*arguments, *modules(point)))
        for file, measured in report["files"].items():
            if file.endswith("_test.rego"):
                continue
            covered = _rows(measured.get("covered", []))
            missed = _rows(measured.get("not_covered", []))
            lines.setdefault(file, set()).update(covered | missed)
            uncovered[file] = uncovered.get(file, covered | missed) - covered
    missing = {file: sorted(rows) for file, rows in uncovered.items() if rows}
    total = sum(map(len, lines.values()))
    share = 100 * (total - sum(map(len, missing.values()))) / total
    assert share >= MINIMUM, missing


def _rows(ranges: list[dict[str, dict[str, int]]]) -> set[int]:
    return {row for place in ranges for row in range(place["start"]["row"], place["end"]["row"] + 1)}


def test_regal() -> None:
    regal = require("regal").path
    # From the repository's top, for the configuration there and its patterns of files.
    result = subprocess.run(
        [regal, "lint", "--format=json", "policies"], cwd=REPOSITORY, capture_output=True, check=False
    )
    found = json.loads(result.stdout)["violations"]
    assert [(v["title"], v["location"]["file"], v["location"]["row"]) for v in found] == []


def test_checks() -> None:
    assert check_rules(fixture_names()) == []


def test_every_code_is_documented() -> None:
    codes = [rule.code for rule in rules()]
    assert codes == sorted(codes)
    families = {"GPU": 11, "IMG": 21, "INF": 29, "MOD": 19, "NET": 12, "POD": 23, "REL": 23, "TLS": 12, "USR": 2}
    assert codes == [f"{family}-{n:03}" for family, last in families.items() for n in range(1, last + 1)]


def test_the_reference_is_current() -> None:
    assert (REPOSITORY / "docs" / "reference" / "rules.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "import data.lib.weighbridge.request",
            "import data.weighbridge.registry",
            "imports data.weighbridge.registry",
        ),
        ("request.support_image(pinned)", "input.support[pinned]", "asks `input"),
        ("package lib.weighbridge.requirements.mod", "package lib.weighbridge.requirements.other", "does not belong"),
        ("#   severity: high", "#   severity: grave", "needs METADATA"),
        ("#   code: MOD-008", "#   code: MOD-099", "is not the one literal code"),
        ("#   code: MOD-008", "#   code: MOD-009", "documented in 2 places"),
        ('"code": "MOD-008"', '"code": image_code', "is not the one literal code"),
    ],
)
def test_checks_see_what_is_broken(tmp_path: Path, old: str, new: str, problem: str) -> None:
    base = tmp_path / "policies"
    shutil.copytree(POLICIES, base)
    broken = base / "lib" / "requirements" / "mod" / "images.rego"
    text = broken.read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new), encoding="utf-8")
    assert any(problem in found for found in check_rules(fixture_names(), base))


@pytest.mark.parametrize("kind", ["pass", "fail", "hostile"])
@pytest.mark.parametrize("code", ["inf-005", "mod-003"])
def test_every_requirement_needs_each_kind_of_fixture(code: str, kind: str) -> None:
    left = [name for name in fixture_names() if not name.startswith(f"{code}-{kind}-")]
    assert check_rules(left) == [f"{code.upper()}: no fixture {code}-{kind}-*.yaml"]
