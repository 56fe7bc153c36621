"""Which fields of `data.lib.weighbridge.request` a user's requirement names, held against those that there are.

In Rego a reference to what does not exist makes a rule silent, and a silent rule denies nothing. So every reference to
the request is resolved on the syntax tree, through import aliases and the variables of `every`, along the declaration
`policies/points/request.json`. What is not declared there, above all the credentials that a point sees, cannot be
named; and an object of fixed fields can be taken neither whole nor with a computed key, which would name everything.

What a local variable holds is known to OPA's compiler alone: `stand_in` gives it the same declaration as types.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from weighbridge import resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from weighbridge.errors import Problem

    Report = Callable[[Any, str, str], Problem]

REQUEST = ("lib", "weighbridge", "request")
DECLARATION = "request.json"
_Schemas = list[dict[str, Any]]
_COMPARE = frozenset({"equal", "neq", "eq"})
_ASK = frozenset({"is_null", "is_object"})
_MEMBER = "internal.member_2"


@cache
def declaration() -> dict[str, Any]:
    """The JSON Schema of the request, as users see it."""
    document: dict[str, Any] = json.loads((resources.policies() / "points" / DECLARATION).read_bytes())
    return document


def stand_in() -> str:
    """A package in the place of the request, whose types OPA takes from `schema.request`, that declaration."""
    head = "# METADATA\n# scope: package\n# schemas:\n#   - input: schema.request\n"
    rules = "".join(f"\n{name} := input.{name}\n" for name in declaration()["properties"])
    return f"{head}package {'.'.join(REQUEST)}\n{rules}"


def field_problems(tree: Mapping[str, Any], report: Report) -> Iterator[Problem]:
    """What is wrong with the references to the request in one parsed file.

    Args:
        tree: OPA's syntax tree, with locations.
        report: makes a problem of a node, a message and a fix.
    """
    names: dict[str, list[Any]] = {}
    walk = _Walk(report)
    for node in tree.get("imports", []):
        terms = _terms(node["path"]["value"], {})
        if terms is not None:
            names[node.get("alias") or str(node["path"]["value"][-1]["value"])] = terms
            # Their own place is the import's: a path in an import has none.
            yield from walk.reference(terms, node, whole=True)
    yield from walk.node(tree.get("rules", []), names)


def _terms(reference: Sequence[Any], names: Mapping[str, list[Any]]) -> list[Any] | None:
    """The terms behind `request`, or None where a reference speaks of something else."""
    head, *rest = reference
    if head.get("type") != "var":
        return None
    if head["value"] in names:
        return [*names[head["value"]], *rest]
    path = tuple(term["value"] if term.get("type") == "string" else None for term in rest[: len(REQUEST)])
    return rest[len(REQUEST) :] if head["value"] == "data" and path == REQUEST else None


class _Walk:
    """Walks a tree with what each name in scope stands for."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def node(self, node: Any, names: Mapping[str, list[Any]]) -> Iterator[Problem]:
        """Problems of a node and of everything below it, whatever its kind."""
        if isinstance(node, list):
            for entry in node:
                yield from self.node(entry, names)
            return
        if not isinstance(node, dict):
            return
        terms = node.get("value") if node.get("type") == "call" else node.get("terms")
        if isinstance(terms, list) and terms:
            yield from self._call(terms, names)
            rest = {key: value for key, value in node.items() if key not in {"terms", "value"}}
            yield from self.node(rest, names)
        elif node.get("type") == "ref" and isinstance(node.get("value"), list) and node["value"]:
            yield from self._reference(node, names)
        elif node.get("type") == "var" and node.get("value") in names:
            yield from self._reference({**node, "value": [node]}, names)
        elif isinstance(node.get("domain"), dict):
            yield from self._every(node, names)
        else:
            yield from self.node([value for key, value in node.items() if key != "location"], names)

    def reference(self, terms: Sequence[Any], node: Any, *, whole: bool) -> Iterator[Problem]:
        """Follow the terms along the declaration; `whole`: it may end at an object of fixed fields."""
        schemas = [declaration()]
        shown = "request"
        element = False
        for term in terms:
            if not any(_known(schema) for schema in schemas):
                return
            found, element = _below(schemas, term)
            name = term.get("value") if term.get("type") == "string" else None
            if found is None:
                yield self._unknown(term if term.get("location") else node, shown, name, schemas)
                return
            shown += f".{name}" if name is not None and not element else "[…]"
            schemas = found
        if _fields(schemas) and not element and not whole:
            message = f"takes {shown} as a whole, so that a mistyped field of it would go unnoticed"
            yield self._report(node, message, f"Name what you mean of it: {', '.join(_fields(schemas))}.")

    def _reference(
        self, node: dict[str, Any], names: Mapping[str, list[Any]], *, whole: bool = False
    ) -> Iterator[Problem]:
        head, *rest = node["value"]
        terms = _terms(node["value"], names)
        if terms is not None:
            yield from self.reference(terms, node, whole=whole)
        elif head.get("type") != "var":
            yield from self.node(head, names)
        yield from self.node(rest, names)

    def _call(self, terms: list[Any], names: Mapping[str, list[Any]]) -> Iterator[Problem]:
        operator = ".".join(str(term.get("value")) for term in terms[0].get("value") or [] if isinstance(term, dict))
        yield from self.node(terms[0], names)
        operands = terms[1:]
        null = operator in _COMPARE and any(term.get("type") == "null" for term in operands)
        for term in operands:
            schemas = self._ends(term, names)
            if schemas and (null or operator in _ASK):
                node = term if term["type"] == "ref" else {**term, "value": [term]}
                yield from self._reference(node, names, whole=True)
            else:
                yield from self.node(term, names)
            if schemas and operator in _COMPARE | {_MEMBER}:
                yield from self._values(schemas, [other for other in operands if other is not term])

    def _ends(self, term: Any, names: Mapping[str, list[Any]]) -> _Schemas:
        """Where a reference to the request ends; nothing for anything else."""
        if not isinstance(term, dict) or term.get("type") not in {"ref", "var"}:
            return []
        terms = _terms(term["value"] if term["type"] == "ref" else [term], names)
        schemas: _Schemas | None = None if terms is None else [declaration()]
        for each in terms or []:
            schemas = schemas and _below(schemas, each)[0]
        return schemas or []

    def _values(self, schemas: _Schemas, others: Sequence[Any]) -> Iterator[Problem]:
        known = [value for schema in schemas for value in schema.get("enum", ())]
        if not known or not all("enum" in schema for schema in schemas):
            return
        for other in others:
            for term in other["value"] if other.get("type") in {"set", "array"} else [other]:
                if term.get("type") == "string" and term["value"] not in known:
                    message = f"compares with {json.dumps(term['value'])}, which it never is"
                    yield self._report(term, message, f"Compare with {' or '.join(map(json.dumps, sorted(known)))}.")

    def _every(self, node: dict[str, Any], names: Mapping[str, list[Any]]) -> Iterator[Problem]:
        yield from self.node(node["domain"], names)
        bound = {
            term["value"]: None for term in (node.get("key"), node.get("value")) if term and term.get("type") == "var"
        }
        terms = _terms(node["domain"]["value"], names) if node["domain"].get("type") == "ref" else None
        inner = {name: path for name, path in names.items() if name not in bound}
        if terms is not None and node["value"].get("type") == "var":
            inner[node["value"]["value"]] = [*terms, node["value"]]
        yield from self.node(node["body"], inner)

    def _unknown(self, node: Any, shown: str, name: str | None, schemas: _Schemas) -> Problem:
        fields = _fields(schemas)
        if name is None:
            message = f"computes which field of {shown} it means, so that nobody can check it"
            return self._report(node, message, f"Name the field: {', '.join(fields)}.")
        if not fields:
            return self._report(node, f"refers to {shown}.{name}, but {shown} has no fields", f"Refer to {shown}.")
        message = f"refers to {shown}.{name}, which is not there"
        return self._report(node, message, f"{_nearest(name, schemas)}{shown} has {', '.join(fields)}.")


def _below(schemas: _Schemas, term: Mapping[str, Any]) -> tuple[_Schemas | None, bool]:
    """What a term leads to, None where there is nothing, and whether it is an element of a list."""
    options = _flat(schemas)
    if any("items" in schema for schema in options):
        return [schema["items"] for schema in options if "items" in schema], True
    name = term.get("value") if term.get("type") == "string" else None
    return [schema["properties"][name] for schema in options if name in schema.get("properties", ())] or None, False


def _flat(schemas: _Schemas) -> _Schemas:
    return [option for schema in schemas for option in schema.get("anyOf", [schema])]


def _known(schema: Mapping[str, Any]) -> bool:
    """Whether the declaration says what is below: a label, a header or a container's field it leaves open."""
    return any(key in schema for key in ("anyOf", "properties", "items")) or schema.get("type") in {"string", "integer"}


def _fields(schemas: _Schemas) -> list[str]:
    return sorted({name for schema in _flat(schemas) for name in schema.get("properties", ())})


def _nearest(name: str, schemas: _Schemas) -> str:
    """The field that was meant, here or one level below."""
    below = [
        f"{field}.{deeper}"
        for field in _fields(schemas)
        for deeper in _fields(_below(schemas, {"type": "string", "value": field})[0] or [])
    ]
    for fields in (_fields(schemas), below):
        near = get_close_matches(name, [field.rpartition(".")[2] for field in fields], n=1)
        meant = next((field for field in fields if near and field.endswith(near[0])), "")
        if meant:
            return f"Did you mean `{meant}`? "
    return ""
