"""JSON Schemas of every document, from the models that read them: `python -m weighbridge.catalogue.schemas`.

They are for editors and for other programs. The models say more than a schema can (references, digests that must
agree), so a document that a schema accepts may still be refused; one that a schema refuses is refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from weighbridge import resources
from weighbridge.catalogue.card import CardBlock
from weighbridge.catalogue.configuration import Configuration, Tenants
from weighbridge.catalogue.names import NAME_PATTERN, VERSION_NAME_PATTERN
from weighbridge.evidence import predicates
from weighbridge.evidence.executable_content import ExecutableContentPredicate
from weighbridge.evidence.image_profile import ImageProfilePredicate
from weighbridge.observe.event import Event
from weighbridge.packaging.digest import MAX_FILE_BYTES
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {
    "configuration": Configuration,
    "tenants": Tenants,
    "card": CardBlock,
    "manifest": Manifest,
    "package-v1": predicates.PackagePredicate,
    "evaluation-v1": predicates.EvaluationPredicate,
    "publication-v1": predicates.PublicationPredicate,
    "approval-v1": predicates.ApprovalPredicate,
    "promotion-v1": predicates.PromotionPredicate,
    "order-v1": predicates.OrderPredicate,
    "waiver-v1": predicates.WaiverPredicate,
    "image-profile-v1": ImageProfilePredicate,
    "executable-content-v1": ExecutableContentPredicate,
    "event": Event,
}
"""Name of the schema file, without `.json`, to the model that it describes."""
_NAMES = {NAME_PATTERN, VERSION_NAME_PATTERN}
_UNAMBIGUOUS = {"not": {"pattern": r"\.\.|\.-|-\."}}
_ARTIFACT = {
    "$schema": DIALECT,
    "title": "Artifact",
    "description": "artifact.json: `[path, size in bytes, SHA-256]` of each packaged file, sorted by path.",
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "array",
        "prefixItems": [
            {"type": "string", "minLength": 1, "maxLength": 1024},
            {"type": "integer", "minimum": 0, "maximum": MAX_FILE_BYTES},
            {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        ],
        "minItems": 3,
        "items": False,
    },
}


class _Generator(GenerateJsonSchema):
    """Without the titles that pydantic makes up from field names: an editor shows the descriptions."""

    schema_dialect = DIALECT

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 -- the signature of pydantic
        return False


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema, by file name."""
    found = {f"{name}.json": _schema(model) for name, model in MODELS.items()}
    return {"artifact.json": _ARTIFACT, **found}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    for part in _parts(schema):
        _bound_keys(part)
    return {"$schema": DIALECT, **schema}


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item)


def _bound_keys(part: dict[str, Any]) -> None:
    """Mappings whose keys have a form: pydantic writes `patternProperties`, which alone lets other keys pass."""
    if "patternProperties" in part:
        part.setdefault("additionalProperties", False)
        if not _NAMES.isdisjoint(part["patternProperties"]):
            part["propertyNames"] = _UNAMBIGUOUS
    if part.get("pattern") in _NAMES:
        part.update(_UNAMBIGUOUS)


def text(schema: dict[str, Any]) -> str:
    """The schema as it is written: sorted, indented, so that a change shows in a diff."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write every schema into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = folder / name
        path.write_text(text(schema), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else resources.policies() / "schemas"
    for path in write(target):
        sys.stdout.write(f"{path}\n")
