"""What the workloads of an environment must have documented, judged when compiling (architecture: Documented versions).

The release rules are asked about each approved version of an environment whose `workloads.documented` demands anything;
what they find lacking goes into the version's record. A demand that is met by evidence that ends is lacking from then
on. What cannot be judged is lacking, with the release rules' own code for that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import NEVER_NS
from weighbridge.errors import EngineError, InputError
from weighbridge.release.facts import version_document
from weighbridge.release.verdict import NO_RELEASE_ANSWER, REQUIREMENTS, read_verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.catalogue import Catalogue
    from weighbridge.evidence.state import VersionEvidence
    from weighbridge.registry.gate import Engine, Records
    from weighbridge.registry.records import Record

VERDICTS = "weighbridge/release/verdicts"
BATCH = 250
"""Versions in one question to OPA."""
LONGEST = 200
"""Characters of a message: it travels with every approval."""

Lack = dict[str, Any]


def with_documentation(
    catalogue: Catalogue, evidence: Mapping[str, VersionEvidence], records: Records, *, at_ns: int, engine: Engine
) -> Records:
    """The records, with what each approved version lacks of what its environment demands.

    Args:
        catalogue: as it was read; the cards' text is read again.
        evidence: by version.
        records: by environment and version.
        at_ns: `--at`.
        engine: has loaded `policies/release`.
    """
    judged = dict(records)
    for environment, known in records.items():
        if not catalogue.configuration.environments[environment].workloads.documented:
            continue
        approved = [name for name, record in known.items() if record.approved]
        judged[environment] = dict(known)
        for start in range(0, len(approved), BATCH):
            names = approved[start : start + BATCH]
            lacking = _lacking(catalogue, evidence, {name: known[name] for name in names}, at_ns, engine)
            judged[environment] |= {name: replace(known[name], lacking=lacking[name]) for name in names}
    return judged


def _lacking(
    catalogue: Catalogue,
    evidence: Mapping[str, VersionEvidence],
    records: Mapping[str, Record],
    at_ns: int,
    engine: Engine,
) -> dict[str, tuple[Lack, ...]]:
    documents: dict[str, dict[str, Any]] = {}
    lacking: dict[str, tuple[Lack, ...]] = {}
    for name, record in records.items():
        try:
            documents[name] = version_document(catalogue, evidence[name], record, at_ns)
        except InputError as error:
            lacking[name] = (_unjudged(error.problems[0].message),)
    answers = _ask(documents, engine)
    for name, document in documents.items():
        lacking[name] = _read(document, answers.get(name, "the release rules gave no answer"))
    return lacking


def _ask(documents: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    try:
        answers = engine.query(VERDICTS, {"items": documents}) if documents else {}
    except EngineError as error:
        return dict.fromkeys(documents, str(error).splitlines()[0])
    return answers if isinstance(answers, dict) else {}


def _read(document: Mapping[str, Any], answer: Any) -> tuple[Lack, ...]:
    demanded = set(document["requires"])
    verdict = read_verdict(answer, demanded)
    found: list[Lack] = []
    for finding in verdict.findings:
        if finding.code == NO_RELEASE_ANSWER:
            return (_unjudged(answer if isinstance(answer, str) else finding.reasons[0]),)
        if finding.requirement in demanded:
            found += [{"code": finding.code, "message": _short(reason)} for reason in finding.reasons]
    if "sbom" in demanded and not any(lack["code"] == REQUIREMENTS["sbom"] for lack in found):
        found += _ends(document["item"]["sboms"].values())
    return tuple(found)


def _ends(states: Sequence[Mapping[str, Any]]) -> list[Lack]:
    """A bill of materials that counts now, and not for ever; of several one is enough."""
    end = max((state["expires_ns"] for state in states if state["held"]), default=NEVER_NS)
    if end == NEVER_NS:
        return []
    message = "its bill of materials is too old; write one again, have it signed and compile"
    return [{"code": REQUIREMENTS["sbom"], "message": message, "from": end}]


def _unjudged(why: str) -> Lack:
    return {"code": NO_RELEASE_ANSWER, "message": _short(f"what it documents could not be judged: {why}")}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
