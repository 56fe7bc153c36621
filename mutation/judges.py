"""What judges a mutant: the tests of every module that is linked with it, and the fixtures of workloads.

A judge is one `opa test`: a test that fails is what should happen, a module that does not compile is no mutant.
"""

from __future__ import annotations

import functools
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.bundle.policies import CONFTEST, GATEKEEPER, WORKLOAD, declared_point
from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.errors import EngineError
from weighbridge.harness.fixtures import Fixture, read_fixtures
from weighbridge.harness.run import DEFAULT_CATALOGUE
from weighbridge.harness.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mutation.mutants import Mutant

Fate = Literal["killed", "survived", "invalid"]
STEPS = ("guard", "evidence", "gate", "release")
"""Folders of rules that are loaded alone."""
_SECONDS = 120.0
_FIXTURES = """package weighbridge.mutation_test

import data.weighbridge.points.conftest

test_fixtures if count(wrong) == 0

# A field names a place that workloads have.
test_fields if count(misplaced) == 0

misplaced contains part if {
	some fixture in data.mutation.fixtures
	some violation in violations(fixture)
	some part in violation.field
	is_string(part)
	not data.mutation.names[part]
}

wrong contains name if {
	some name, fixture in data.mutation.fixtures
	codes(fixture) != {code | some code in fixture.codes}
}

codes(fixture) := {violation.code | some violation in violations(fixture); violation.effect == "deny"}

violations(fixture) := {violation |
	some object_ in fixture.objects
	decision := conftest.decision with input as object_
		with data.weighbridge.registry as data.mutation.registries[fixture.setting]
		with data.lib.weighbridge.request.now_ns as fixture.now
	some violation in decision.violations
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

    def knows(self, tests: str) -> bool:
        """Whether a package of its tests has names that the regular expression matches."""
        return any(re.search(tests, f"data.{_package(file)}.") for file in self.files if _is_test(file))

    def verdict(self, original: Path, mutated: Path, only: str = "") -> Fate:
        """What becomes of a module that stands in place of the original.

        Args:
            original: one of the files.
            mutated: what is loaded in its place.
            only: a regular expression for the names of the tests that are run; by default all are.

        Raises:
            EngineError: OPA is missing.
        """
        files = [mutated if file == original else file for file in self.files]
        arguments: list[str | Path] = [
            "test",
            "--format=json",
            "--timeout=30s",
            "--parallel=1",
            f"--run={only}",
            *files,
        ]
        try:
            result = process.run([require("opa").path, *arguments], timeout=_SECONDS)
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
    """What becomes of a mutant: the first judge that notices it ends the matter.

    The package's own tests are asked first, as they are quick and nearly always notice; only then everybody is.
    """
    original = policies / mutant.file
    source = original.read_bytes()
    own = rf"^data\.{re.escape(_package(original))}(_\w+)?\."
    asked = [each for each in judges if each.judges(original)]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        mutated = Path(folder) / original.name
        mutated.write_bytes(mutant.apply(source))
        nearest = [(each, own) for each in asked if each.knows(own)]
        for each, only in [*nearest, *((each, "") for each in asked)]:
            fate = each.verdict(original, mutated, only)
            if fate != "survived":
                return fate
        return "survived"


@functools.cache
def _package(file: Path) -> str:
    declared = re.search(r"(?m)^package +(\S+)", file.read_text(encoding="utf-8"))
    return declared.group(1) if declared else ""


def unit_judges(policies: Path) -> list[Judge]:
    """The tests beside the rules: of every step and of every point, with what it links.

    Where a folder is linked with the workload point its tests are written for that: the other points that judge
    workloads find their data elsewhere.
    """
    found = [Judge(step, _rego(policies / step)) for step in STEPS]
    shared = {policies / folder for folder in declared_point(WORKLOAD).policies}
    for declared in sorted((policies / "points").glob("*/point.json")):
        point = declared_point(declared.parent.name)
        files = [file for folder in point.policies for file in _rego(policies / folder)]
        elsewhere = shared if point.name in {CONFTEST, GATEKEEPER} else frozenset()
        chosen = [file for file in files if not (_is_test(file) and file.parent in elsewhere)]
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
    names = dict.fromkeys((name for fixture in chosen for name in _names(fixture.objects)), True)
    handed = {"fixtures": shown, "names": names, "registries": registries}
    data.write_text(json.dumps({"mutation": handed}), encoding="utf-8")
    conftest = declared_point(CONFTEST)
    rules = [file for part in conftest.policies for file in _rego(policies / part) if not _is_test(file)]
    return Judge("fixtures", (*rules, test, data))


def _names(value: Any) -> Iterator[str]:
    """Every key of every mapping below a value."""
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        yield from _names(each)


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
