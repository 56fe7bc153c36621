"""The gate: every version is judged in every environment by `policies/gate`, environments in the order of promotion.

Order of steps: sort the environments so that one comes after the one it promotes from; for each, describe it once and
every version by what its evidence says; ask OPA in batches; take as approved only an answer that says so in full. A
version without a usable answer is refused with REL-010. I/O happens in `Engine.query` only.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from weighbridge.errors import EngineError
from weighbridge.registry.question import Question, promotion_order
from weighbridge.registry.records import (
    NO_ANSWER,
    Reason,
    Record,
    approvers,
    evaluated_on,
    held,
    promotion_files,
    published,
    variable_names,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from weighbridge.catalogue.catalogue import Catalogue, ModelVersion
    from weighbridge.evidence.state import VersionEvidence
    from weighbridge.registry.waivers import Waiver

VERDICTS = "weighbridge/gate/verdicts"
_PROBE = "weighbridge/gate/never_ns"
BATCH = 250
"""Versions in one question to OPA: one huge batch is fifty times slower than some hundreds at a time."""

Records = dict[str, dict[str, Record]]
"""Record by environment and `model@version`."""


class Engine(Protocol):
    """What is asked of OPA."""

    def query(self, path: str, document: Any) -> Any:
        """The value of `data.<path>` for one input; raises EngineError."""


def judge(
    catalogue: Catalogue,
    evidence: Mapping[str, VersionEvidence],
    *,
    at_ns: int,
    engine: Engine,
    waivers: Sequence[Waiver] = (),
    jobs: int = 2,
    advance: Callable[[int], object] = lambda _: None,
) -> Records:
    """Decide for each environment and version.

    Args:
        catalogue: what was read.
        evidence: what verification found, for each version of the catalogue.
        at_ns: `--at`, the only clock.
        engine: OPA with `policies/gate`.
        waivers: those of the catalogue, verified.
        jobs: questions under way at once.
        advance: told how many versions were judged, for a progress bar.

    Raises:
        EngineError: OPA is gone; nothing can be decided.
        InputError: environments promote in a circle.
    """
    records: Records = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        for name in promotion_order(catalogue.configuration):
            question = Question(catalogue.configuration, name, at_ns, waivers)
            gate = _Gate(question, engine)
            previous = records.get(question.environment.promotes_from or "", {})
            items = (
                (version, question.item(read, evidence.get(version), previous.get(version)))
                for version, read in catalogue.versions.items()
            )
            judged: dict[str, Record] = {}
            for answers in pool.map(gate.ask, _batches(items)):
                for version, answer in answers.items():
                    judged[version] = gate.record(catalogue.versions[version], evidence.get(version), answer)
                advance(len(answers))
            records[name] = judged
    return records


def _batches(items: Iterator[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    while batch := dict(itertools.islice(items, BATCH)):
        yield batch


class _Gate:
    """OPA, asked about one environment, and what becomes of its answers."""

    def __init__(self, question: Question, engine: Engine) -> None:
        self._question = question
        self._engine = engine

    def ask(self, items: Mapping[str, Any]) -> dict[str, Any]:
        """OPA's answer for each item; a text, the reason, where it gave none."""
        try:
            answers = self._engine.query(VERDICTS, self._question.document(items))
        except EngineError as error:
            return self._ask_apart(items, error)
        if not isinstance(answers, dict):
            return dict.fromkeys(items, "OPA's answer has no verdicts")
        return {name: answers.get(name, "OPA gave no verdict") for name in items}

    def _ask_apart(self, items: Mapping[str, Any], error: EngineError) -> dict[str, Any]:
        """One version that breaks the evaluation must not decide for its neighbours: halve until it stands alone.

        Raises:
            EngineError: OPA does not answer the simplest question either.
        """
        self._engine.query(_PROBE, {})
        if len(items) == 1:
            return dict.fromkeys(items, str(error).splitlines()[0])
        names = sorted(items)
        middle = len(names) // 2
        halves: tuple[Sequence[str], ...] = (names[:middle], names[middle:])
        answers: dict[str, Any] = {}
        for half in halves:
            answers.update(self.ask({name: items[name] for name in half}))
        return {name: answers[name] for name in items}

    def record(self, version: ModelVersion, found: VersionEvidence | None, answer: Any) -> Record:
        """What the registry will know: approved only by an answer that says so in full."""
        not_after = self._approved_until(answer)
        since = answer.get("since_ns") if isinstance(answer, dict) else None
        refused = Record(
            environment=self._question.name,
            name=version.name,
            model=version.model,
            version=version.version,
            approved=False,
            digest=version.artifact_digest,
            not_after=0,
            required=self._question.required,
            reasons=_reasons(answer),
            waived=_listed(answer.get("waived", [])) if isinstance(answer, dict) else (),
            since_ns=since if type(since) is int else None,
        )
        if not_after is None or found is None:
            return refused
        lineage = version.card.lineage
        images = tuple(sorted({image.digest for image in version.card.images}))
        return replace(
            refused,
            approved=True,
            not_after=not_after,
            reasons=(),
            images=images,
            image_facts={image: self._question.image_facts(image, found) for image in images},
            environment_variables=variable_names(version.card.environment_variables),
            sources=tuple(sorted({*version.card.sources, *self._published(found)})),
            attestations={name: held(found.attestations[name]) for name in self._question.required},
            promotion=promotion_files(found, self._question.name),
            approvers=approvers(found, self._question.name, version.manifest_sha256, self._question.at_ns),
            datasets=evaluated_on(found, self._question.required),
            lineage=None if lineage is None else lineage.model_dump(mode="json", exclude_none=True),
        )

    def _published(self, found: VersionEvidence) -> set[str]:
        """Where signed evidence that the environment requires says the weights lie.

        Of what is not required nobody compares the age, so it adds nothing.
        """
        sources: set[str] = set()
        for name in self._question.publications:
            sources |= published(found.attestations[name], self._question.threshold(name))
        return sources

    def _approved_until(self, answer: Any) -> int | None:
        if not isinstance(answer, dict) or answer.get("approved") is not True or answer.get("reasons") != []:
            return None
        not_after = answer.get("not_after")
        return not_after if type(not_after) is int and not_after > self._question.at_ns else None


def _listed(reasons: list[dict[str, str]]) -> tuple[Reason, ...]:
    found = {Reason(reason["code"], reason.get("attestation", ""), reason["message"]) for reason in reasons}
    return tuple(sorted(found))


def _reasons(answer: Any) -> tuple[Reason, ...]:
    """The reasons in a refusal; an answer that cannot be used is one itself."""
    if isinstance(answer, dict) and isinstance(answer.get("reasons"), list) and answer["reasons"]:
        return _listed(answer["reasons"])
    why = answer if isinstance(answer, str) else "OPA's answer cannot be used"
    return (Reason(NO_ANSWER, "", f"the gate gave no answer: {why}; this is a fault, report it with the catalogue"),)
