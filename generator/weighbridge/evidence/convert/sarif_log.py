"""SARIF 2.1.0 logs: what is read of them, and what one result amounts to.

Source: OASIS SARIF 2.1.0, sections 3.14 (run), 3.20 (invocation), 3.27 (result), 3.35 (suppression), 3.49 and 3.50
(rules and their default configuration). `security-severity` is the convention of GitHub's code scanning.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from weighbridge.catalogue.names import Uri
from weighbridge.evidence.convert.reading import FindingId, Foreign, Many, Maybe, MaybeTime, Words, none

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSIONS = ("2.1.0",)
Level = Literal["none", "note", "warning", "error"]
Index = Annotated[int, Field(ge=-1, le=1_000_000)]


class Properties(Foreign):
    """The two property bags that are read: a rule's severity, and Trivy's word on what it scanned."""

    security_severity: Any = Field(default=None, alias="security-severity")
    image_id: Maybe = Field(default=None, alias="imageID")
    repo_digests: Many[FindingId] = Field(default_factory=list, alias="repoDigests")


class Configuration(Foreign):
    """A rule's default configuration."""

    level: Level | None = None


class Rule(Foreign):
    """A reporting descriptor."""

    id: FindingId
    configuration: Configuration = Field(default=Configuration(), alias="defaultConfiguration")
    properties: Properties = Properties()


class Component(Foreign):
    """A tool's driver or extension."""

    name: Words
    version: Maybe = None
    semantic_version: Maybe = Field(default=None, alias="semanticVersion")
    information_uri: Uri | None = Field(default=None, alias="informationUri")
    rules: Many[Rule] = none()


class Tool(Foreign):
    """The program that made a run."""

    driver: Component
    extensions: Many[Component] = none()


class Notification(Foreign):
    """What a tool says about its own execution."""

    level: Level = "warning"


class Invocation(Foreign):
    """One execution of a tool."""

    successful: bool = Field(alias="executionSuccessful")
    started: MaybeTime = Field(default=None, alias="startTimeUtc")
    finished: MaybeTime = Field(default=None, alias="endTimeUtc")
    notifications: Many[Notification] = Field(default_factory=list, alias="toolExecutionNotifications")


class ComponentReference(Foreign):
    """Which component of the tool a rule belongs to."""

    index: Index = -1


class RuleReference(Foreign):
    """Which rule a result is of."""

    id: FindingId | None = None
    index: Index = -1
    component: ComponentReference = Field(default=ComponentReference(), alias="toolComponent")


class Suppression(Foreign):
    """Somebody decided that a result does not matter."""

    kind: Maybe = None
    status: Literal["accepted", "underReview", "rejected"] = "accepted"
    justification: Maybe = None


class Artifact(Foreign):
    """A file."""

    uri: Maybe = None


class Physical(Foreign):
    """A place in a file."""

    artifact: Artifact = Field(default=Artifact(), alias="artifactLocation")


class Location(Foreign):
    """Where a result was found."""

    physical: Physical = Field(default=Physical(), alias="physicalLocation")


class Result(Foreign):
    """One thing that a tool found."""

    rule_id: FindingId | None = Field(default=None, alias="ruleId")
    rule_index: Index = Field(default=-1, alias="ruleIndex")
    rule: RuleReference = RuleReference()
    kind: Literal["pass", "open", "informational", "notApplicable", "review", "fail"] = "fail"
    level: Level | None = None
    baseline: Literal["new", "unchanged", "updated", "absent"] | None = Field(default=None, alias="baselineState")
    suppressions: Many[Suppression] = none()
    locations: Many[Location] = none()
    properties: Properties = Properties()

    def excuse(self) -> str:
        """Why the result is suppressed; "" unless every suppression is accepted and at least one has a reason."""
        if any(entry.status != "accepted" for entry in self.suppressions):
            return ""
        return "; ".join(dict.fromkeys(entry.justification for entry in self.suppressions if entry.justification))


class Run(Foreign):
    """One run of one tool. Without `results` it found nothing because it did not look (3.14.23)."""

    tool: Tool
    invocations: Many[Invocation] = none()
    results: list[Any] | None = None
    properties: Properties = Properties()


class Log(Foreign):
    """A SARIF file."""

    runs: Annotated[Many[Run], Field(min_length=1)]


class RuleBook:
    """The rules of one tool, looked up in the time that one look takes: a log may have as many as results."""

    def __init__(self, tool: Tool) -> None:
        self.name = tool.driver.name
        self._rules: list[Sequence[Rule]] = [tool.driver.rules, *(extension.rules for extension in tool.extensions)]
        self._by_id = [_by_id(rules) for rules in self._rules]

    def of(self, result: Result) -> Rule | None:
        """The rule of a result, where the log describes it: by index, else by its id or what stands before a `/`."""
        component = result.rule.component.index + 1
        if component >= len(self._rules):
            return None
        index = max(result.rule.index, result.rule_index)
        name = result.rule.id or result.rule_id
        if index < 0:
            return self._named(component, name or "")
        found = self._rules[component][index] if index < len(self._rules[component]) else None
        # An index that points at another rule than the id says would lend the result that rule's severity.
        return found if found and (name is None or name == found.id or name.startswith(f"{found.id}/")) else None

    def _named(self, component: int, name: str) -> Rule | None:
        while name:
            if name in self._by_id[component]:
                return self._by_id[component][name]
            name = name.rpartition("/")[0]
        return None


def _by_id(rules: Sequence[Rule]) -> dict[str, Rule | None]:
    """Of two rules with one id it cannot be told which is meant."""
    times = Counter(rule.id for rule in rules)
    return {rule.id: rule if times[rule.id] == 1 else None for rule in rules}


def level_of(result: Result, rule: Rule | None) -> Level:
    """How bad the tool takes it (3.27.10): the result's word, the rule's default, `warning`."""
    if result.kind != "fail":
        return "none"
    return result.level or (rule.configuration.level if rule else None) or "warning"
