"""Judging manifests by what `compile` wrote, without conftest (CONTRACTS: Fixtures, `check --format json`).

The rules and the data are conftest's, asked through OPA, so both give the same verdict. Neither knows live data.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from weighbridge.canonical import parse_json, sha256_hex
from weighbridge.engines.opa import OpaServer, UndefinedResultError
from weighbridge.errors import EngineError, InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from weighbridge.points.manifests import Manifest

ENTRY = "weighbridge/points/conftest/decision"
SEVERITIES = ("critical", "high", "medium", "low")
_COMPILE = "Compile again, and give the folder that `compile --output` wrote."


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
    """What was said to one object."""

    file: str
    document: int
    kind: str
    name: str
    violations: tuple[Violation, ...]

    @property
    def denied(self) -> bool:
        """Whether anything in it denies."""
        return any(violation.effect == "deny" for violation in self.violations)


@dataclass(frozen=True)
class Report:
    """What was said to all of them."""

    environment: str
    results: tuple[Result, ...]

    @property
    def denied(self) -> bool:
        """Whether any object is denied."""
        return any(result.denied for result in self.results)

    def document(self) -> dict[str, Any]:
        """The report as contracted for `check --format json`."""
        effects = Counter(violation.effect for result in self.results for violation in result.violations)
        denied = sum(result.denied for result in self.results)
        return {
            "environment": self.environment,
            "results": [
                {**vars(result), "violations": [dict(vars(violation)) for violation in result.violations]}
                for result in self.results
            ],
            "summary": {"documents": len(self.results), "denied": denied, **dict(sorted(effects.items()))},
        }


class Checker:
    """Judges manifests inside a `with` block.

    Args:
        bundle: the folder that `compile` wrote.
        environment: one of its environments.

    Raises:
        InputError: the folder is none that `compile` wrote, or was changed since.
    """

    def __init__(self, bundle: Path, environment: str) -> None:
        self.environment = environment
        self._server = OpaServer(_verified(bundle, environment))

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    def check(self, manifests: Iterable[Manifest]) -> Report:
        """What the environment says to these objects.

        Raises:
            EngineError: OPA failed, or answered something else than a decision.
        """
        return Report(self.environment, tuple(self._judge(manifest) for manifest in manifests))

    def _judge(self, manifest: Manifest) -> Result:
        try:
            decision = self._server.query(ENTRY, manifest.value)
        except UndefinedResultError as error:
            raise EngineError(f"no decision about {manifest.file}: {error}") from error
        violations = _violations(decision, manifest)
        value = manifest.value if isinstance(manifest.value, dict) else {}
        metadata = value.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        return Result(manifest.file, manifest.document, _text(value.get("kind")), _text(name), violations)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _violations(decision: Any, manifest: Manifest) -> tuple[Violation, ...]:
    try:
        found = [_violation(violation, manifest) for violation in decision["violations"]]
        allowed = decision["allowed"]
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError(f"the rules gave no usable decision about {manifest.file}: {error}") from error
    if allowed is not all(violation.effect != "deny" for violation in found):
        raise EngineError(f"the decision about {manifest.file} contradicts its violations")
    return tuple(sorted(found, key=lambda each: (SEVERITIES.index(each.severity), each.code, each.line, each.message)))


def _violation(violation: dict[str, Any], manifest: Manifest) -> Violation:
    line, column = manifest.place(violation["field"])
    severity, effect = violation["severity"], violation["effect"]
    if severity not in SEVERITIES or effect not in {"deny", "warn", "dry-run", "waived"}:
        raise ValueError(f"unknown severity or effect: {severity}, {effect}")
    return Violation(str(violation["code"]), severity, effect, str(violation["message"]), line, column)


def _verified(bundle: Path, environment: str) -> list[Path]:
    """Policy and data folders of an environment, after comparing every file with `index.json`."""
    index = _index(bundle)
    files = index.get("files")
    if not isinstance(files, dict) or environment not in index.get("environments", {}):
        known = ", ".join(sorted(index.get("environments", {}))) or "none"
        raise InputError.single(str(bundle), f"holds no environment {environment!r}, but: {known}", _COMPILE)
    folder = bundle / environment / "conftest"
    listed = {path: digest for path, digest in files.items() if path.startswith(f"{environment}/conftest/")}
    present = {path.relative_to(bundle).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    problems = [
        Problem(str(bundle / path), message="is not in index.json", fix=_COMPILE) for path in present - set(listed)
    ]
    problems += [_differs(bundle / path) for path, digest in listed.items() if _digest(bundle / path) != digest]
    if problems:
        raise InputError(problems)
    if not listed:
        raise InputError.single(str(bundle), f"holds nothing for {environment}/conftest", _COMPILE)
    return [folder / "policy", folder / "data"]


def _index(bundle: Path) -> dict[str, Any]:
    path = bundle / "index.json"
    try:
        index = parse_json(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError.single(str(path), f"cannot be read: {error.strerror}", _COMPILE) from error
    if not isinstance(index, dict) or index.get("kind") != "Index":
        raise InputError.single(str(path), "is not what `compile` writes", _COMPILE)
    return index


def _digest(path: Path) -> str:
    try:
        return f"sha256:{sha256_hex(path.read_bytes())}"
    except OSError:
        return ""


def _differs(path: Path) -> Problem:
    return Problem(str(path), message="is missing, or differs from index.json", fix=_COMPILE)
