"""OpenVEX documents, read strictly: what a statement leaves open suppresses nothing.

Source: OpenVEX specification v0.2.0 (github.com/openvex/spec). Of 0.0.1 and of unversioned contexts nothing is read:
their products were plain texts, which match nothing exactly.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from weighbridge.catalogue.names import Digest, PositiveCount, TimeNs
from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import (
    MAX_ENTRIES,
    FindingId,
    Foreign,
    Many,
    Maybe,
    Table,
    Words,
    none,
    parse_report,
    read,
    require_version,
)
from weighbridge.evidence.convert.report import Conversion, Options

OPENVEX = "https://openvex.dev/ns/v0.2.0"
CONTEXTS = (OPENVEX,)
"""`@context` values that are accepted."""
Status = Literal["not_affected", "affected", "fixed", "under_investigation"]
Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]


class Vulnerability(Foreign):
    """What a statement speaks about."""

    name: FindingId
    aliases: Many[FindingId] = none()


class Identifiers(Foreign):
    """Names of a product in other systems."""

    purl: Maybe = None


class Component(Foreign):
    """A product, or a part of one."""

    id: Maybe = Field(default=None, alias="@id")
    identifiers: Identifiers = Identifiers()
    hashes: Table[str, Words] = Field(default_factory=dict)


class Product(Component):
    """A product with the parts in which the vulnerability was seen."""

    subcomponents: Annotated[list[Component], Field(max_length=MAX_ENTRIES)] | None = None
    """None: it speaks of the whole product; an empty list: of no part of it."""


class Statement(Foreign):
    """What somebody says about one vulnerability in some products."""

    vulnerability: Vulnerability
    timestamp: TimeNs | None = None
    products: Annotated[Many[Product], Field(min_length=1)]
    status: Status
    justification: Justification | None = None
    impact_statement: Maybe = None
    status_notes: Maybe = None

    def reason(self) -> str:
        """Why it is so, in the statement's own words; "" where it does not say."""
        notes = self.status_notes if self.status == "fixed" else None
        return "; ".join(part for part in (self.justification, self.impact_statement, notes) if part)


class VexDocument(Foreign):
    """An OpenVEX document."""

    id: Words = Field(alias="@id")
    author: Words
    timestamp: TimeNs
    version: PositiveCount
    statements: Annotated[Many[Statement], Field(min_length=1, max_length=MAX_ENTRIES)]


def read_vex(data: bytes, file: str) -> VexDocument:
    """An OpenVEX document of an accepted version.

    Raises:
        InputError: not readable, of another version, or not of its form.
    """
    return _document(parse_report(data, file), file)


def _document(document: dict[str, Any], file: str) -> VexDocument:
    require_version(document.get("@context"), CONTEXTS, "@context", file)
    return read(VexDocument, document, file)


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The document itself as a predicate: it can be shown and kept, and by itself suppresses nothing.

    Raises:
        InputError: as `read_vex`; or it speaks of no product with the statement's digest.
    """
    vex = _document(document, file)
    if not any(options.subject in digests_of(product) for said in vex.statements for product in said.products):
        message = f"names no product with the digest {options.subject}"
        raise InputError.single(file, message, "Name the product by its OCI purl or its sha-256.", field="products")
    note = "an OpenVEX statement alone suppresses no finding: convert the scan with --vex"
    return Conversion(OPENVEX, document, (note,))


def digests_of(component: Component) -> frozenset[Digest]:
    """Digests, `sha256:<hex>`, under which a component is known: its hashes, and the version of an OCI purl."""
    found = {f"sha256:{value}" for name, value in component.hashes.items() if name == "sha-256"}
    for text in purls_of(component):
        purl = text.partition("?")[0]
        if purl.startswith("pkg:oci/"):
            found.add(purl.rpartition("@")[2].replace("%3A", ":").replace("%3a", ":"))
    return frozenset(found)


def purls_of(component: Component) -> frozenset[str]:
    """Package URLs of a component in their canonical form; what cannot be read as one is none."""
    given = (component.id, component.identifiers.purl)
    return frozenset(purl for purl in map(canonical_purl, given) if purl)


def canonical_purl(text: str | None) -> str:
    """The one way to write a package URL; "" for what is none.

    Source: github.com/package-url/purl-spec.
    """
    from packageurl import PackageURL  # noqa: PLC0415 -- most commands convert nothing

    if not text or not text.startswith("pkg:"):
        return ""
    try:
        return PackageURL.from_string(text).to_string()
    except ValueError:
        return ""
