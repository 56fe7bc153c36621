"""Plain JSON values from YAML nodes, and every problem on the way: aliases, tags, merge keys, duplicates, numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.yaml_nodes import LIST, MAPPING, TEXT, field_path
from weighbridge.errors import Problem

if TYPE_CHECKING:
    from yaml.nodes import Node

MAX_DEPTH = 32
"""Deepest nesting of mappings and lists."""
MAX_PROBLEMS = 100
"""Problems of one kind that are told of one document."""
MAX_INTEGER = 2**53 - 1
"""Largest integer, either way: every JSON reader keeps it exactly (RFC 8785)."""


class Builder:
    """Plain values from nodes, with all problems on the way."""

    def __init__(self, file: str, first_line: int) -> None:
        self.problems: list[Problem] = []
        self.aliased = False
        self._file = file
        self._first_line = first_line
        self._seen: set[int] = set()
        self._path: list[str | int] = []

    def build(self, node: Node, depth: int) -> Any:
        """The value of a node; None where a problem was found."""
        if self._is_alias(node):
            return None
        tag = node.tag
        if tag == TEXT:
            return self._text(node)
        if tag in {MAPPING, LIST} and depth >= MAX_DEPTH:
            self._refuse(node, f"is nested more than {MAX_DEPTH} levels deep", "Flatten the document.")
            return None
        if tag == MAPPING:
            return self._mapping(node, depth)
        if tag == LIST:
            return self._list(node, depth)
        return self._scalar(node, tag)

    def _is_alias(self, node: Node) -> bool:
        # The composer puts the anchored node itself where an alias stands, so it is met a second time.
        if id(node) in self._seen:
            self.aliased = True
            return True
        self._seen.add(id(node))
        return False

    def _text(self, node: Node) -> str | None:
        text: str = node.value
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse(node, "holds half a character (a lone surrogate)", "Write the character itself.")
            return None
        return text

    def _scalar(self, node: Node, tag: str) -> Any:
        text = node.value
        if tag == "null":
            return None
        if tag == "bool":
            return text[0] in "tT"
        if tag in {"int", "float", "special"}:
            return self._number(node, tag, text)
        if tag == "merge":
            self._refuse(node, "is a merge key (`<<`)", "Write the merged keys out.")
        else:
            self._refuse(node, f"carries a tag ({tag[:80]!a})", "Remove the tag; put text in quotes.")
        return None

    def _number(self, node: Node, tag: str, text: str) -> int | float | None:
        if tag == "int":
            # 16 digits and a sign; Python refuses to convert 4,301 digits, and slows down long before.
            if len(text) <= 17 and abs(int(text)) <= MAX_INTEGER:
                return int(text)
            self._refuse(node, "is an integer beyond 2**53", "Put it in quotes if it is meant as text.")
        elif tag == "special" or math.isinf(float(text)):
            self._refuse(node, f"is no finite number: {text[:40]}", "Give a number, or put text in quotes.")
        else:
            return float(text)
        return None

    def _list(self, node: Node, depth: int) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            self._path.append(index)
            values.append(self.build(item, depth + 1))
            self._path.pop()
        return values

    def _mapping(self, node: Node, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            self._path.append(key)
            if key in values:
                self._refuse(key_node, "is given twice", "Keep one of them.")
            values[key] = self.build(value_node, depth + 1)
            self._path.pop()
        return values

    def _key(self, node: Node) -> str | None:
        if self._is_alias(node):
            return None
        if node.tag == TEXT:
            return self._text(node)
        if node.tag in {"int", "float", "bool", "null", "special"}:
            self._refuse(node, f"has a key that is no text: {node.value[:40]}", "Put the key in quotes.")
        elif node.tag in {MAPPING, LIST}:
            self._refuse(node, "has a key that is a mapping or a list", "Use text as key.")
        else:
            self._scalar(node, node.tag)
        return None

    def _refuse(self, node: Node, message: str, fix: str) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return  # a file that is wrong in so many places is wrong in one: it is no such file
        mark: Any = node.start_mark
        field = field_path(self._path)
        self.problems.append(Problem(self._file, mark.line + self._first_line, mark.column + 1, field, message, fix))
