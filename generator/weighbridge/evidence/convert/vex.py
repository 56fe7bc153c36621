"""What VEX documents say about findings: matched exactly, the newest word last, and only with a reason.

A statement speaks about a finding if it names the vulnerability (or an alias of it) and the very package, or the very
artifact. Of all statements about a finding the latest decides; if two of the same time differ, none does. Of several
documents with one `@id` the highest version replaces the others.

Source: OpenVEX specification v0.2.0, "VEX Statement ... precedence by timestamp" and document `version`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError
from weighbridge.evidence.convert.openvex import canonical_purl, digests_of, purls_of, read_vex
from weighbridge.evidence.convert.report import Finding, Options, Suppression

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighbridge.evidence.convert.openvex import Product, Statement, VexDocument

SUPPRESSING = frozenset({"not_affected", "fixed"})
BY = "openvex"
_ARTIFACT = ""
"""In the place of a package URL: the whole artifact."""


@dataclass(frozen=True)
class _Word:
    """The latest that is said about one vulnerability in one package or in the artifact."""

    statement: Statement
    document: VexDocument
    at_ns: int
    excuses: bool
    """False, too, where two of the same time do not agree."""

    def and_(self, other: _Word) -> _Word:
        """What holds if both are said."""
        if self.at_ns != other.at_ns:
            return max(self, other, key=lambda word: word.at_ns)
        agreed = self.excuses and other.excuses and self.statement.status == other.statement.status
        return replace(self, excuses=agreed)


MAX_WORDS = 1_000_000
"""Vulnerabilities times products, of all statements; a vendor's documents of ten years have some hundred thousand."""
_Words = dict[tuple[str, str], _Word]
"""By vulnerability and package URL. A document may repeat itself a hundred thousand times: only the latest is kept."""


def suppress(findings: Iterable[Finding], options: Options) -> tuple[list[Finding], tuple[str, ...]]:
    """The findings, those suppressed that a VEX document provably excuses, and a note on each document.

    Raises:
        InputError: a VEX document that cannot be read, or two that contradict each other in id and version,
            or more than can be looked at.
    """
    documents = _current([(file, data, read_vex(data, file)) for file, data in options.vex])
    words: _Words = {}
    left = MAX_WORDS
    for document in documents:
        for statement in document.statements:
            left -= _learn(words, statement, document, (options.subject, left))
    judged = [_judged(finding, words) for finding in findings]
    return judged, tuple(_note(document, judged) for document in documents)


def _learn(words: _Words, statement: Statement, document: VexDocument, bounds: tuple[str, int]) -> int:
    subject, left = bounds
    at_ns = document.timestamp if statement.timestamp is None else statement.timestamp
    excuses = statement.status in SUPPRESSING and bool(statement.reason())
    word = _Word(statement, document, at_ns, excuses)
    names = {statement.vulnerability.name, *statement.vulnerability.aliases}
    places = {place for product in statement.products for place in _places(product, subject)}
    if len(names) * len(places) > left:
        message = f"speaks about more than {MAX_WORDS} vulnerabilities in products"
        raise InputError.single(document.id, message, "Give only the documents that concern this scan.")
    for key in ((name, place) for name in names for place in places):
        words[key] = words[key].and_(word) if key in words else word
    return len(names) * len(places)


def _places(product: Product, subject: str) -> Iterable[str]:
    """The package URLs that a product stands for; of the artifact the parts that are named, or all of it."""
    if subject not in digests_of(product):
        return purls_of(product) if product.subcomponents is None else ()
    if product.subcomponents is None:
        return (_ARTIFACT,)
    return (purl for part in product.subcomponents for purl in purls_of(part))


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


def _judged(finding: Finding, words: _Words) -> Finding:
    places = {_ARTIFACT, canonical_purl(finding.purl)}
    keys = ((name, place) for name in dict.fromkeys((finding.id, *finding.aliases)) for place in places)
    said = [words[key] for key in keys if key in words]
    if not said:
        return finding
    word = reduce(_Word.and_, said)
    return replace(finding, suppressed=_suppression(word)) if word.excuses else finding


def _suppression(word: _Word) -> Suppression:
    return Suppression(
        by=BY,
        status=word.statement.status,
        justification=word.statement.reason(),
        source=word.document.id,
        author=word.document.author,
        timestamp=format_time(word.at_ns),
    )
