"""Where fields stand in a file of manifests, looked for only when something is wrong with one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from yaml import YAMLError
from yaml.nodes import MappingNode, Node, SequenceNode

from weighbridge.catalogue.yaml_nodes import NodeParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MERGE = "merge"
"""`NodeParser`'s tag of a plain `<<`."""


class Composed:
    """The text of a file, and its nodes once they are asked for. Its nesting is bounded: it has been read before."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _roots(self) -> list[Node | None]:
        parser = NodeParser(self._text)
        roots: list[Node | None] = []
        try:
            while parser.check_node():
                roots.append(parser.get_node())
        except YAMLError:
            return roots  # JSON that YAML sees otherwise has no places
        finally:
            parser.dispose()
        return roots

    def place(self, document: int, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of the key at the path (of the item, in a list), or of the nearest that encloses it.

        Of what an alias stands for, it is the place where that is written: there it can be corrected.
        """
        root = self._roots[document - 1] if 0 < document <= len(self._roots) else None
        place = node = root
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            place, node = found
        mark: Any = place.start_mark if place is not None else None
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _child(node: Node | None, part: str | int) -> tuple[Node, Node] | None:
    """What marks the part (a key, or an item), and its value."""
    if isinstance(node, SequenceNode):
        inside = isinstance(part, int) and 0 <= part < len(node.value)
        return (node.value[part], node.value[part]) if inside else None
    if not isinstance(node, MappingNode):
        return None
    for key, value in reversed(node.value):
        if key.value == str(part) and key.tag != _MERGE:
            return key, value
    return next((found for source in _merged(node) if (found := _child(source, part))), None)


def _merged(node: MappingNode) -> Iterator[Node]:
    for key, value in reversed(node.value):
        if key.tag == _MERGE:
            yield from value.value if isinstance(value, SequenceNode) else [value]
