"""A bill of materials as SPDX 3.0.1, projected from the CycloneDX one, which holds everything.

Components become files, packages, AI packages and datasets; nesting, dependencies, lineage and licenses become
relationships. What SPDX has no field for is kept in an annotation of the element, as the JSON that it was.

The classes of `spdx-python-model` are generated from SPDX's own SHACL shapes: types, ranges, enumerations and
cardinalities are checked when a value is set, and again when the document that was written is read back. Conformance to
the AI and dataset profiles is not claimed: they demand suppliers and release times, which a package does not know.

Source: SPDX 3.0.1, model and JSON-LD serialization.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid5

from weighbridge import __version__
from weighbridge.canonical import canonical
from weighbridge.errors import InputError
from weighbridge.sbom.spdx3_terms import CLASSES, HASHES, NO_ASSERTION, PURPOSES, is_plain, license_expression

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from weighbridge.sbom.cyclonedx import Bom

_NAMESPACE = UUID("5c0d7a3e-27a4-5a0b-8f5f-1d4c3f6f9b21")


def project(bom: Bom, name: str) -> dict[str, Any]:
    """The document as SPDX 3.0.1.

    Args:
        bom: CycloneDX, as `cyclonedx.build` and `merge` made it.
        name: the name of the version.

    Raises:
        InputError: a value that SPDX does not take, such as a text where it demands an IRI.
    """
    from spdx_python_model.bindings.v3_0_1 import model  # noqa: PLC0415 -- costs 0.2 s, and only this needs it

    try:
        return _Projection(model, bom, name).document()
    except (ValueError, TypeError, KeyError) as error:
        raise InputError.single(name, f"does not fit into SPDX 3.0.1: {error}", "Write it as CycloneDX.") from error


def check_spdx(data: bytes, file: str) -> None:
    """Demand that what was written is read back as SPDX 3.0.1, every element and relationship of it.

    Raises:
        InputError: it is not.
    """
    import spdx_python_model  # noqa: PLC0415 -- as above

    try:
        model, found = spdx_python_model.load_data(json.loads(data))
    except (ValueError, TypeError, KeyError, spdx_python_model.LoadError) as error:
        raise InputError.single(file, f"is no valid SPDX 3.0.1: {error}", "Report this.") from error
    missing = found.link()
    named = {one for one in missing if not str(one).startswith("https://spdx.org/rdf/3.0.1/terms/")}
    if named or sum(isinstance(one, model.SpdxDocument) for one in found.objects) != 1:
        raise InputError.single(file, f"refers to elements that are not there: {sorted(named)[:3]}", "Report this.")


class _Projection:
    def __init__(self, model: ModuleType, bom: Bom, name: str) -> None:
        self._model, self._bom, self._name = model, bom, name
        self._base = f"https://weighbridge.dev/spdx/{uuid5(_NAMESPACE, canonical(bom).decode('utf-8'))}#"
        self._elements: list[Any] = []
        self._ids: dict[str, str] = {}
        """`bom-ref` to the element's identifier."""
        self._taken: set[str] = set()
        self._expressions: dict[str, Any] = {}
        self._creation = self._created()

    def document(self) -> dict[str, Any]:
        metadata = self._bom["metadata"]
        root = self._component(metadata["component"])
        for component in self._bom["components"]:
            self._component(component)
        self._dependencies()
        self._lineage(metadata["component"], root)
        sbom = self._element("software_Sbom", "sbom", f"SBOM of {self._name}")
        sbom.rootElement = [root]
        sbom.element = [one for one in self._elements if one is not sbom]
        document = self._element("SpdxDocument", "document", self._name)
        document.rootElement = [sbom]
        document.profileConformance = [
            getattr(self._model.ProfileIdentifierType, name) for name in ("core", "software", "simpleLicensing")
        ]
        self._document_rest(document)
        document.element = [one for one in self._elements if one is not document]
        objects = self._model.SHACLObjectSet()
        for element in (self._creation, *self._elements):
            objects.add(element)
        written: dict[str, Any] = self._model.JSONLDSerializer().serialize_data(objects, force_at_graph=True)
        written["@graph"].sort(key=lambda one: (one.get("@id", ""), one.get("spdxId", "")))
        return written

    def _created(self) -> Any:
        creation = self._model.CreationInfo()
        creation.set_id("_:creation")
        creation.specVersion = "3.0.1"
        creation.created = datetime.fromisoformat(self._bom["metadata"]["timestamp"]).astimezone(UTC)
        self._creation = creation
        agent = self._element("SoftwareAgent", "agent", "weighbridge")
        creation.createdBy = [agent]
        tools = []
        for index, tool in enumerate(self._bom["metadata"]["tools"]["components"]):
            element = self._element("Tool", f"tool-{index}", f"{tool['name']} {tool.get('version', '')}".strip())
            rest = {key: value for key, value in tool.items() if key not in {"type", "name", "version"}}
            self._annotate(element, rest)
            tools.append(element)
        creation.createdUsing = tools
        creation.comment = f"Projected from CycloneDX by weighbridge {__version__}"
        return creation

    def _element(self, kind: str, reference: str, name: str = "") -> Any:
        element = getattr(self._model, kind)()
        identifier = self._base + quote(reference, safe="")
        while identifier in self._taken:
            identifier += "-"
        self._taken.add(identifier)
        element.set_id(identifier)
        element.creationInfo = self._creation
        if name:
            element.name = name
        self._elements.append(element)
        return element

    def _component(self, component: dict[str, Any]) -> Any:
        left = dict(component)
        kind = left.pop("type")
        reference = left.pop("bom-ref", "") or f"component-{len(self._elements)}"
        element = self._element(CLASSES.get(kind, "software_Package"), f"component:{reference}", left.pop("name"))
        self._ids[reference] = element.get_id()
        purpose = self._model.software_SoftwarePurpose
        element.software_primaryPurpose = getattr(purpose, PURPOSES.get(kind, "other"))
        self._hashes(element, left)
        if kind == "file":
            self._set(element, left, {"mime-type": "contentType", "copyright": "software_copyrightText"})
        else:
            fields = {"version": "software_packageVersion", "purl": "software_packageUrl"}
            self._set(element, left, {**fields, "copyright": "software_copyrightText", "description": "description"})
        if kind == "data":
            element.dataset_datasetType = [self._model.dataset_DatasetType.noAssertion]
        if kind == "machine-learning-model":
            self._model_card(element, component.get("modelCard", {}))
        self._licenses(element, left, kind)
        inner = [self._component(one) for one in left.pop("components", [])]
        if inner:
            self._relate(element, "contains", inner)
        self._annotate(element, left)
        return element

    @staticmethod
    def _set(element: Any, left: dict[str, Any], fields: dict[str, str]) -> None:
        for key, field in fields.items():
            if left.get(key):
                setattr(element, field, left.pop(key))

    def _hashes(self, element: Any, left: dict[str, Any]) -> None:
        hashes = left.pop("hashes", [])
        element.verifiedUsing = [
            self._model.Hash(algorithm=getattr(self._model.HashAlgorithm, HASHES[one["alg"]]), hashValue=one["content"])
            for one in hashes
            if one["alg"] in HASHES
        ]
        rest = [one for one in hashes if one["alg"] not in HASHES]
        if rest:
            left["hashes"] = rest

    def _model_card(self, element: Any, card: dict[str, Any]) -> None:
        """What SPDX has a field for; the whole card stays in the annotation."""
        family = card.get("modelParameters", {}).get("architectureFamily")
        if family:
            element.ai_typeOfModel = [family]
        task = card.get("modelParameters", {}).get("task")
        if task:
            element.ai_domain = [task]
        metrics = card.get("quantitativeAnalysis", {}).get("performanceMetrics", [])
        element.ai_metric = [
            self._model.DictionaryEntry(
                key=" / ".join(one[key] for key in ("type", "slice") if one.get(key)) or "metric",
                value=one.get("value", ""),
            )
            for one in metrics
        ]
        considerations = card.get("considerations", {})
        for key, field in (("technicalLimitations", "ai_limitation"), ("useCases", "ai_informationAboutApplication")):
            if considerations.get(key):
                setattr(element, field, "\n\n".join(considerations[key]))

    def _licenses(self, element: Any, left: dict[str, Any], kind: str) -> None:
        choices = left.get("licenses", [])
        concluded = [one for one in choices if _acknowledged(one) == "concluded"]
        declared = [one for one in choices if _acknowledged(one) != "concluded"]
        for relation, given in (("hasDeclaredLicense", declared), ("hasConcludedLicense", concluded)):
            expression = license_expression(given)
            if expression is not None:
                self._relate(element, relation, [self._license(expression)])
            elif kind == "machine-learning-model":
                # The AI profile wants exactly one of each.
                self._relate(element, relation, [NO_ASSERTION])
        if all(is_plain(one) for one in choices):
            left.pop("licenses", None)

    def _license(self, expression: str) -> Any:
        if expression not in self._expressions:
            element = self._element("simplelicensing_LicenseExpression", f"license:{expression}")
            element.simplelicensing_licenseExpression = expression
            self._expressions[expression] = element
        return self._expressions[expression]

    def _relate(self, one: Any, kind: str, others: Iterable[Any]) -> None:
        relation = self._element("Relationship", f"relationship-{len(self._elements)}")
        relation.from_ = one
        relation.relationshipType = getattr(self._model.RelationshipType, kind)
        relation.to = list(others)

    def _annotate(self, element: Any, rest: dict[str, Any]) -> None:
        if not rest:
            return
        annotation = self._element("Annotation", f"annotation-{len(self._elements)}")
        annotation.annotationType = self._model.AnnotationType.other
        annotation.contentType = "application/json"
        annotation.subject = element
        annotation.statement = canonical(rest).decode("utf-8")

    def _dependencies(self) -> None:
        for entry in self._bom.get("dependencies", []):
            known = [self._ids[name] for name in entry.get("dependsOn", []) if name in self._ids]
            if known and entry["ref"] in self._ids:
                self._relate(self._ids[entry["ref"]], "dependsOn", known)

    def _lineage(self, model: dict[str, Any], root: Any) -> None:
        ancestors = [self._component(one) for one in model.get("pedigree", {}).get("ancestors", [])]
        if ancestors:
            self._relate(root, "descendantOf", ancestors)
        for role, kind in (("training", "trainedOn"), ("evaluation", "testedOn")):
            wanted = {"name": "weighbridge:lineage:role", "value": role}
            data = [one for one in self._bom["components"] if wanted in one.get("properties", [])]
            if data:
                self._relate(root, kind, [self._ids[one["bom-ref"]] for one in data])

    def _document_rest(self, document: Any) -> None:
        handled = {"$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components"}
        rest = {key: value for key, value in self._bom.items() if key not in handled}
        metadata = {key: value for key, value in self._bom["metadata"].items() if key not in _METADATA}
        self._annotate(document, {**rest, **({"metadata": metadata} if metadata else {})})


_METADATA = frozenset({"timestamp", "tools", "component"})


def _acknowledged(choice: dict[str, Any]) -> Any:
    return choice.get("acknowledgement") or choice.get("license", {}).get("acknowledgement")
