"""Whether a version may be announced: the rules in `policies/release` are asked, and believed only word for word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge import resources
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NO_RELEASE_ANSWER = "REL-021"
REQUIREMENTS = {
    "approved": "REL-011",
    "unrestricted": "REL-012",
    "sbom": "REL-013",
    "license": "REL-014",
    "threat-model": "REL-015",
    "dependencies": "REL-016",
    "environment-variables": "REL-017",
    "lineage": "REL-018",
    "evaluation": "REL-019",
    "approvals": "REL-020",
}
"""Every requirement of a release, by its name in `environments.<name>.release.requires`; the first two are always
demanded."""
ALWAYS = frozenset({"approved", "unrestricted"})
_VERDICT = "data.weighbridge.release.verdict"


@dataclass(frozen=True)
class Finding:
    """One requirement of a release: met, or with what is missing."""

    requirement: str
    code: str
    reasons: tuple[str, ...]
    """What is wrong and what to do; empty exactly where it is met."""

    @property
    def met(self) -> bool:
        """Whether it provably holds."""
        return not self.reasons


@dataclass(frozen=True)
class Verdict:
    """Whether a version may be announced."""

    findings: tuple[Finding, ...]

    @property
    def released(self) -> bool:
        """Whether every requirement is met, and there is at least one."""
        return bool(self.findings) and all(finding.met for finding in self.findings)


def ask(document: dict[str, Any], rules: Iterable[Path] | None = None) -> Verdict:
    """The rules' verdict on one release (docs/architecture.md, "Releasing").

    An answer that is not exactly of the contracted form is a refusal, REL-021.

    Args:
        document: the rules' input.
        rules: other rules than the shipped ones, for tests.
    """
    from weighbridge.engines.opa import opa_eval  # noqa: PLC0415 -- brings httpx, 0.1 s

    files = list(rules) if rules is not None else release_rules()
    try:
        answer = opa_eval(_VERDICT, files, document=document, capabilities=resources.policies() / "capabilities.json")
    except EngineError as error:
        return _unanswered((str(error).splitlines() or ["nothing"])[0])
    return read_verdict(answer, set(document["requires"]))


def read_verdict(answer: Any, requires: set[str]) -> Verdict:
    """What the rules answered, believed only where it is exactly of the contracted form; else a refusal, REL-021.

    Args:
        answer: as it came.
        requires: what was asked for.
    """
    try:
        return _read(answer, requires | ALWAYS)
    except (ValueError, TypeError, KeyError) as error:
        return _unanswered((str(error).splitlines() or ["nothing"])[0])


def release_rules() -> list[Path]:
    """The shipped rules, without their tests."""
    folder = resources.policies() / "release"
    return sorted(path for path in folder.rglob("*.rego") if not path.name.endswith("_test.rego"))


def _unanswered(why: str) -> Verdict:
    message = f"the release rules gave no answer: {why}; this is a fault, report it with the catalogue"
    return Verdict((Finding("the rules", NO_RELEASE_ANSWER, (message,)),))


def _read(answer: Any, demanded: set[str]) -> Verdict:
    """An answer that says in full what was demanded, and does not contradict itself.

    Raises:
        ValueError: any other.
    """
    if not isinstance(answer, dict) or answer.keys() != {"released", "requirements"}:
        raise ValueError("the answer is not of the contracted form")
    findings = tuple(_finding(entry) for entry in answer["requirements"])
    if {finding.requirement for finding in findings} != demanded or len(findings) != len(demanded):
        raise ValueError("the answer is not about what was asked")
    verdict = Verdict(findings)
    if answer["released"] is not verdict.released:
        raise ValueError("the answer contradicts itself")
    return verdict


def _finding(entry: Any) -> Finding:
    if not isinstance(entry, dict) or entry.keys() != {"requirement", "met", "reasons"}:
        raise ValueError("a requirement is not of the contracted form")
    name = entry["requirement"]
    if name not in REQUIREMENTS or not all(reason["code"] == REQUIREMENTS[name] for reason in entry["reasons"]):
        raise ValueError(f"a requirement that nobody knows, or of another code: {name!r:.100}")
    finding = Finding(name, REQUIREMENTS[name], tuple(sorted(reason["message"] for reason in entry["reasons"])))
    if entry["met"] is not finding.met:
        raise ValueError(f"{name} contradicts itself")
    return finding
