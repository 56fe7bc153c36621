"""The rules as data: their syntax trees, judged by `policies/checks`, and what their METADATA says.

The reference of rules and the checks on them rest on the same query, so that a page cannot show what a check
does not see.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge import resources
from weighbridge.bundle.guard import CLOCK_LINE
from weighbridge.bundle.policies import GATEKEEPER, POINTS, declared_point
from weighbridge.engines.opa import opa_eval, opa_parse
from weighbridge.points.schemas import field_names
from weighbridge.registry.records import NO_ANSWER
from weighbridge.release.verdict import NO_RELEASE_ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TEST = "_test.rego"
_FOLDERS = ("lib", "points", "guard", "gate", "release")


@dataclass(frozen=True)
class Rule:
    """What the METADATA of one requirement says."""

    code: str
    title: str
    description: str
    severity: str
    fix: str
    related: tuple[tuple[str, str], ...]
    """Description and address of what to read."""
    path: str
    """The rule's file, below `policies/`."""


_UNANSWERED = Rule(
    code=NO_ANSWER,
    title="The gate answers",
    description="A version for which the gate has no verdict is refused by whoever asked; so no rule states this code.",
    severity="critical",
    fix="Read what `weighbridge compile` says of it, and compile again; if it stays, report it.",
    related=(("OPA, undefined values", "https://www.openpolicyagent.org/docs/policy-language"),),
    path="gate/gate.rego",
)
_UNANSWERED_RELEASE = Rule(
    code=NO_RELEASE_ANSWER,
    title="The release rules answer",
    description="A release for which there is no verdict is refused by whoever asked; so no rule states this code.",
    severity="critical",
    fix="Correct what `environments.<name>.release.requires` names; if it stays, report it.",
    related=(("OPA, undefined values", "https://www.openpolicyagent.org/docs/policy-language"),),
    path="release/release.rego",
)


def check_rules(fixtures: Iterable[str], base: Path | None = None) -> list[str]:
    """Everything that is wrong with the Rego itself, sorted; empty where all is well.

    Args:
        fixtures: file names of all fixtures.
        base: another `policies/` than the one that is shipped.

    Raises:
        EngineError: OPA is missing, or a file is no Rego.
    """
    return sorted(_ask("problems", base or resources.policies(), sorted(fixtures)))


def unknown_fields(step: str, base: Path | None = None) -> list[str]:
    """Names of fields in one step's rules that no document of that step has, each with its file; sorted.

    It says what `opa check` with schemas cannot: the compiler knows no types of functions' parameters.

    Args:
        step: one of `points.schemas.STEPS`.
        base: another `policies/` than the one that is shipped.

    Raises:
        EngineError: OPA is missing, or a file is no Rego.
    """
    base = base or resources.policies()
    capabilities = json.loads((base / "capabilities.json").read_text(encoding="utf-8"))
    document = {
        "modules": {path.relative_to(base).as_posix(): opa_parse(path) for path in step_modules(step, base)},
        "fields": field_names(step),
        "builtins": [builtin["name"] for builtin in capabilities["builtins"]],
    }
    return sorted(opa_eval("data.weighbridge.checks.unknown_fields", [base / "checks"], document=document))


def step_modules(step: str, base: Path) -> list[Path]:
    """What one step loads, without tests: theirs are values that no schema allows, on purpose."""
    folders = declared_point(step).policies if step in (*POINTS, GATEKEEPER) else (step,)
    found = (path for folder in folders for path in sorted((base / folder).rglob("*.rego")))
    return [path for path in found if not path.name.endswith(_TEST)]


def rules(base: Path | None = None) -> list[Rule]:
    """Every documented requirement, sorted by code.

    Raises:
        EngineError: OPA is missing, or a file is no Rego.
    """
    found: dict[str, dict[str, Any]] = _ask("reference", base or resources.policies(), [])
    stated = [_rule(code, document) for code, document in found.items()]
    return sorted([*stated, _UNANSWERED, _UNANSWERED_RELEASE], key=lambda rule: rule.code)


def _rule(code: str, document: dict[str, Any]) -> Rule:
    related = tuple((entry.get("description", entry["ref"]), entry["ref"]) for entry in document.pop("related"))
    return Rule(code=code, related=related, **document)


def _ask(rule: str, base: Path, fixtures: list[str]) -> Any:
    return opa_eval(f"data.weighbridge.checks.{rule}", [base / "checks"], document=_input(base, fixtures))


def _input(base: Path, fixtures: list[str]) -> dict[str, Any]:
    paths = sorted(
        path for folder in _FOLDERS for path in (base / folder).rglob("*.rego") if not path.name.endswith(_TEST)
    )
    requests = [base / "points" / point / "request.rego" for point in (*POINTS, GATEKEEPER)]
    clocks = [*requests, base / "guard" / "guard.rego"]
    return {
        "modules": {path.relative_to(base).as_posix(): opa_parse(path) for path in paths},
        "fixtures": fixtures,
        "points": {
            point: json.loads((base / "points" / point / "point.json").read_text(encoding="utf-8")) for point in POINTS
        },
        "guard_roots": opa_eval("data.weighbridge.guard.roots", [base / "guard" / "guard.rego"]),
        "clocks": {
            path.relative_to(base).as_posix(): path.read_text(encoding="utf-8").splitlines().count(CLOCK_LINE)
            for path in clocks
        },
    }
