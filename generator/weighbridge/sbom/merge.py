"""Other bills of materials taken into ours: nothing lost, nothing confused, everything with its origin.

Each document, one after the other: rename the references that collide, note on every component which document it comes
from, append every list, keep the rest as text. Then a dependency of which our manifest knows no more than its package
URL gives way to the component that somebody described under the same URL. At the end components are counted: as many
have to be there as went in.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical
from weighbridge.errors import InputError
from weighbridge.sbom.components import properties
from weighbridge.sbom.cyclonedx import by_reference, references
from weighbridge.sbom.foreign import count_components, tool_components, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weighbridge.sbom.cyclonedx import Bom
    from weighbridge.sbom.foreign import Foreign

REFERRING = frozenset(
    {
        "algorithm", "algorithmRef", "algorithms", "assemblies", "assessor", "asserter", "attributedTo", "bom-ref",
        "claims", "counterClaims", "counterEvidence", "dependencies", "dependsOn", "destination", "evidence", "members",
        "mitigationStrategies", "parent", "patentRefs", "process", "provides", "ref", "requirement", "requirements",
        "signatureAlgorithmRef", "source", "subjectPublicKeyRef", "subjects", "target", "tools", "vulnerabilities",
    }
)  # fmt: skip
"""Fields of CycloneDX 1.4 to 1.7 whose texts are references to a `bom-ref` of the same document."""
_LISTS = (
    "annotations",
    "compositions",
    "dependencies",
    "externalReferences",
    "formulation",
    "properties",
    "services",
    "vulnerabilities",
)
"""Lists at the top of a document that are appended."""
_OURS = "weighbridge:"
_HANDLED = frozenset(
    {"$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", *_LISTS}
)
_REFUSED = ("citations", "declarations", "definitions")
"""Parts that point into their own document by position, or that make claims about it as a whole."""


def merge(bom: Bom, documents: Sequence[Foreign]) -> Bom:
    """Our document with the others' in it; the arguments stay as they are.

    Raises:
        InputError: one holds what cannot be merged without losing its meaning.
    """
    merged = copy.deepcopy(bom)
    bare = {one["bom-ref"] for one in bom["components"] if one["bom-ref"] == f"dependency:{one.get('purl')}"}
    expected = count_components(bom) + sum(one.components for one in documents)
    for foreign in documents:
        _take_in(merged, foreign)
    if documents:
        expected -= _replace_bare(merged, bare)
        merged["components"] = by_reference(merged["components"])
        _sort_lists(merged)
    found = count_components(merged)
    if found != expected:
        raise InputError.single("", f"merging left {found} of {expected} components", "Report this.", field="--merge")
    return merged


def _take_in(merged: Bom, foreign: Foreign) -> None:
    refused = [key for key in _REFUSED if key in foreign.bom]
    if refused:
        message = f"holds `{refused[0]}`, which speaks of that document as a whole"
        raise InputError.single(foreign.name, message, "Attest it by itself, or remove that part.", field=refused[0])
    document = _renamed(foreign, set(references(merged)))
    metadata = document.get("metadata", {})
    subject = metadata.get("component")
    components = [*document.get("components", []), *([subject] if subject else [])]
    for component in walk(components):
        _mark(component, foreign)
    tools = tool_components(document)
    for tool in walk(tools):
        _mark(tool, foreign)
    merged["components"] += components
    merged["metadata"]["tools"]["components"] += tools
    for key in _LISTS:
        if document.get(key):
            merged.setdefault(key, []).extend(document[key])
    merged.setdefault("externalReferences", []).append(_pointer(foreign))
    merged.setdefault("properties", []).extend(_rest(document, foreign))


def _renamed(foreign: Foreign, taken: set[str]) -> Bom:
    """The document with those references renamed that are taken: the document's digest makes them its own."""
    own = set(references(foreign.bom))
    suffix = foreign.digest.removeprefix("sha256:")[:16]
    names = {}
    for reference in own & taken:
        name = f"{reference}#{suffix}"
        while name in own | taken:
            name += "'"
        names[reference] = name
    renamed: Bom = _rename(copy.deepcopy(foreign.bom), names, referring=False)
    return renamed


def _rename(value: Any, names: Mapping[str, str], *, referring: bool) -> Any:
    if isinstance(value, dict):
        return {key: _rename(item, names, referring=key in REFERRING) for key, item in value.items()}
    if isinstance(value, list):
        return [_rename(item, names, referring=referring) for item in value]
    return names.get(value, value) if referring and isinstance(value, str) else value


def _mark(component: dict[str, Any], foreign: Foreign) -> None:
    origin = [("origin:file", foreign.name), ("origin:digest", foreign.digest), ("origin:format", foreign.form)]
    origin += [("origin:tool", tool) for tool in foreign.tools]
    # What a document says of itself in our name, be it a merged one of ours or a forgery, is not ours.
    theirs = [_not_ours(one) for one in component.get("properties", [])]
    component["properties"] = [*theirs, *properties(origin)]


def _not_ours(one: dict[str, Any]) -> dict[str, Any]:
    name = one.get("name", "")  # optional before CycloneDX 1.6
    return {**one, "name": f"merged:{name}"} if name.startswith(_OURS) else one


def _pointer(foreign: Foreign) -> dict[str, Any]:
    """Where the original is: by its serial number if it has one, and by its digest in any case."""
    serial = str(foreign.bom.get("serialNumber", "")).removeprefix("urn:uuid:")
    url = f"urn:cdx:{serial}/{foreign.bom.get('version', 1)}" if serial else f"urn:{foreign.digest}"
    hashes = [{"alg": "SHA-256", "content": foreign.digest.removeprefix("sha256:")}]
    comment = f"{foreign.name}: {foreign.form}, {foreign.components} components, merged into this document"
    return {"type": "bom", "url": url, "comment": comment, "hashes": hashes}


def _rest(document: Bom, foreign: Foreign) -> list[dict[str, str]]:
    """What is said about the document itself, such as its authors, as text: it would be untrue of ours."""
    metadata = document.get("metadata", {})
    left = {key: value for key, value in document.items() if key not in _HANDLED}
    about = {key: value for key, value in metadata.items() if key not in {"component", "tools"}}
    services = metadata["tools"].get("services") if isinstance(metadata.get("tools"), dict) else None
    kept = {**left, **({"metadata": about} if about else {}), **({"toolServices": services} if services else {})}
    if not kept:
        return []
    return properties([(f"merged:{foreign.digest}", canonical(kept).decode("utf-8"))])


def _replace_bare(merged: Bom, bare: set[str]) -> int:
    """Let our bare dependencies give way to what was merged under the same package URL; how many did."""
    described: dict[str, list[dict[str, Any]]] = {}
    for component in walk(merged["components"]):
        if "purl" in component and component.get("bom-ref") not in bare:
            described.setdefault(component["purl"], []).append(component)
    replaced: dict[str, list[str]] = {}
    left = []
    for component in merged["components"]:
        if component.get("bom-ref") in bare and component["purl"] in described:
            stand_ins = described[component["purl"]]
            replaced[component["bom-ref"]] = [_stand_in(one, component["purl"]) for one in stand_ins]
        else:
            left.append(component)
    merged["components"] = left
    rests_on = merged["dependencies"][0]
    found = (replaced.get(name, [name]) for name in rests_on["dependsOn"])
    rests_on["dependsOn"] = sorted({name for names in found for name in names})
    return len(replaced)


def _stand_in(component: dict[str, Any], purl: str) -> str:
    if "bom-ref" not in component:
        digest = next(one["value"] for one in component["properties"] if one["name"] == "weighbridge:origin:digest")
        component["bom-ref"] = f"{purl}#{digest.removeprefix('sha256:')[:16]}"
    component["properties"] = [*component["properties"], *properties([("manifest:dependency", purl)])]
    return str(component["bom-ref"])


def _sort_lists(merged: Bom) -> None:
    for key in ("annotations", "compositions", "externalReferences", "properties", "services", "vulnerabilities"):
        if key in merged:
            merged[key] = _sorted(merged[key])
    own, *others = merged["dependencies"]
    merged["dependencies"] = [own, *_sorted(others)]


def _sorted(entries: Iterable[Any]) -> list[Any]:
    return sorted(entries, key=canonical)
