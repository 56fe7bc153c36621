"""SPDX 2.3 JSON as CycloneDX: packages and files become components, relationships dependencies.

Source: SPDX 2.3, clauses 6 to 11, and its JSON form. What CycloneDX has no field for is kept as a property
`spdx:<field>` of the component, so that nothing is lost.
"""

from __future__ import annotations

from typing import Any

from weighbridge.canonical import canonical
from weighbridge.errors import InputError, Problem
from weighbridge.sbom.licenses import license_choice, named_license

SPDX = "SPDX-2.3"
_FIX = "Write it anew with the tool that made it."
_TYPES = {
    "APPLICATION": "application",
    "FRAMEWORK": "framework",
    "CONTAINER": "container",
    "OPERATING-SYSTEM": "operating-system",
    "OPERATING_SYSTEM": "operating-system",
    "DEVICE": "device",
    "FIRMWARE": "firmware",
    "FILE": "file",
}
"""`primaryPackagePurpose` to component type; whatever else there is, is a library."""
_ALGORITHMS = {
    "MD5": "MD5",
    "SHA1": "SHA-1",
    "SHA256": "SHA-256",
    "SHA384": "SHA-384",
    "SHA512": "SHA-512",
    "SHA3-256": "SHA3-256",
    "SHA3-384": "SHA3-384",
    "SHA3-512": "SHA3-512",
    "BLAKE2b-256": "BLAKE2b-256",
    "BLAKE2b-384": "BLAKE2b-384",
    "BLAKE2b-512": "BLAKE2b-512",
    "BLAKE3": "BLAKE3",
}
_NO_LICENSE = frozenset({"NOASSERTION", "NONE", ""})
_LISTS = ("packages", "files", "relationships")
_KEPT = ("SPDXID", "name", "documentNamespace", "creationInfo", "comment", "dataLicense", "externalDocumentRefs")
_MORE = ("hasExtractedLicensingInfos", "documentDescribes", "annotations", "spdxVersion", "snippets")


def as_cyclonedx(document: dict[str, Any], file: str) -> dict[str, Any]:
    """The document as a CycloneDX one, for merging; it keeps no version of CycloneDX of its own.

    Raises:
        InputError: a field that SPDX 2.3 demands is missing or of the wrong kind.
    """
    problems = _problems(document, file)
    if problems:
        raise InputError(problems)
    relationships = document.get("relationships", [])
    others: dict[str, list[str]] = {}
    edges: dict[str, set[str]] = {}
    for relation in relationships:
        _relate(relation, edges, others)
    packages = [_package(entry, others) for entry in document.get("packages", [])]
    files = [_file(entry, others) for entry in document.get("files", [])]
    kept = {key: document[key] for key in (*_KEPT, *_MORE) if key in document}
    kept |= {key: value for key, value in document.items() if key not in kept and key not in _LISTS}
    # What is said about the document itself, or about what lies outside of it.
    known = {component["bom-ref"] for component in (*packages, *files)}
    kept["relationships"] = sorted(text for name, given in others.items() if name not in known for text in given)
    return {
        "metadata": {"tools": [{"name": name} for name in _tool_names(document)]},
        "components": [*packages, *files],
        "dependencies": [{"ref": name, "dependsOn": sorted(edges[name])} for name in sorted(edges)],
        "spdx": kept,
    }


def _problems(document: dict[str, Any], file: str) -> list[Problem]:
    problems = []
    creators = (
        (document.get("creationInfo") or {}).get("creators") if _is_object(document.get("creationInfo")) else None
    )
    if not isinstance(creators, list) or not all(isinstance(creator, str) for creator in creators):
        problems.append(
            Problem(file, field="creationInfo.creators", message="is missing or no list of texts", fix=_FIX)
        )
    for key in _LISTS:
        listed = document.get(key, [])
        if not isinstance(listed, list):
            problems.append(Problem(file, field=key, message="is no list", fix=_FIX))
            continue
        for index, entry in enumerate(listed):
            problems += _entry_problems(entry, key, f"{key}[{index}]", file)
    if not document.get("packages") and not document.get("files"):
        problems.append(Problem(file, field="packages", message="lists nothing", fix=_FIX))
    return problems


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_REQUIRED = {
    "packages": ("SPDXID", "name"),
    "files": ("SPDXID", "fileName"),
    "relationships": ("spdxElementId", "relatedSpdxElement", "relationshipType"),
}
_TEXTS = ("versionInfo", "licenseConcluded", "licenseDeclared", "primaryPackagePurpose")
_OBJECTS = ("checksums", "externalRefs")


def _entry_problems(entry: Any, key: str, field: str, file: str) -> list[Problem]:
    if not isinstance(entry, dict):
        return [Problem(file, field=field, message="is no object", fix=_FIX)]
    bad = [name for name in _REQUIRED[key] if not isinstance(entry.get(name), str) or not entry[name]]
    bad += [name for name in _TEXTS if name in entry and not isinstance(entry[name], str)]
    for name in _OBJECTS:
        listed = entry.get(name, [])
        if not isinstance(listed, list) or not all(_texts_only(item) for item in listed):
            bad.append(name)
    return [Problem(file, field=f"{field}.{name}", message="is missing or of another kind", fix=_FIX) for name in bad]


def _texts_only(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(value, str) for value in item.values())


def _relate(relation: dict[str, Any], edges: dict[str, set[str]], others: dict[str, list[str]]) -> None:
    one, other, kind = relation["spdxElementId"], relation["relatedSpdxElement"], relation["relationshipType"]
    plain = len(relation) == 3 and not {one, other} & {"NONE", "NOASSERTION"} and ":" not in one + other
    if plain and kind == "DEPENDS_ON":
        edges.setdefault(one, set()).add(other)
    elif plain and kind == "DEPENDENCY_OF":
        edges.setdefault(other, set()).add(one)
    else:
        more = {key: value for key, value in relation.items() if key != "spdxElementId"}
        others.setdefault(one, []).append(canonical({"from": one, **more}).decode("utf-8"))


def _package(entry: dict[str, Any], others: dict[str, list[str]]) -> dict[str, Any]:
    left = dict(entry)
    purpose = left.pop("primaryPackagePurpose", "")
    component: dict[str, Any] = {"type": _TYPES.get(purpose, "library"), "bom-ref": left.pop("SPDXID")}
    if purpose and purpose not in _TYPES:
        left["primaryPackagePurpose"] = purpose
    component["name"] = left.pop("name")
    if left.get("versionInfo"):
        component["version"] = left.pop("versionInfo")
    _hashes(component, left)
    _licenses(component, left, "licenseDeclared")
    references = left.pop("externalRefs", [])
    for key, kind in (("purl", "purl"), ("cpe", "cpe23Type")):
        found = [one for one in references if one.get("referenceType") == kind and one.get("referenceLocator")]
        # CycloneDX takes one of each; further ones stay with what has no field.
        if found and set(found[0]) == {"referenceType", "referenceLocator", "referenceCategory"}:
            component[key] = found[0]["referenceLocator"]
            references = [one for one in references if one is not found[0]]
    if references:
        left["externalRefs"] = references
    return _with_rest(component, left, others)


def _file(entry: dict[str, Any], others: dict[str, list[str]]) -> dict[str, Any]:
    left = dict(entry)
    component: dict[str, Any] = {"type": "file", "bom-ref": left.pop("SPDXID"), "name": left.pop("fileName")}
    _hashes(component, left)
    _licenses(component, left, "licenseInfoInFile")
    return _with_rest(component, left, others)


def _hashes(component: dict[str, Any], left: dict[str, Any]) -> None:
    checksums = left.pop("checksums", [])
    hashes = [
        {"alg": _ALGORITHMS[one["algorithm"]], "content": one["checksumValue"].lower()}
        for one in checksums
        if one.get("algorithm") in _ALGORITHMS and one.get("checksumValue")
    ]
    if hashes:
        component["hashes"] = hashes
    rest = [one for one in checksums if one.get("algorithm") not in _ALGORITHMS or not one.get("checksumValue")]
    if rest:
        left["checksums"] = rest


def _licenses(component: dict[str, Any], left: dict[str, Any], declared_key: str) -> None:
    """Declared and concluded licenses both apply: whoever judges has to accept both."""
    concluded, declared = left.get("licenseConcluded", ""), left.get(declared_key, "")
    if not isinstance(declared, str):
        return  # a file's own list: stays with what has no field
    left.pop("licenseConcluded", None)
    left.pop(declared_key, None)
    given = [(text, who) for text, who in ((declared, "declared"), (concluded, "concluded")) if text not in _NO_LICENSE]
    if len({text for text, _ in given}) == 1:
        component["licenses"] = license_choice([given[0][0]], given[0][1])
    elif given:
        component["licenses"] = [named_license(text, who) for text, who in given]


def _with_rest(component: dict[str, Any], left: dict[str, Any], others: dict[str, list[str]]) -> dict[str, Any]:
    properties = [{"name": f"spdx:{key}", "value": _text(left[key])} for key in sorted(left)]
    listed = sorted(others.get(component["bom-ref"], []))
    properties += [{"name": "spdx:relationship", "value": value} for value in listed]
    return {**component, "properties": properties} if properties else component


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode("utf-8")


def _tool_names(document: dict[str, Any]) -> list[str]:
    return [one.removeprefix("Tool: ") for one in document["creationInfo"]["creators"] if one.startswith("Tool: ")]
