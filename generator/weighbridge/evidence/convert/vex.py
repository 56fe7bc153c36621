"""What VEX documents say about findings: matched exactly, the newest word last, and only with a reason.

A statement speaks about a finding if it names the vulnerability (or an alias of it) and the very package, or the very
artifact. Of all statements about a finding the latest decides; if two of the same time differ, none does. Of several
documents with one `@id` the highest version replaces the others.

Source: OpenVEX specification v0.2.0, "VEX Statement ... precedence by timestamp" and document `version`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError
from weighbridge.evidence.convert.openvex import Component, Product, canonical_purl, digests_of, purls_of, read_vex
from weighbridge.evidence.convert.report import Finding, Options, Suppression

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighbridge.evidence.convert.openvex import Statement, VexDocument

SUPPRESSING = frozenset({"not_affected", "fixed"})
BY = "openvex"


@dataclass(frozen=True)
class _Said:
    """One statement, and where it stands."""

    statement: Statement
    document: VexDocument
    at_ns: int


def suppress(findings: Iterable[Finding], options: Options) -> tuple[list[Finding], tuple[str, ...]]:
    """The findings, those suppressed that a VEX document provably excuses, and a note on each document.

    Raises:
        InputError: a VEX document that cannot be read, or two that contradict each other in id and version.
    """
    documents = _current([(file, data, read_vex(data, file)) for file, data in options.vex])
    by_id: dict[str, list[_Said]] = {}
    for document in documents:
        for statement in document.statements:
            at_ns = document.timestamp if statement.timestamp is None else statement.timestamp
            said = _Said(statement, document, at_ns)
            for name in {statement.vulnerability.name, *statement.vulnerability.aliases}:
                by_id.setdefault(name, []).append(said)
    judged = [_judged(finding, by_id, options.subject) for finding in findings]
    return judged, tuple(_note(document, judged) for document in documents)


def _current(read: Sequence[tuple[str, bytes, VexDocument]]) -> list[VexDocument]:
    latest: dict[str, tuple[VexDocument, str]] = {}
    for file, data, document in read:
        sha256 = hashlib.sha256(data).hexdigest()
        known = latest.get(document.id)
        if known and known[0].version == document.version and known[1] != sha256:
            message = f"has the @id and the version {document.version} of another document that differs"
            raise InputError.single(file, message, "Ask its author which of them is valid.", field="version")
        if not known or document.version > known[0].version:
            latest[document.id] = (document, sha256)
    return [document for document, _ in latest.values()]


def _note(document: VexDocument, findings: Sequence[Finding]) -> str:
    count = sum(1 for f in findings if f.suppressed and f.suppressed.by == BY and f.suppressed.source == document.id)
    return f"VEX {document.id} by {document.author} suppresses {count} of {len(findings)} findings"


def _judged(finding: Finding, by_id: dict[str, list[_Said]], subject: str) -> Finding:
    matching = [
        said
        for name in dict.fromkeys((finding.id, *finding.aliases))
        for said in by_id.get(name, ())
        if any(_speaks(product, finding, subject) for product in said.statement.products)
    ]
    if not matching:
        return finding
    newest = max(said.at_ns for said in matching)
    latest = [said for said in matching if said.at_ns == newest]
    if any(said.statement.status not in SUPPRESSING or not said.statement.reason() for said in latest):
        return finding
    if len({said.statement.status for said in latest}) > 1:
        return finding
    return replace(finding, suppressed=_suppression(latest[0]))


def _suppression(said: _Said) -> Suppression:
    return Suppression(
        by=BY,
        status=said.statement.status,
        justification=said.statement.reason(),
        source=said.document.id,
        author=said.document.author,
        timestamp=format_time(said.at_ns),
    )


def _speaks(product: Product, finding: Finding, subject: str) -> bool:
    """Whether the product is this very package, or the artifact (with this very package as its part, if it says so)."""
    if subject in digests_of(product):
        parts = product.subcomponents
        return parts is None or any(_is(part, finding) for part in parts)
    return product.subcomponents is None and _is(product, finding)


def _is(component: Component, finding: Finding) -> bool:
    purl = canonical_purl(finding.purl)
    return bool(purl) and purl in purls_of(component)
