"""Mutants of one Rego module: the places come from the syntax tree of `opa parse`, the change is made in the text.

Four operators: an expression is negated, dropped (it becomes `true`), compared the other way, or a constant in it is
another. What is said is no judgement, so it is left alone: members `message`, `title`, `description`, and `what` and
`to`, of which messages are made; `severity`, which METADATA repeats and a check compares; and every text with a blank
in it, as no field, kind or key has one.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.engines.opa import opa_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SWAPS = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "+": "-", "-": "+", "&": "|", "|": "&"}
_SAID = frozenset({"message", "severity", "title", "description", "what", "to"})
_DECLARED = frozenset({"assign", "unify"})


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one module."""

    file: str
    """Relative to `policies/`."""
    start: int
    """Where the change begins, in bytes."""
    end: int
    operator: str
    """`negate`, `drop`, `swap` or `constant`."""
    line: int
    rule: str
    """The rule's name."""
    before: str
    after: str

    @property
    def identity(self) -> str:
        """What names it in the list of survivors: stays the same while other lines come and go."""
        text = " ".join(self.before.split())
        return f"{self.file} {self.rule}: {self.operator} {text if len(text) <= 120 else text[:117] + '...'}"

    def apply(self, source: bytes) -> bytes:
        """The module with the change in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def mutants(policies: Path, file: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its text; two that change the same text alike are one.

    Raises:
        EngineError: OPA cannot parse the module.
    """
    tree = json.loads(opa_command("parse", "--format=json", "--json-include=locations", file))
    name = file.relative_to(policies).as_posix()
    source = file.read_bytes()
    reader = _Reader(name, source)
    found = {mutant for rule in tree.get("rules", []) for mutant in reader.rule(rule)}
    return sorted(found)


class _Reader:
    def __init__(self, file: str, source: bytes) -> None:
        self._file = file
        self._source = source
        starts = [0]
        for line in source.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        self._starts = starts
        self._rule = ""

    def rule(self, rule: dict[str, Any]) -> Iterator[Mutant]:
        self._rule = _name(rule["head"])
        while rule:
            yield from self._terms(rule["head"].get("value"), "")
            yield from self._terms(rule["head"].get("key"), "")
            yield from self._body(rule.get("body", []))
            rule = rule.get("else", {})

    def _body(self, body: list[dict[str, Any]]) -> Iterator[Mutant]:
        for expression in body:
            # `name := value` has a body that nobody wrote: `true`, at the place of the value.
            if "location" in expression and not _implied(expression):
                yield from self._expression(expression)

    def _expression(self, expression: dict[str, Any]) -> Iterator[Mutant]:
        terms = expression.get("terms")
        start, end = self._span(expression)
        text = self._source[start:end].decode()
        declares = isinstance(terms, dict) and "symbols" in terms
        assigns = isinstance(terms, list) and _operator(terms) in _DECLARED
        every = isinstance(terms, dict) and "domain" in terms
        if expression.get("negated"):
            yield self._mutant("negate", start, end, text.removeprefix("not").lstrip())
        elif text != "true" and not (declares or assigns or every):
            yield self._mutant("negate", start, end, f"not {text}")
        if text != "true" and not (declares or assigns):
            yield self._mutant("drop", start, end, "true")
        yield from self._terms(terms, "")
        for target in expression.get("with", ()):
            yield from self._terms(target.get("value"), "")

    def _terms(self, term: Any, key: str) -> Iterator[Mutant]:
        """Constants, operators and bodies below a term."""
        if isinstance(term, list):
            for each in term:
                yield from self._terms(each, key)
        elif isinstance(term, dict) and "type" in term:
            yield from self._term(term, key)
        elif isinstance(term, dict):
            for name in ("symbols", "key", "value", "domain"):
                yield from self._terms(term.get(name), key)
            yield from self._body(term.get("body") or [])

    def _term(self, term: dict[str, Any], key: str) -> Iterator[Mutant]:
        kind, value = term["type"], term.get("value")
        if key in _SAID or "location" not in term:  # the `true` that nobody wrote has no place
            return
        if kind in {"string", "number", "boolean"}:
            yield from self._constant(term)
        elif kind == "object":
            for name, member in value or ():
                yield from self._terms(member, name.get("value") if name["type"] == "string" else "")
        elif kind == "ref":
            yield from self._reference(value or [])
        elif kind == "call":
            yield from self._terms(value, key)
        elif isinstance(value, dict):
            for name in ("key", "value", "term"):
                yield from self._terms(value.get(name), key)
            yield from self._body(value.get("body") or [])
        elif isinstance(value, list):
            yield from self._terms(value, key)

    def _reference(self, parts: list[dict[str, Any]]) -> Iterator[Mutant]:
        if not parts or "location" not in parts[0]:
            return
        start, end = self._span(parts[0])
        text = self._source[start:end].decode()
        if text in SWAPS:
            yield self._mutant("swap", start, end, SWAPS[text])
        # A field that is read under another name is what the schemas of the rules find.
        for part in parts[1:]:
            if part["type"] not in {"string", "number", "boolean"}:
                yield from self._terms(part, "")

    def _constant(self, term: dict[str, Any]) -> Iterator[Mutant]:
        start, end = self._span(term)
        text = self._source[start:end].decode()
        if text in {"true", "false"}:
            after = "false" if text == "true" else "true"
        elif term["type"] == "number":
            after = str(int(text) + 1) if text.isdigit() else "7"
        elif text.startswith("`"):
            after = "`^no such text$`"
        elif text.startswith('"'):
            # No field, kind or key has a blank in it: this is a sentence, or what joins the words of one.
            if " " in text:
                return
            after = '"no such text"'
        else:
            return
        if text not in {"", after}:
            yield self._mutant("constant", start, end, after)

    def _span(self, node: dict[str, Any]) -> tuple[int, int]:
        location = node["location"]
        # Columns count bytes, from 1.
        start = self._starts[location["row"] - 1] + location["col"] - 1
        return start, start + len(base64.b64decode(location["text"]))

    def _mutant(self, operator: str, start: int, end: int, after: str) -> Mutant:
        before = self._source[start:end].decode()
        line = self._source.count(b"\n", 0, start) + 1
        return Mutant(self._file, start, end, operator, line, self._rule, before, after)


def _name(head: dict[str, Any]) -> str:
    return str(head.get("name") or ".".join(str(part.get("value", "")) for part in head.get("ref", [])))


def _implied(expression: dict[str, Any]) -> bool:
    terms = expression.get("terms")
    return isinstance(terms, dict) and terms.get("type") == "boolean" and terms.get("value") is True


def _operator(terms: list[dict[str, Any]]) -> str:
    value = terms[0].get("value")
    return str(value[0].get("value", "")) if isinstance(value, list) and value else ""
