"""Verified statements are judged by Rego: in batches, since one huge query takes time that grows with its square.

The engine's answer is believed only where it is exactly of the contracted form. Whatever else happens (an engine
that fails, a missing index, an undefined verdict, a rule that says "passed" and gives reasons against it) is a
refusal with its reason.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from weighbridge.catalogue.names import NEVER_NS
from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PATH = "weighbridge/evidence/batch/verdicts"
BATCH_ITEMS = 500
"""Items of one query: measured, 500 take 42 us each, 10,000 take 180."""
BATCH_BYTES = 8 * 1024**2
"""JSON of one query, in bytes, unless a single item is larger."""
THREADS = 2
_KEYS = frozenset({"passed", "reasons", "claims", "at_ns", "expires_ns", "facts"})


class Engine(Protocol):
    """What can evaluate a document of ours: `weighbridge.engines.opa.OpaServer`."""

    def query_json(self, path: str, document: bytes) -> Any:
        """The value of `data.<path>` for an input that is JSON already; raises EngineError."""


@dataclass(frozen=True)
class Judgement:
    """What a rule said about one item."""

    passed: bool
    reasons: tuple[str, ...]
    claims: Mapping[str, Any] = field(default_factory=dict)
    at_ns: int | None = None
    """When the statement was made, if only the rule can tell."""
    expires_ns: int = NEVER_NS
    """Until when it passes; what a rule allows for a limited time ends with it."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the statement says of an image, whether it passes or not; empty where the rule tells none."""


def judge(items: Sequence[bytes], engine: Engine) -> list[Judgement]:
    """One judgement for each item, in their order.

    Args:
        items: inputs of the batch dispatcher, each encoded as JSON.
        engine: has loaded `policies/evidence` and the user's rules.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        return [
            verdict for batch in pool.map(lambda given: judge_batch(given, engine), batches(items)) for verdict in batch
        ]


def batches(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The items in their order, in batches bounded by number and size."""
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and (len(batch) >= BATCH_ITEMS or size + len(item) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item)
    if batch:
        yield batch


def judge_batch(items: Sequence[bytes], engine: Engine) -> list[Judgement]:
    """One judgement for each item of a batch. An item that breaks the evaluation refuses itself, not its neighbours."""
    try:
        answer = _ask(items, engine)
    except EngineError as error:
        reason = f"the engine could not judge it: {str(error).splitlines()[0]}"
        if len(items) == 1 or not _answers(engine):
            return [Judgement(passed=False, reasons=(reason,))] * len(items)
        half = len(items) // 2
        return judge_batch(items[:half], engine) + judge_batch(items[half:], engine)
    return [_read(answer.get(str(index))) for index in range(len(items))]


def _ask(items: Sequence[bytes], engine: Engine) -> dict[str, Any]:
    answer = engine.query_json(PATH, b'{"items":[' + b",".join(items) + b"]}")
    if not isinstance(answer, dict):
        raise EngineError("its answer is no object")
    return answer


def _answers(engine: Engine) -> bool:
    try:
        return _ask([], engine) == {}
    except EngineError:
        return False


def _read(verdict: Any) -> Judgement:
    if verdict is None:
        return _refused("the rule gave no verdict: there is no such rule, or it does not understand the predicate")
    if not isinstance(verdict, dict) or not verdict.keys() <= _KEYS:
        return _refused("the rule's answer is not of the form {passed, reasons, claims}")
    passed, reasons, claims = verdict.get("passed"), verdict.get("reasons"), verdict.get("claims", {})
    facts = verdict.get("facts", {})
    times = [verdict.get("at_ns", 0), verdict.get("expires_ns", NEVER_NS)]
    well_formed = (
        isinstance(passed, bool)
        and isinstance(reasons, list)
        and all(isinstance(reason, str) for reason in reasons)
        and isinstance(claims, dict)
        and isinstance(facts, dict)
        and all(isinstance(time, int) and not isinstance(time, bool) and 0 <= time <= NEVER_NS for time in times)
    )
    if not well_formed:
        return _refused("the rule's answer is not of the form {passed, reasons, claims}")
    if passed and reasons:
        return _refused("the rule says that it passed and gives reasons against it", *reasons)
    if not passed:
        # A failure keeps its time: it is what makes it beat an older pass.
        refusal = reasons or ["the rule gave no reason"]
        return Judgement(passed=False, reasons=tuple(refusal), at_ns=verdict.get("at_ns"), facts=facts)
    return Judgement(
        passed=True, reasons=(), claims=claims, at_ns=verdict.get("at_ns"), expires_ns=times[1], facts=facts
    )


def _refused(*reasons: str) -> Judgement:
    return Judgement(passed=False, reasons=tuple(reasons))
