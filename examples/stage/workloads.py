"""The example's workloads through `weighbridge check`, and through plain conftest where there is one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
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


def judge(file: Path, bundles: Path, environment: str, conftest: Path | None) -> Workload:
    """Judge one manifest of `examples/pods`, whose first two lines say what is expected and why."""
    head = file.read_text("utf-8").splitlines()[:2]
    expected = frozenset(_CODE.findall(head[0]))
    violations = _check(file, bundles, environment)
    why = violations[0]["message"] if violations else head[1].removeprefix("# ")
    by_conftest = _conftest(conftest, file, bundles / environment / "conftest") if conftest else None
    return Workload(file.name, expected, frozenset(entry["code"] for entry in violations), by_conftest, why)


def _check(file: Path, bundles: Path, environment: str) -> list[dict[str, str]]:
    command = [sys.executable, "-m", "weighbridge", "check", "--format", "json", "--environment", environment]
    result = subprocess.run([*command, "--bundle", str(bundles), str(file)], capture_output=True, check=False)
    if result.returncode not in {0, 1}:
        raise EngineError("weighbridge check failed", result.stderr.decode("utf-8", "replace"))
    results = json.loads(result.stdout)["results"]
    denials = [entry for document in results for entry in document["violations"] if entry["effect"] == "deny"]
    if bool(denials) != bool(result.returncode):
        raise EngineError("the exit status of weighbridge check does not fit what it reports")
    return denials


def _conftest(binary: Path, file: Path, folder: Path) -> frozenset[str]:
    policy, data = folder / "policy", folder / "data"
    command = [str(binary), "test", "--output", "json", "-p", str(policy), "-d", str(data), str(file)]
    result = subprocess.run(command, capture_output=True, check=False)
    try:
        failures = [failure["msg"] for entry in json.loads(result.stdout) for failure in entry.get("failures") or ()]
    except (ValueError, KeyError) as error:
        raise EngineError("conftest failed", result.stderr.decode("utf-8", "replace")) from error
    if bool(failures) != bool(result.returncode):
        raise EngineError("the exit status of conftest does not fit what it reports")
    return frozenset(code for message in failures for code in _CODE.findall(message)[:1])
