"""What an environment's rules say to what runs, at a given time, and what another commit of the catalogue says.

The catalogue is compiled as always, into a temporary folder, with a key made for it and with the clock of the question:
so "from the first of March" is answered as the points will answer it then.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.errors import InputError
from weighbridge.impact.running import manifests
from weighbridge.points.check import Checker
from weighbridge.points.report import EFFECTS, SEVERITIES
from weighbridge.points.rule_help import rule_help

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.impact.running import Running, Workload
    from weighbridge.points.rule_help import RuleHelp
    from weighbridge.registry.judgement import Progress

_GIT_SECONDS = 120


@dataclass(frozen=True)
class Question:
    """Against what the running workloads are held."""

    catalogue: Path
    environment: str
    at_ns: int
    root_key: Path | None = None
    allow_example_keys: bool = False


@dataclass(frozen=True)
class Finding:
    """One requirement that one workload does not meet; the same of its Pods is told once."""

    code: str
    effect: str
    severity: str
    workload: Workload
    owner: str
    """The value of the owner's label, or `namespace <name>` where there is none."""
    message: str


@dataclass(frozen=True)
class Impact:
    """What would happen."""

    environment: str
    workloads: int
    findings: tuple[Finding, ...]
    """Sorted: what denies first, the gravest first."""
    help: Mapping[str, RuleHelp]
    before: frozenset[tuple[str, str, Workload]] | None
    """Code, effect and workload of what the other commit says; None where there is nothing to compare with."""

    @property
    def denied(self) -> frozenset[Workload]:
        """Workloads that would be denied."""
        return frozenset(each.workload for each in self.findings if each.effect == "deny")

    def is_new(self, finding: Finding) -> bool:
        """Whether the other commit says nothing of it; everything is, where there is no other."""
        return self.before is None or (finding.code, finding.effect, finding.workload) not in self.before

    @property
    def gone(self) -> list[tuple[str, str, Workload]]:
        """What only the other commit says."""
        now = {(each.code, each.effect, each.workload) for each in self.findings}
        return sorted((self.before or frozenset()) - now, key=str)


def simulate(
    question: Question, running: Sequence[Running], owner_label: str, revision: str, progress: Progress
) -> Impact:
    """Hold what runs against a catalogue, and against an earlier commit of it.

    Args:
        question: the catalogue, environment and time.
        running: what runs there.
        owner_label: the label that names an owner.
        revision: another commit of the catalogue's repository; "" for none.
        progress: as for compiling.

    Raises:
        InputError: a catalogue cannot be compiled, or the commit cannot be read.
        EngineError: OPA is missing or failed.
    """
    findings, texts = _judged(question, running, owner_label, progress)
    before = None
    if revision:
        with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
            earlier = _checkout(question.catalogue, revision, Path(folder))
            other = Question(
                earlier, question.environment, question.at_ns, question.root_key, question.allow_example_keys
            )
            said, _ = _judged(other, running, owner_label, progress)
            before = frozenset((each.code, each.effect, each.workload) for each in said)
    workloads = len({each.top for each in running})
    return Impact(question.environment, workloads, findings, texts, before)


def _judged(
    question: Question, running: Sequence[Running], owner_label: str, progress: Progress
) -> tuple[tuple[Finding, ...], Mapping[str, RuleHelp]]:
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        options = CompileOptions(
            output=Path(folder) / "bundles",
            release_key=ec.generate_private_key(ec.SECP256R1()),
            at_ns=question.at_ns,
            root_key=question.root_key,
            environments=(question.environment,),
            allow_example_keys=question.allow_example_keys,
            fixed_clock_ns=question.at_ns,
        )
        compile_catalogue(question.catalogue, options, progress)
        with Checker(options.output, question.environment) as checker:
            report = checker.check(manifests(running))
            texts = {each.code: each for each in rule_help(checker.policy)}
    found: dict[tuple[str, str, Workload], Finding] = {}
    for each, result in zip(running, report.results, strict=True):
        for violation in result.violations:
            key = violation.code, violation.effect, each.top
            owner = each.labels.get(owner_label) or f"namespace {each.top.namespace or '(none)'}"
            finding = Finding(violation.code, violation.effect, violation.severity, each.top, owner, violation.message)
            found.setdefault(key, finding)
    return tuple(sorted(found.values(), key=_rank)), texts


def _rank(finding: Finding) -> tuple[int, int, str, str, str]:
    place = EFFECTS.index(finding.effect), SEVERITIES.index(finding.severity)
    return (*place, finding.code, finding.owner, str(finding.workload))


def _checkout(catalogue: Path, revision: str, folder: Path) -> Path:
    """The catalogue as it was at a commit."""
    top = Path(_git(catalogue, "rev-parse", "--show-toplevel").decode().strip())
    inside = catalogue.resolve().relative_to(top.resolve()).as_posix()
    # `^{tree}` keeps what begins with a dash from being an option.
    commit = _git(catalogue, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    archive = _git(top, "archive", "--format=tar", commit, "--", inside)
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        members.extractall(folder, filter="data")
    return folder / inside


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError.single("--against", f"git could not be run: {error}", "Install git.") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        message = f"git cannot read it: {said[-1] if said else f'status {done.returncode}'}"
        raise InputError.single("--against", message, "Name a commit of the repository that the catalogue is in.")
    return done.stdout


def by_requirement(findings: Sequence[Finding]) -> dict[tuple[str, str], dict[str, list[Finding]]]:
    """Findings by effect and code, and by owner below that, in the order in which they come."""
    grouped: dict[tuple[str, str], dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        grouped[finding.effect, finding.code][finding.owner].append(finding)
    return grouped


def document(impact: Impact) -> dict[str, Any]:
    """The impact as plain JSON."""
    requirements = []
    for (effect, code), owners in by_requirement(impact.findings).items():
        first = next(iter(owners.values()))[0]
        told = {
            owner: [{**vars(each.workload), "message": each.message, "new": impact.is_new(each)} for each in findings]
            for owner, findings in owners.items()
        }
        requirements.append({"code": code, "effect": effect, "severity": first.severity, "owners": told})
    gone = [{"code": code, "effect": effect, **vars(workload)} for code, effect, workload in impact.gone]
    summary = {"workloads": impact.workloads, "denied": len(impact.denied)}
    return {
        "environment": impact.environment,
        "compared": impact.before is not None,
        "requirements": requirements,
        "gone": gone,
        "summary": summary,
    }
