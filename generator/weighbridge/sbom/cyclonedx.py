"""A version's bill of materials as CycloneDX 1.6 or 1.7: laid out, given its serial number, validated strictly.

The document is plain JSON and not the library's `Bom`, which has no model card and drops one that it reads. The
library's schemas judge what is written. Source: https://cyclonedx.org/specification/overview/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from weighbridge import __version__
from weighbridge.canonical import canonical
from weighbridge.catalogue.names import format_time
from weighbridge.errors import InputError, Problem
from weighbridge.sbom.components import (
    ancestors,
    data_components,
    dependency_components,
    file_components,
    hub_purl,
    platform_components,
    sha256,
    texts,
    with_properties,
)
from weighbridge.sbom.licenses import license_choice
from weighbridge.sbom.model_card import model_card

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weighbridge.sbom.components import Component
    from weighbridge.sbom.described import Described

Bom = dict[str, Any]
_NAMESPACE = UUID("3d0a2f8e-6b0e-5d53-8d43-2a9c6e5f7b10")


def build(described: Described, spec: str) -> Bom:
    """The bill of materials of a version, without others merged into it, not yet `finish`ed.

    Args:
        described: the version.
        spec: `1.6` or `1.7`.

    Raises:
        InputError: the manifest names a dependency that is no package URL.
    """
    manifest = described.version.manifest
    rests_on = [*dependency_components(manifest), *platform_components(manifest)]
    data = data_components(described)
    trained = [one["bom-ref"] for one in data if {"name": "weighbridge:lineage:role", "value": "training"} in _has(one)]
    model = _model(described, trained)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{spec}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "version": 1,
        "metadata": {
            "timestamp": format_time(described.at_ns),
            "tools": {"components": [{"type": "application", "name": "weighbridge", "version": __version__}]},
            "component": model,
        },
        "components": by_reference([*rests_on, *data]),
        "dependencies": [{"ref": model["bom-ref"], "dependsOn": sorted(one["bom-ref"] for one in rests_on)}],
        # The artifact digest proves that no file is missing; what a model needs to run nobody can prove.
        "compositions": [
            {"aggregate": "complete", "assemblies": [model["bom-ref"]]},
            {"aggregate": "unknown", "dependencies": [model["bom-ref"]]},
        ],
    }


def _has(component: Component) -> list[dict[str, str]]:
    return component.get("properties") or []


def _model(described: Described, trained: Iterable[str]) -> Component:
    version, manifest = described.version, described.version.manifest
    model: Component = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{version.name}",
        "name": version.model,
        "version": version.version,
        "hashes": sha256(version.artifact_digest.removeprefix("sha256:")),
    }
    if manifest.licenses:
        model["licenses"] = license_choice(manifest.licenses)
    purl = _purl(described)
    if purl:
        model["purl"] = purl
    parents = ancestors(version.front_matter)
    if parents:
        model["pedigree"] = {"ancestors": parents}
    references = list(_references(described))
    if references:
        model["externalReferences"] = references
    tags = texts(version.front_matter.get("tags"))
    if tags:
        model["tags"] = list(dict.fromkeys(tags))
    model["modelCard"] = model_card(described, trained)
    model["components"] = file_components(manifest)
    return with_properties(model, _facts(described))


def _purl(described: Described) -> str:
    """The hub's package URL, where the card names the very commit: a name alone is no version."""
    for source in described.version.card.sources:
        if source.startswith("hf://"):
            name, _, revision = source.removeprefix("hf://").partition("@")
            return hub_purl(name, revision)
    return ""


def _references(described: Described) -> Iterator[dict[str, str]]:
    card = described.version.card
    for source in sorted(card.sources):
        yield {"type": "distribution", "url": source}
    if card.lineage is not None and card.lineage.code is not None:
        yield {"type": "vcs", "url": card.lineage.code}


def _facts(described: Described) -> Iterator[tuple[str, Any]]:
    version, manifest = described.version, described.version.manifest
    yield "artifact_digest", version.artifact_digest
    yield "manifest_sha256", version.manifest_sha256
    yield "card_sha256", version.card_sha256
    yield "source", version.card.source
    yield "cuda:version", manifest.cuda
    yield "cudnn:version", manifest.cudnn
    yield "driver:minimum", manifest.driver
    for name in manifest.formats:
        yield "weights:format", name
    for path in manifest.ignored:
        yield "ignored", path
    for finding in manifest.findings:
        yield "finding", f"{finding.path}: {finding.message}"
    if version.card.lineage is not None:
        yield "lineage:parent_run_id", version.card.lineage.parent_run_id


def by_reference(components: Iterable[Component]) -> list[Component]:
    """Components sorted by `bom-ref`; those without one by all that they say."""
    return sorted(components, key=lambda one: (one.get("bom-ref", ""), canonical(one)))


def finish(bom: Bom) -> Bom:
    """The document with its serial number, which follows from all of its content: other content, other number."""
    given = {key: value for key, value in bom.items() if key != "serialNumber"}
    serial = uuid5(_NAMESPACE, canonical(given).decode("utf-8"))
    head = {key: given.pop(key) for key in ("$schema", "bomFormat", "specVersion")}
    return {**head, "serialNumber": f"urn:uuid:{serial}", **given}


def encode(document: Bom) -> bytes:
    """The bytes of a document, laid out to be read in a diff."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def references(value: Any) -> Iterator[str]:
    """Every `bom-ref` below a value."""
    if isinstance(value, dict):
        reference = value.get("bom-ref")
        if isinstance(reference, str):
            yield reference
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def check_references(bom: Bom, file: str, fix: str) -> None:
    """Demand what the schema cannot say: every `bom-ref` is given once.

    Raises:
        InputError: naming each that is given twice.
    """
    seen: set[str] = set()
    twice: set[str] = set()
    for one in references(bom):
        (twice if one in seen else seen).add(one)
    if twice:
        raise InputError(
            Problem(file, field="bom-ref", message=f"{one!r:.200} is given twice", fix=fix) for one in twice
        )
