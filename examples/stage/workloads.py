"""The example's workloads through `weighbridge check`, and through plain conftest where there is one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weighbridge.engines.locate import require
from weighbridge.errors import EngineError

_CODE = re.compile(r"\b[A-Z]{3}-[0-9]{3}\b")


@dataclass(frozen=True)
class Workload:
    """One manifest, what is expected of it, and what two points say."""

    file: str
    expected: frozenset[str]
    """Codes; empty: admitted."""
    checked: frozenset[str]
    """What `weighbridge check` says."""
    conftest: frozenset[str] | None
    """What conftest says; None where there is no conftest."""
    why: str
    """The first message, or what the manifest shows."""

    @property
    def agreed(self) -> bool:
        """Whether all points say what is expected."""
        return self.checked == self.expected and self.conftest in {None, self.expected}


def find_conftest() -> Path | None:
    """Conftest, if `weighbridge engines` finds a usable one."""
    try:
        return require("conftest").path
    except EngineError:
        return None


def judge(files: Sequence[Path], bundles: Path, environment: str, conftest: Path | None) -> list[Workload]:
    """Judge manifests of `examples/pods`, whose first two lines say what is expected and why."""
    violations = _check(files, bundles, environment)
    by_conftest = _conftest(conftest, files, bundles / environment / "conftest") if conftest else None
    return [
        _workload(file, violations[str(file)], by_conftest[str(file)] if by_conftest is not None else None)
        for file in files
    ]


def _workload(file: Path, violations: list[dict[str, str]], conftest: frozenset[str] | None) -> Workload:
    head = file.read_text("utf-8").splitlines()[:2]
    why = violations[0]["message"] if violations else head[1].removeprefix("# ")
    checked = frozenset(entry["code"] for entry in violations)
    return Workload(file.name, frozenset(_CODE.findall(head[0])), checked, conftest, why)


def _check(files: Sequence[Path], bundles: Path, environment: str) -> dict[str, list[dict[str, str]]]:
    command = [sys.executable, "-m", "weighbridge", "check", "--format", "json", "--environment", environment]
    result = subprocess.run([*command, "--bundle", bundles, *files], capture_output=True, check=False)
    if result.returncode not in {0, 1}:
        raise EngineError("weighbridge check failed", result.stderr.decode("utf-8", "replace"))
    denials = {
        entry["file"]: [violation for violation in entry["violations"] if violation["effect"] == "deny"]
        for entry in json.loads(result.stdout)["results"]
    }
    if any(denials.values()) != bool(result.returncode):
        raise EngineError("the exit status of weighbridge check does not fit what it reports")
    return denials


def _conftest(binary: Path, files: Sequence[Path], folder: Path) -> dict[str, frozenset[str]]:
    command: list[str | Path] = [binary, "test", "--output", "json", "-p", folder / "policy", "-d", folder / "data"]
    result = subprocess.run([*command, *files], capture_output=True, check=False)
    try:
        entries = json.loads(result.stdout)
        failures = {entry["filename"]: [failure["msg"] for failure in entry.get("failures") or ()] for entry in entries}
    except (ValueError, KeyError) as error:
        raise EngineError("conftest failed", result.stderr.decode("utf-8", "replace")) from error
    if any(failures.values()) != bool(result.returncode):
        raise EngineError("the exit status of conftest does not fit what it reports")
    return {file: frozenset(_CODE.findall(text)[0] for text in texts) for file, texts in failures.items()}
