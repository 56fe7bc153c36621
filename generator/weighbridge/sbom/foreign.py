"""Other tools' bills of materials, read strictly: CycloneDX 1.4 to 1.7 and SPDX 2.3, both as JSON.

Order of steps: bound the size, parse the JSON strictly, tell the format by the fields that its specification demands,
validate it (CycloneDX by its schema, SPDX by the fields that its specification requires), turn it into CycloneDX.
A version that is not known is an error that names it: a newer one may mean something else by the same field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import digest, parse_json
from weighbridge.catalogue.source import MIB
from weighbridge.errors import InputError, Problem
from weighbridge.sbom.cyclonedx import check_references
from weighbridge.sbom.schema import VERSIONS, check_schema
from weighbridge.sbom.spdx23 import SPDX, as_cyclonedx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from weighbridge.sbom.cyclonedx import Bom

MAX_BYTES = 32 * MIB
"""Largest bill of materials that is read."""
MAX_COMPONENTS = 20_000
"""Most components of one: evidence has at most 8 MiB, and checking so many by the schema takes a minute."""
_FIX = "Write it anew with the tool that made it."
_READ = "CycloneDX 1.4 to 1.7 and SPDX 2.3, as JSON, are read."


@dataclass(frozen=True)
class Foreign:
    """A bill of materials that somebody else wrote."""

    name: str
    """The file's name, without folders: where it lay says nothing about it."""
    digest: str
    """`sha256:<hex>` of its bytes."""
    form: str
    """`CycloneDX 1.5`, `SPDX 2.3`."""
    tools: tuple[str, ...]
    """What wrote it, by its own word."""
    bom: Bom = field(repr=False)
    """As CycloneDX."""
    components: int
    """How many there are, nested ones and the one that the document is about among them."""


def read_foreign(files: Sequence[Path]) -> list[Foreign]:
    """Bills of materials, sorted by name and digest, so that the order in which they are named says nothing.

    Raises:
        InputError: with every problem of every file, or the same document twice.
    """
    found: list[Foreign] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found.append(_read(file))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    found.sort(key=lambda one: (one.name, one.digest))
    digests = [one.digest for one in found]
    if len(set(digests)) != len(digests):
        raise InputError.single("", "names the same document twice", "Name each once.", field="--merge")
    return found


def _read(file: Path) -> Foreign:
    data = _bytes(file)
    document = parse_json(data, str(file))
    if not isinstance(document, dict):
        raise InputError.single(str(file), "is no bill of materials: no JSON object", _READ)
    form = _form(document, str(file))
    if form == SPDX:
        try:
            bom = as_cyclonedx(document, str(file))
        except ValueError as error:
            raise InputError.single(str(file), f"holds what cannot be kept: {error}", _FIX) from error
    else:
        check_schema(data, form, str(file), _FIX)
        bom = document
    check_references(bom, str(file), _FIX)
    count = count_components(bom)
    if count > MAX_COMPONENTS:
        message = f"has {count} components, more than {MAX_COMPONENTS}"
        raise InputError.single(str(file), message, "Attest it by itself instead.")
    name = "SPDX 2.3" if form == SPDX else f"CycloneDX {form}"
    return Foreign(file.name, digest(data), name, tuple(_tools(bom)), bom, count)


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", "Name a readable file.") from error
    if len(data) > MAX_BYTES:
        raise InputError.single(str(file), f"is larger than {MAX_BYTES} bytes", "Attest it by itself instead.")
    return data


def _form(document: dict[str, Any], file: str) -> str:
    """`SPDX`, or the version of CycloneDX."""
    if document.get("bomFormat") == "CycloneDX":
        version = document.get("specVersion")
        if version not in VERSIONS:
            raise InputError.single(
                file, f"is CycloneDX {version!r:.40}, which is not known", _READ, field="specVersion"
            )
        return str(version)
    if "spdxVersion" in document:
        version = document["spdxVersion"]
        if version != SPDX:
            raise InputError.single(file, f"is {version!r:.40}, which is not known", _READ, field="spdxVersion")
        return SPDX
    if "@context" in document:
        message = f"is linked data of the context {document['@context']!r:.80}, such as SPDX 3, which is not merged"
        raise InputError.single(file, message, _READ, field="@context")
    raise InputError.single(file, "is no bill of materials that is known", _READ)


def _tools(bom: Bom) -> Iterator[str]:
    for tool in tool_components(bom):
        yield " ".join(tool[key] for key in ("name", "version") if tool.get(key))


def tool_components(bom: Bom) -> list[dict[str, Any]]:
    """What wrote a document, as components; CycloneDX 1.4 has a form of its own, with `vendor` for the publisher."""
    tools = bom.get("metadata", {}).get("tools", [])
    if isinstance(tools, dict):
        return list(tools.get("components", []))
    return [_legacy_tool(tool) for tool in tools]


def _legacy_tool(tool: dict[str, Any]) -> dict[str, Any]:
    component = {"type": "application", "name": tool.get("name") or tool.get("vendor") or "unknown"}
    if tool.get("vendor"):
        component["publisher"] = tool["vendor"]
    return component | {key: tool[key] for key in ("version", "hashes", "externalReferences") if key in tool}


def count_components(bom: Bom) -> int:
    """Components of a document: nested ones too, and the one that it is about; without tools and ancestors."""
    subject = bom.get("metadata", {}).get("component")
    return sum(1 for _ in walk([*bom.get("components", []), *([subject] if subject else [])]))


def walk(components: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The components and those nested in them."""
    for component in components:
        yield component
        yield from walk(component.get("components", []))
