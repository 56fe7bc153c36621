"""Kubernetes manifests as people write them: several documents a file, folders, standard input; YAML or JSON.

Values are read as everywhere in Weighbridge, with duplicate keys, aliases and tags refused: what two readers could
understand differently cannot be judged. Unlike in a catalogue, tabs inside of text and CRLF line ends are fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from weighbridge.catalogue.yaml_document import decode
from weighbridge.catalogue.yaml_nodes import NodeParser, Places
from weighbridge.catalogue.yaml_values import MAX_DEPTH, Builder
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yaml.nodes import Node

MAX_FILE_BYTES = 16 * 1024 * 1024
SUFFIXES = (".yaml", ".yml", ".json")
_MOST_ALIASES = 100
_FIX = "Check indentation, quotes and colons here."


@dataclass(frozen=True)
class Manifest:
    """One document: an object, or a `List` of them."""

    file: str
    """As the user named it; `-` for standard input."""
    document: int
    """From 1, in the order of the file; empty ones count."""
    value: Any
    """Plain JSON values; anything but a mapping is for the rules to refuse."""
    places: Places
    """Where its fields stand, from the document's root."""

    def place(self, field: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of a field or of the nearest that encloses it."""
        return self.places.key(field)


def read_manifests(paths: Sequence[Path], stdin: bytes | None = None) -> list[Manifest]:
    """All documents in these files and folders (recursively), and in standard input where it is given.

    Raises:
        InputError: with every problem of every file; also where nothing was found.
    """
    files = [file for path in paths for file in (_below(path) if path.is_dir() else [path])]
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    sources: list[tuple[str, bytes]] = [("-", stdin)] if stdin is not None else []
    for file in dict.fromkeys(files):
        try:
            sources.append((str(file), _read(file)))
        except InputError as error:
            problems.extend(error.problems)
    for name, data in sources:
        try:
            manifests.extend(parse_manifests(data, name))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    if not manifests:
        named = ", ".join(map(str, paths)) or "-"
        raise InputError.single(named, "holds no manifest", "Name YAML or JSON files, or folders that hold some.")
    return manifests


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError.single(str(file), message, "Name a file or folder that exists.") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError.single(str(file), f"is larger than {MAX_FILE_BYTES} bytes", "Split the file.")
    return data


def parse_manifests(data: bytes, file: str) -> list[Manifest]:
    """All documents of one file but empty ones.

    Raises:
        InputError: with every problem of the file.
    """
    text = decode(data, file)
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    try:
        problems += _unclear(text, file)
        for number, node in enumerate([] if problems else _documents(text), start=1):
            builder = Builder(file, 1)
            value = builder.build(node, 0)
            problems.extend(builder.problems)
            if value is not None:
                manifests.append(Manifest(file, number, value, Places(node)))
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        what = getattr(error, "problem", None) or str(error)
        problems.append(Problem(file, line, column, "", f"is not valid YAML: {what}", _FIX))
    if problems:
        raise InputError(problems)
    return manifests


def _documents(text: str) -> Iterator[Node]:
    parser = NodeParser(text)
    try:
        while parser.check_node():
            if (node := parser.get_node()) is not None:
                yield node
    finally:
        parser.dispose()


def _unclear(text: str, file: str) -> list[Problem]:
    # The composer recurses on the C stack, and its nodes do not know aliases; events come without recursion, and do.
    parser = NodeParser(text)
    depth = 0
    found: list[Problem] = []
    try:
        while (event := parser.get_event()) is not None:
            mark: Any = event.start_mark
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                message = f"is nested more than {MAX_DEPTH} levels deep"
                return [Problem(file, mark.line + 1, mark.column + 1, "", message, "Flatten it.")]
            if isinstance(event, yaml.AliasEvent) and len(found) < _MOST_ALIASES:
                fix = "Write the value out; aliases are not accepted."
                found.append(Problem(file, mark.line + 1, mark.column + 1, "", "is an alias (`*name`)", fix))
    finally:
        parser.dispose()
    return found
