"""YAML nodes: libyaml's parser with our own, narrower reading of plain scalars, and where each node stands.

Scalars follow YAML 1.2's core schema, narrowed to what nobody can read in two ways: `true`/`false`, decimal numbers,
`null`/`~`/nothing. Everything else is text: `no`, `on`, `2026-01-15`, `0x10`, `010`, `1_000`, `12:30`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Sequence

try:
    from yaml.cyaml import CParser as _Base  # type: ignore[attr-defined] # the stubs list it without exporting it
except ImportError:  # PyYAML without libyaml: the same nodes, fifteen times slower
    from weighbridge.catalogue.yaml_slow import PythonParser as _Base  # type: ignore[assignment] # same methods

TEXT, MAPPING, LIST = "text", "mapping", "list"
"""Our tags of what needs no conversion; the others are the names of the groups in `_PLAIN`."""
_PLAIN = re.compile(
    r"(?P<null>~|null|Null|NULL|)"
    r"|(?P<bool>true|True|TRUE|false|False|FALSE)"
    r"|(?P<int>[-+]?(?:0|[1-9][0-9]*))"
    r"|(?P<float>[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<merge><<)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)


class NodeParser(_Base):
    """libyaml's parser and composer with our own resolution of plain scalars."""

    def descend_resolver(self, _current: Node | None, _index: object) -> None:
        """Called by the composer; we resolve by the scalar alone."""

    def ascend_resolver(self) -> None:
        """Called by the composer."""

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        """Our tag of a node that carries none of its own, so that any other tag was written by hand."""
        if kind is ScalarNode:
            match = _PLAIN.fullmatch(value or "") if implicit[0] else None
            return match.lastgroup or TEXT if match else TEXT
        return MAPPING if kind is MappingNode else LIST


def compose(text: str) -> Node | None:
    """The root node of the one document in a text, None if there is none.

    Raises:
        yaml.YAMLError: no YAML, or several documents.
    """
    parser = NodeParser(text)
    try:
        node: Node | None = parser.get_single_node()
    finally:
        parser.dispose()
    return node


class Places:
    """Where the values of a document stand, found only when somebody asks."""

    def __init__(self, root: Node | None, first_line: int = 1) -> None:
        self._root = root
        self._first_line = first_line

    def value(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column (from 1) of the value at the path, or of the nearest that encloses it."""
        node, _ = self._find(path)
        return self._mark(node)

    def key(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column of the key at the path (of the item, in a list), or of the nearest that encloses it."""
        node, key = self._find(path)
        return self._mark(key or node)

    def _mark(self, node: Node | None) -> tuple[int, int]:
        mark: Any = node.start_mark if node else None
        return (mark.line + self._first_line, mark.column + 1) if mark else (0, 0)

    def _find(self, path: Sequence[str | int]) -> tuple[Node | None, Node | None]:
        node, key = self._root, None
        for part in path:
            if isinstance(node, MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == part), None)
                if pair is None:
                    break
                key, node = pair
            elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
                key, node = None, node.value[part]
            else:
                break
        return node, key


def field_path(path: Sequence[str | int]) -> str:
    """`environments.prod.requires[2]`; a key that is no plain word stands in quotes."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            plain = re.fullmatch(r"[A-Za-z0-9_@-][A-Za-z0-9_@.-]*", part)
            parts.append(f".{part}" if plain else f".{part[:80]!a}")
    return "".join(parts).removeprefix(".")
