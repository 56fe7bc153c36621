"""Building blocks of the schemas that OPA's compiler checks rules against.

OPA 1.22 turns a schema into types and honours only a part of it: `properties` (and then no other key exists), `items`,
`anyOf`, and the plain types. It does not look at `additionalProperties`, so a map from names to records would hide all
that is below it. What it does honour is that a variable key may be any of the properties: so a map declares one, `*`,
with the value's schema, beside the `additionalProperties` that other programs read. `null` is "anything" to it, unless
it stands in a list of types behind another one.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest one that OPA reads."""
ANY: Schema = {}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
TIME: Schema = {"type": "integer", "minimum": 0}
"""Nanoseconds since the epoch."""
MEMBERS: Schema
"""A set of names, as an object."""


def record(optional: dict[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """An object with these properties and no others.

    Args:
        optional: properties that may be absent.
        **required: properties that are always there; a name that is no identifier ends in `_`.
    """
    always = {name.removesuffix("_"): schema for name, schema in required.items()}
    return {
        "type": "object",
        "properties": {**always, **(optional or {})},
        "required": sorted(always),
        "additionalProperties": False,
    }


def mapping(values: Schema) -> Schema:
    """An object from any names to such values."""
    return {"type": "object", "properties": {"*": values}, "additionalProperties": values}


def listing(items: Schema) -> Schema:
    """An array of such elements."""
    return {"type": "array", "items": items}


def loose(**properties: Schema) -> Schema:
    """What a stranger sent: the names that rules look at; whether they are there is not said."""
    return {"properties": {name.removesuffix("_"): schema for name, schema in properties.items()}}


def loose_list(**properties: Schema) -> Schema:
    """The same for the elements of what should be an array."""
    return {"items": loose(**properties)}


def nullable(schema: Schema) -> Schema:
    """Such a value, or null; the type comes first, since it is the one that OPA takes."""
    return {**schema, "type": [schema["type"], "null"]}


MEMBERS = mapping(FLAG)
