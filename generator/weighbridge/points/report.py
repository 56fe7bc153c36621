"""What was said to manifests: the report behind every format of `weighbridge check`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("critical", "high", "medium", "low")
EFFECTS = ("deny", "warn", "dry-run", "waived")
"""What a violation amounts to; only `deny` denies."""


@dataclass(frozen=True)
class Violation:
    """One requirement that does not provably hold."""

    code: str
    severity: str
    effect: str
    message: str
    line: int
    column: int


@dataclass(frozen=True)
class Result:
    """What was said to one document."""

    file: str
    document: int
    kind: str
    name: str
    violations: tuple[Violation, ...]
    source: str = ""
    """The template that Helm says the document comes from; not in `check --format json`'s contracted keys if empty."""

    @property
    def denied(self) -> bool:
        """Whether anything in it denies."""
        return any(violation.effect == "deny" for violation in self.violations)

    @property
    def title(self) -> str:
        """What a reader knows the object by."""
        return f"{self.kind or 'object'} {self.name}".rstrip()

    def document_json(self) -> dict[str, Any]:
        """The result as contracted."""
        head = {"file": self.file, "document": self.document, "kind": self.kind, "name": self.name}
        head |= {"source": self.source} if self.source else {}
        return head | {"violations": [dict(vars(violation)) for violation in self.violations]}


@dataclass(frozen=True)
class NotJudged:
    """Something below a folder that is no Kubernetes object."""

    file: str
    document: int
    reason: str


@dataclass(frozen=True)
class Report:
    """What was said to all of them."""

    environment: str
    results: tuple[Result, ...]
    not_judged: tuple[NotJudged, ...] = ()

    @property
    def denied(self) -> bool:
        """Whether any object is denied."""
        return any(result.denied for result in self.results)

    def document(self) -> dict[str, Any]:
        """The report as contracted for `check --format json`; what was not judged stands in the summary."""
        effects = Counter(violation.effect for result in self.results for violation in result.violations)
        denied = sum(result.denied for result in self.results)
        summary: dict[str, Any] = {"documents": len(self.results), "denied": denied, **dict(sorted(effects.items()))}
        if self.not_judged:
            summary["not_judged"] = [dict(vars(each)) for each in self.not_judged]
        return {
            "environment": self.environment,
            "results": [result.document_json() for result in self.results],
            "summary": summary,
        }
