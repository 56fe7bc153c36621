"""Judging manifests by what `compile` wrote, without conftest (CONTRACTS: Fixtures, `check --format json`).

The rules and the data are conftest's, asked through OPA, so both give the same verdict. Neither knows live data. Order
of steps: verify the compiled folder, and start OPA with a copy of its rules, so that it compiles them meanwhile; read
the manifests; find the names of versions in them, and read those records; hand both to OPA as one input, an `opa eval`
for each core. OPA sees the bytes that were verified, nothing else.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from weighbridge.engines import process
from weighbridge.engines.locate import require
from weighbridge.errors import EngineError
from weighbridge.points.compiled import CompiledFolder
from weighbridge.points.report import EFFECTS, SEVERITIES, Report, Result, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from weighbridge.points.manifests import Manifest

SMALLEST, LARGEST = 40, 500
"""Documents that are judged in one question: fewer cost less than another OPA, more would need too much memory."""
MOST_NAMES = 10_000
"""Names of versions in one batch beyond which all records are loaded."""
_QUERY = (
    "[decision | registry := input.registry; loaded := input.loaded; some document in input.documents;"
    " decision := data.weighbridge.points.conftest.decision with input as document"
    " with data.weighbridge.registry as registry with data.weighbridge.loaded as loaded]"
)
_SECONDS = 300.0
_CONFLICT = "eval_conflict_error"
_ENVIRONMENT = {"GOGC": "off", "GOMEMLIMIT": "512MiB"}
"""OPA ends with the answer: up to this size, collecting its garbage costs more time than the memory is worth."""


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
        self.compiled = CompiledFolder(bundle, environment)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._ahead: list[process.Started] = []

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="wb-check-")
        for path, data in self.compiled.policy.items():
            file = Path(self._folder.name, "policy", path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self._ahead.append(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for started in self._ahead:
            started.stop()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def policy(self) -> Path:
        """The folder with the verified Rego, for as long as the block lasts."""
        if self._folder is None:
            raise EngineError("use Checker in a `with` block")
        return Path(self._folder.name, "policy")

    def check(self, manifests: Iterable[Manifest]) -> Report:
        """What the environment says to these objects.

        Raises:
            InputError: of the iterable, or of a file with records.
            EngineError: OPA failed, or answered something else than a decision a document.
        """
        documents = list(manifests)
        judged = zip(documents, self.decide(documents), strict=True)
        return Report(self.environment, tuple(_result(manifest, decision) for manifest, decision in judged))

    def decide(self, documents: Sequence[Manifest]) -> list[Any]:
        """The rules' own decisions, one a document, with the field of each violation (architecture: Decisions).

        Raises:
            InputError: of a file with records.
            EngineError: as for `check`.
        """
        size = min(LARGEST, max(SMALLEST, -(-len(documents) // _cores())))
        batches = [documents[start : start + size] for start in range(0, len(documents), size)]
        answers = self._side_by_side(batches) if len(batches) > 1 else map(self._decisions, batches)
        return [decision for answer in answers for decision in answer]

    def _side_by_side(self, batches: Sequence[Sequence[Manifest]]) -> list[list[Any]]:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- one batch does without

        with ThreadPoolExecutor(_cores()) as pool:
            try:
                return list(pool.map(self._decisions, batches))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _decisions(self, batch: Sequence[Manifest]) -> list[Any]:
        values = [manifest.value for manifest in batch]
        names = meant_names(values, self.compiled.registry.get("labels"))
        answer = None
        if len(names) <= MOST_NAMES:
            answer = self._asked(values, self.compiled.records(names), names)
        if answer is None:
            answer = self._asked(values, self.compiled.all_records(), None)
        if not isinstance(answer, list) or len(answer) != len(batch):
            raise EngineError(f"the rules gave no decision about a document of {batch[0].file} to {batch[-1].file}")
        return answer

    def _asked(self, values: list[Any], records: Mapping[str, Any], names: Iterable[str] | None) -> Any:
        """OPA's answer; None where a rule looked for a record that was not loaded."""
        document = {
            "documents": values,
            "registry": {**self.compiled.registry, "records": dict(records)},
            "loaded": {} if names is None else {"records": dict.fromkeys(names, True)},
        }
        try:
            started = self._ahead.pop()
        except IndexError:
            started = self._start()
        done = started.ask(json.dumps(document, separators=(",", ":")).encode(), timeout=_SECONDS)
        return _answer(done.returncode, done.stdout, done.stderr, partly=names is not None)

    def _start(self) -> process.Started:
        arguments = ["eval", "--format=json", "--stdin-input", f"--data={self.policy.as_uri()}", _QUERY]
        return process.Started([require("opa").path, *arguments], environment=_ENVIRONMENT)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _answer(status: int, stdout: bytes, stderr: bytes, *, partly: bool) -> Any:
    try:
        answer = json.loads(stdout)
    except ValueError:
        answer = {}
    errors = answer.get("errors") or []
    if partly and any(error.get("code") == _CONFLICT for error in errors):
        return None
    if status != 0 or errors:
        detail = "; ".join(str(error.get("message")) for error in errors) or stderr.decode("utf-8", "replace").strip()
        raise EngineError("opa could not judge the manifests", detail[:4000])
    results = answer.get("result") or []
    return results[0]["expressions"][0]["value"] if results else None


def meant_names(values: Iterable[Any], labels: Any) -> set[str]:
    """Every name of a version that labels anywhere in these values may spell.

    Too many do no harm. One too few is noticed: `lib.weighbridge.request` of conftest answers a question for a record
    that was not loaded with an error.
    """
    names: set[str] = set()
    if not isinstance(labels, dict):
        return names
    model_key, version_key = str(labels.get("model_id")), str(labels.get("model_version"))
    for mapping in _mappings(values):
        model, version = mapping.get(model_key), mapping.get(version_key)
        if isinstance(model, str) and isinstance(version, str):
            names.add(f"{model}@{version}")
    return names


def _mappings(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    stack = list(values)
    while stack:
        value = stack.pop()
        if value.__class__ is dict:
            yield value
            stack.extend(value.values())
        elif value.__class__ is list:
            stack.extend(value)


def _result(manifest: Manifest, decision: Any) -> Result:
    violations = _violations(decision, manifest)
    value = manifest.value if isinstance(manifest.value, dict) else {}
    metadata = value.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    kind = _text(value.get("kind"))
    return Result(manifest.file, manifest.document, kind, _text(name), violations, manifest.source)


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
    if severity not in SEVERITIES or effect not in EFFECTS:
        raise ValueError(f"unknown severity or effect: {severity}, {effect}")
    return Violation(str(violation["code"]), severity, effect, str(violation["message"]), line, column)
