"""What judges a mutant: the tests of every module that is linked with it, and the fixtures of workloads.

A judge is one `opa test`: a test that fails is what should happen, a module that does not compile is no mutant.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.bundle.policies import CONFTEST, declared_point
from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.errors import EngineError
from weighbridge.harness.fixtures import Fixture, read_fixtures
from weighbridge.harness.run import DEFAULT_CATALOGUE
from weighbridge.harness.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mutation.mutants import Mutant

Fate = Literal["killed", "survived", "invalid"]
STEPS = ("guard", "evidence", "gate", "release")
"""Folders of rules that are loaded alone."""
_SECONDS = 120.0
_FIXTURES = """package weighbridge.mutation_test

import data.weighbridge.points.conftest

test_fixtures if count(wrong) == 0

wrong contains name if {
	some name, fixture in data.mutation.fixtures
	codes(fixture) != {code | some code in fixture.codes}
}

codes(fixture) := {violation.code |
	some object_ in fixture.objects
	decision := conftest.decision with input as object_
		with data.weighbridge.registry as data.mutation.registries[fixture.setting]
		with data.lib.weighbridge.request.now_ns as fixture.now
	some violation in decision.violations
	violation.effect == "deny"
}
"""


@dataclass(frozen=True)
class Judge:
    """One set of modules with its tests."""

    name: str
    files: tuple[Path, ...]
    """Rego with its tests, and data."""

    def judges(self, file: Path) -> bool:
        """Whether the module is among those that are loaded."""
        return file in self.files

    def verdict(self, original: Path, mutated: Path) -> Fate:
        """What becomes of a module that stands in place of the original.

        Raises:
            EngineError: OPA is missing.
        """
        files = [mutated if file == original else file for file in self.files]
        opa = require("opa").path
        try:
            result = process.run([opa, "test", "--format=json", "--timeout=30s", *files], timeout=_SECONDS)
        except EngineError:
            return "killed"
        if result.returncode == 0:
            return "survived"
        # What failed stands in the report; what did not even load, on standard error.
        if result.stdout.lstrip().startswith(b"["):
            return "killed"
        if b"rego_" in result.stderr:
            return "invalid"
        raise EngineError(f"the judge {self.name} could not be heard", result.stderr.decode("utf-8", "replace"))


def judge(mutant: Mutant, policies: Path, judges: Iterable[Judge]) -> Fate:
    """What becomes of a mutant: the first judge that notices it ends the matter."""
    original = policies / mutant.file
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        mutated = Path(folder) / original.name
        mutated.write_bytes(mutant.apply(original.read_bytes()))
        fate: Fate = "survived"
        for each in judges:
            if each.judges(original):
                fate = each.verdict(original, mutated)
                if fate != "survived":
                    break
        return fate


def unit_judges(policies: Path) -> list[Judge]:
    """The tests beside the rules: of every step and of every point, with what it links."""
    found = [Judge(step, _rego(policies / step)) for step in STEPS]
    for declared in sorted((policies / "points").glob("*/point.json")):
        point = declared_point(declared.parent.name)
        files = [file for folder in point.policies for file in _rego(policies / folder)]
        own = policies / "points" / point.name
        # The rules' own tests want live data, of which a pull request has none.
        chosen = [f for f in files if point.name != CONFTEST or not _is_test(f) or f.parent == own]
        found.append(Judge(point.name, tuple(chosen)))
    return found


def fixture_judge(policies: Path, fixtures: Path, folder: Path) -> Judge:
    """Every fixture of a workload that conftest can judge, as one Rego test.

    Args:
        policies: the rules.
        fixtures: files or folders of fixtures.
        folder: where the test and its data are written; it must outlive the judge.

    Raises:
        InputError: a fixture or a catalogue cannot be read.
    """
    chosen = [each for each in read_fixtures([fixtures]) if "conftest" in each.points]
    registries: dict[str, Any] = {}
    shown = {}
    for number, fixture in enumerate(chosen):
        document = fixture.document
        at_ns = document.at or 0
        now_ns = at_ns if document.now is None else document.now
        catalogue = document.catalogue or DEFAULT_CATALOGUE
        setting = f"{catalogue} {document.environment} {at_ns} {now_ns}"
        if setting not in registries:
            registries[setting] = _registry(catalogue, fixture, at_ns, now_ns, folder / str(number))
        shown[fixture.file] = {
            "objects": fixture.objects,
            "codes": document.expect.codes,
            "setting": setting,
            "now": now_ns,
        }
    test, data = folder / "fixtures_test.rego", folder / "fixtures.json"
    test.write_text(_FIXTURES, encoding="utf-8")
    data.write_text(json.dumps({"mutation": {"fixtures": shown, "registries": registries}}), encoding="utf-8")
    conftest = declared_point(CONFTEST)
    rules = [file for part in conftest.policies for file in _rego(policies / part) if not _is_test(file)]
    return Judge("fixtures", (*rules, test, data))


def _registry(catalogue: str, fixture: Fixture, at_ns: int, now_ns: int, folder: Path) -> Any:
    folder.mkdir()
    with Stage(Path(catalogue), fixture.document.environment, at_ns=at_ns, now_ns=now_ns, folder=folder) as stage:
        merged: dict[str, Any] = {}
        for file in sorted((stage.conftest / "data").rglob("*.json")):
            merged = _merge(merged, json.loads(file.read_bytes()))
    return merged["weighbridge"]["registry"]


def _merge(into: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merge(into[key], more[key]) for key in into.keys() & more.keys() if isinstance(into[key], dict)}
    return {**into, **more, **both}


def _rego(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.rglob("*.rego")))


def _is_test(file: Path) -> bool:
    return file.name.endswith("_test.rego")
