"""From a catalogue's evidence to what it proves about every version.

Verifying is Python's and costs a core; judging is the engine's and costs another. Both go on at the same time:
while workers verify one chunk of versions, the engine judges the one before. What a chunk yields does not depend on
`--at`, and is what a cache keeps.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING

from weighbridge.errors import EngineError
from weighbridge.evidence.assemble import Dossier, image_states, version_evidence
from weighbridge.evidence.context import context_of
from weighbridge.evidence.judge import THREADS, Engine, Judgement, batches, judge_batch
from weighbridge.evidence.verify import Findings, Subject, Verifier, subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.evidence.context import Context
    from weighbridge.evidence.state import AttestationState, Refusal, VersionEvidence
    from weighbridge.evidence.verify import Candidate

CHUNK = 100
"""Subjects that a worker verifies at once: with five statements each they make one batch for the engine."""
_AHEAD = 8
"""Chunks that are verified before the engine has judged them: bounds the memory, and keeps both busy."""


def attest(
    catalogue: Catalogue, *, at_ns: int, engine: Engine, jobs: int = 1, progress: Callable[[int], None] | None = None
) -> dict[str, VersionEvidence]:
    """What the evidence proves about every version, by its name.

    Args:
        catalogue: as it was read.
        at_ns: the one clock, in nanoseconds since the epoch.
        engine: has loaded `policies/evidence` and the user's rules.
        jobs: processes that verify; 1 verifies in this one.
        progress: called with the number of versions and images done since the last call.

    Raises:
        EngineError: a worker process died. An engine that fails only refuses what it could not judge.
    """
    context = context_of(catalogue, at_ns)
    images = [Subject("images", digest, files) for digest, files in catalogue.images.items()]
    subjects = [*images, *(subject_of(version) for version in catalogue.versions.values())]
    dossiers = list(dossiers_of(subjects, context, engine, jobs=jobs, progress=progress))
    by_image = {subject.digest: dossier for subject, dossier in zip(images, dossiers, strict=False)}
    return {
        version.name: version_evidence(version, dossier, by_image, context)
        for version, dossier in zip(catalogue.versions.values(), dossiers[len(images) :], strict=True)
    }


def attest_images(
    catalogue: Catalogue, digests: Iterable[str], *, at_ns: int, engine: Engine
) -> dict[str, dict[str, AttestationState]]:
    """What the evidence says about single images, whichever version they serve: the attestations, by digest and name.

    Args:
        catalogue: as it was read.
        digests: of images; one without evidence is left out.
        at_ns: as for `attest`.
        engine: as for `attest`.
    """
    context = context_of(catalogue, at_ns)
    subjects = [
        Subject("images", digest, catalogue.images[digest]) for digest in sorted(digests) if digest in catalogue.images
    ]
    dossiers = dossiers_of(subjects, context, engine)
    return {dossier.subject: image_states(dossier, context) for dossier in dossiers}


def dossiers_of(
    subjects: Sequence[Subject],
    context: Context,
    engine: Engine,
    *,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Dossier]:
    """The dossier of each subject, in their order."""
    chunks = [subjects[start : start + CHUNK] for start in range(0, len(subjects), CHUNK)]
    with ThreadPoolExecutor(THREADS) as judges, _verified(chunks, context, jobs) as verified:
        waiting: list[Future[list[Dossier]]] = []
        known: dict[bytes, Judgement] = {}
        for findings in verified:
            waiting.append(judges.submit(_judged, findings, engine, known))
            if len(waiting) > _AHEAD:
                yield from _done(waiting.pop(0), progress)
        for future in waiting:
            yield from _done(future, progress)


def _done(future: Future[list[Dossier]], progress: Callable[[int], None] | None) -> list[Dossier]:
    dossiers = future.result()
    if progress:
        progress(len(dossiers))
    return dossiers


def _judged(chunk: Sequence[Findings], engine: Engine, known: dict[bytes, Judgement]) -> list[Dossier]:
    """Equal items have equal verdicts, so only those are asked that were never asked before in this compile."""
    asked = {item for findings in chunk for item in findings.items}.difference(known)
    for batch in batches(sorted(asked)):
        known.update(zip(batch, judge_batch(batch, engine), strict=True))
    return [_dossier(findings, [known[item] for item in findings.items]) for findings in chunk]


def _dossier(findings: Findings, judgements: Sequence[Judgement]) -> Dossier:
    judged: dict[int, list[tuple[Candidate, Judgement]]] = {}
    for candidate in findings.candidates:
        if candidate.objection:
            judgement = Judgement(passed=False, reasons=(candidate.objection,))
        else:
            judgement = judgements[candidate.item]
        judged.setdefault(candidate.use, []).append((candidate, judgement))
    refused: dict[int | None, list[Refusal]] = {}
    for use, refusal in findings.refused:
        refused.setdefault(use, []).append(refusal)
    return Dossier(findings.subject, judged, refused)


@contextmanager
def _verified(chunks: Sequence[Sequence[Subject]], context: Context, jobs: int) -> Iterator[Iterable[list[Findings]]]:
    if jobs <= 1 or len(chunks) <= 1:
        verifier = Verifier(context)
        yield ([verifier.subject(subject) for subject in chunk] for chunk in chunks)
        return
    # Workers start from nothing, not from a fork: this process has threads, and a fork copies their locks and not
    # them.
    start = multiprocessing.get_context(
        "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    )
    start.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(jobs, mp_context=start, initializer=_begin, initargs=(context,)) as pool:
        try:
            yield pool.map(_verify, chunks)
        except BrokenProcessPool as error:
            raise EngineError("a process that verifies evidence died", "Was it killed for lack of memory?") from error


_worker: Verifier | None = None


def _begin(context: Context) -> None:
    global _worker  # noqa: PLW0603 -- a worker process loads the keys once, and this is where it keeps them
    _worker = Verifier(context)


def _verify(chunk: Sequence[Subject]) -> list[Findings]:
    assert _worker is not None  # noqa: S101 -- the pool's initializer set it
    return [_worker.subject(subject) for subject in chunk]
