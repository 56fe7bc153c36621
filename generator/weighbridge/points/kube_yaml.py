"""YAML as Kubernetes reads it: events become plain JSON values; nodes are left to `places`, as few ask for lines.

kubectl, conftest and Gatekeeper all read with `sigs.k8s.io/yaml` (YAML 1.1 of `go.yaml.in/yaml/v2`), so plain scalars
mean here what they mean there: `yes` and `on` are true, `010` is 8, `0x10` is 16. Anchors, aliases and merge keys are
resolved alike. What two readers could understand differently is refused: duplicate keys and anchors, a merge after a
key that it would replace, tags, keys that are no text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from weighbridge.catalogue.yaml_nodes import NodeParser
from weighbridge.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 100
"""Deepest nesting: CustomResourceDefinitions of real operators reach 60."""
MAX_EXPANDED = 16 * 1024 * 1024
"""Characters that aliases may add to a file, each value counted as eight more."""
MAX_PROBLEMS = 100
_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NUMERIC = frozenset("+-.0123456789")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SEPARATOR = re.compile(r"(?<=[0-9])_(?=[0-9])")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MERGE = object()
_NO_KEY = object()


@dataclass
class Document:
    """One document of a file, as values."""

    number: int
    """From 1; empty ones count."""
    line: int
    """Where it starts, from 1: its `---`, or the first line of the file."""
    value: Any
    content_line: int
    """Where its first value stands."""


class _Open:
    """A mapping or list that is not at its end yet."""

    __slots__ = ("anchor", "height", "key", "merged", "start", "value", "weight")

    def __init__(self, value: Any, anchor: str | None, start: Any) -> None:
        self.value = value
        self.anchor = anchor
        self.start = start
        self.key: Any = _NO_KEY
        self.merged: set[str] = set()
        self.height = 0
        self.weight = 0


class KubeReader:
    """All documents of a text.

    Attributes:
        problems: what is wrong, known when `documents` has ended.
    """

    def __init__(self, text: str, file: str) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._file = file
        self._plain: dict[str, Any] = {}
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._expanded = 0
        self._stack: list[_Open] = []
        self._root: Any = None

    def documents(self) -> Iterator[Document]:
        """Documents that hold anything.

        Raises:
            yaml.YAMLError: the text is no YAML.
        """
        parser = NodeParser(self._text)
        number, line, content = 0, 1, 0
        try:
            while True:
                event: Any = parser.get_event()
                if event is None:
                    return
                kind = event.__class__
                if kind is DocumentStartEvent:
                    number, line, content = number + 1, event.start_mark.line + 1, 0
                    self._root = None
                    self._anchors = {}
                elif kind is DocumentEndEvent:
                    if self._root is not None:
                        yield Document(number, line, self._root, content)
                else:
                    content = content or event.start_mark.line + 1
                    if not self._take(kind, event):
                        return
        finally:
            parser.dispose()

    def _take(self, kind: type, event: Any) -> bool:
        """One event inside of a document; false where reading on would tell nothing more."""
        if kind is ScalarEvent:
            self._scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.tag is not None and event.tag not in {f"{_TAG}map", f"{_TAG}seq", "!"}:
                self._tagged(event)
            if len(self._stack) >= MAX_DEPTH:
                self._refuse(event, f"is nested more than {MAX_DEPTH} levels deep", "Flatten it.")
                return False
            self._stack.append(_Open({} if kind is MappingStartEvent else [], event.anchor, event))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            done = self._stack.pop()
            self._add(done.value, done.start, done.height + 1, done.weight + 8, done.anchor)
        elif kind is AliasEvent:
            return self._alias(event)
        return True

    def _scalar(self, event: Any) -> None:
        text = event.value
        if event.tag is not None and event.tag != f"{_TAG}str":
            self._tagged(event)
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse(event, "holds half a character (a lone surrogate)", "Write the character itself.")
        top = self._stack[-1] if self._stack else None
        plain = event.implicit[0] and event.tag is None
        if top is not None and top.key is _NO_KEY and top.value.__class__ is dict:
            self._key(top, text, plain, event)
            return
        value = self._resolved(text, event) if plain else text
        self._add(value, event, 0, len(text) + 8, event.anchor)

    def _resolved(self, text: str, event: Any) -> Any:
        known = self._plain.get(text, _NO_KEY)
        if known is not _NO_KEY:
            return known
        try:
            value = plain_scalar(text)
        except ValueError as error:
            self._refuse(event, str(error), "Put it in quotes if it is meant as text.")
            return None
        self._plain[text] = value
        return value

    def _key(self, top: _Open, text: str, plain: bool, event: Any) -> None:
        if plain and text == "<<":
            top.key = _MERGE
            return
        key = self._resolved(text, event) if plain else text
        if key is True or key is False:
            key = "true" if key else "false"
        elif key.__class__ is int:
            key = str(key)
        elif key.__class__ is not str:
            self._refuse(event, f"has a key that is no text: {text[:40]}", "Put the key in quotes.")
            key = text
        if event.anchor is not None:
            self._refuse(event, "is a key with an anchor", "Put the anchor on the value.")
        if key in top.value and key not in top.merged:
            self._refuse(event, f"is given twice: {key[:80]}", "Keep one of them.")
        top.key = key
        top.weight += len(text)

    def _add(self, value: Any, event: Any, height: int, weight: int, anchor: str | None) -> None:
        if anchor is not None:
            if anchor in self._anchors:
                self._refuse(event, f"is an anchor that is there already: {anchor[:80]}", "Give each its own name.")
            self._anchors[anchor] = (value, height, weight)
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        top.height = max(top.height, height)
        top.weight += weight
        if top.value.__class__ is list:
            top.value.append(value)
        elif top.key is _NO_KEY:
            self._refuse(event, "is a key that is a mapping or a list", "Use text as key.")
            top.key = ""
        else:
            if top.key is _MERGE:
                self._merge(top, value, event)
            else:
                top.value[top.key] = value
                top.merged.discard(top.key)
            top.key = _NO_KEY

    def _alias(self, event: Any) -> bool:
        if event.anchor not in self._anchors:
            message = f"is an alias of what is not defined before it: *{event.anchor[:80]}"
            self._refuse(event, message, "Define the anchor first, or write the value out.")
            value, height, weight = None, 0, 0
        else:
            value, height, weight = self._anchors[event.anchor]
        self._expanded += weight
        if self._expanded > MAX_EXPANDED or len(self._stack) + height > MAX_DEPTH:
            self._refuse(event, "aliases make this too large or too deep", "Write the values out.")
            return False
        if self._stack and self._stack[-1].key is _NO_KEY and self._stack[-1].value.__class__ is dict:
            self._refuse(event, "is an alias as a key", "Write the key out.")
            self._stack[-1].key = ""
        else:
            self._add(value, event, height, weight, None)
        return True

    def _merge(self, top: _Open, value: Any, event: Any) -> None:
        sources = value if value.__class__ is list else [value]
        if not all(source.__class__ is dict for source in sources):
            self._refuse(event, "merges (`<<`) what is no mapping", "Merge mappings only.")
            return
        # Of several the earlier count; what stands in the mapping itself counts before them all.
        for source in reversed(sources):
            for key, merged in source.items():
                if key in top.value and key not in top.merged:
                    message = f"merges (`<<`) over a key that stands before it: {key[:80]}"
                    self._refuse(event, message, "Put `<<` first: readers differ in which of them counts.")
                top.value[key] = merged
                top.merged.add(key)

    def _tagged(self, event: Any) -> None:
        self._refuse(event, f"carries a tag ({event.tag[:80]!a})", "Remove the tag; put text in quotes.")

    def _refuse(self, event: Any, message: str, fix: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            mark = event.start_mark
            self.problems.append(Problem(self._file, mark.line + 1, mark.column + 1, "", message, fix))


def plain_scalar(text: str) -> Any:
    """What a plain scalar means: `resolve` in go.yaml.in/yaml/v2, resolve.go.

    Raises:
        ValueError: a number that is not finite, or larger than 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"is no finite number: {text}")
    # Behind a leading point Go's own reader decides, to which `_` may only separate digits.
    digits = _SEPARATOR.sub("", text) if text[0] == "." else text.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        return _integer(match)
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if value in {float("inf"), float("-inf")}:
            raise ValueError(f"is no finite number: {text[:40]}")
        return value
    return text


def _integer(match: re.Match[str]) -> int:
    sign, hexadecimal, binary, octal, decimal = match.groups()
    if len(match.group()) > 70:
        raise ValueError("is an integer of more than 64 bits")
    value = next(
        int(digits, base)
        for digits, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10))
        if digits is not None
    )
    value = -value if sign == "-" else value
    # Beyond this, readers make a float of it or refuse it.
    if not -(2**63) <= value < 2**64 or (sign and value >= 2**63):
        raise ValueError("is an integer of more than 64 bits")
    return value
