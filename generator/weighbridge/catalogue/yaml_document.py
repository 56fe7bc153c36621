"""YAML, read strictly: one document, no duplicate keys, no aliases, no tags, no surprises.

Order of steps: decode UTF-8, refuse characters that an editor does not show, bound the nesting before anything
recursive sees the text, compose nodes (`yaml_nodes`), turn them into plain JSON values (`yaml_values`).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from weighbridge.catalogue.yaml_nodes import NodeParser, Places, compose
from weighbridge.catalogue.yaml_values import MAX_DEPTH, MAX_PROBLEMS, Builder
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SEPARATORS = 2_000_000
"""Commas, colons and line ends of one document, which bound the number of its values."""
_HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_CRLF = ("has CRLF line ends", "Save the file with LF line ends (Git: `* text=auto eol=lf`).")
_DEEP_BLOCK = re.compile(r"^[ \-?:]{100}", re.MULTILINE)
_DEEP_FLOW = 200
_QUOTE = "Write the value itself; put text in quotes."


class YamlDocument:
    """One YAML document.

    Attributes:
        file: the name for errors.
        value: plain JSON values; None for an empty document.
        places: where they stand.
    """

    def __init__(self, file: str, value: Any, places: Places) -> None:
        self.file = file
        self.value = value
        self.places = places


def decode(data: bytes, file: str) -> str:
    """Text of a file that must be UTF-8 without byte order mark.

    Raises:
        InputError: with the line and column of the first bad byte.
    """
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise InputError.single(
            file, "starts with a byte order mark", "Save the file as UTF-8 without BOM.", line=1, column=1
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = _place(before)
        message = f"is not UTF-8: byte 0x{data[error.start]:02x}"
        raise InputError.single(file, message, "Save the file as UTF-8.", line=line, column=column) from error


def line_ends(text: str, file: str) -> None:
    """Refuse carriage returns: with them, a checkout on another system has another hash.

    Raises:
        InputError: with the first line that ends so.
    """
    position = text.find("\r")
    if position >= 0:
        line, column = _place(text[:position])
        raise InputError.single(file, *_CRLF, line=line, column=column)


def parse_yaml(text: str, file: str, *, first_line: int = 1) -> YamlDocument:
    """Parse one YAML document.

    Args:
        text: the document.
        file: the name for errors.
        first_line: the line of the file on which the text begins.

    Raises:
        InputError: with every problem that can be found at once.
    """
    _refuse_hidden(text, file, first_line)
    # Every value but the first needs one of these before it, and a node takes a hundred times the memory of its text.
    if sum(map(text.count, ",:\n")) > MAX_SEPARATORS:
        raise InputError.single(file, f"holds more than {MAX_SEPARATORS} values", "Split it, or shorten it.")
    try:
        _bound_depth(text, file, first_line)
        root = compose(text)
    except yaml.YAMLError as error:
        raise _syntax(error, file, first_line) from error
    except RecursionError as error:
        raise _too_deep(file, first_line, 1) from error
    builder = Builder(file, first_line)
    value = None if root is None else builder.build(root, 0)
    if builder.problems or builder.aliased:
        raise InputError(
            [*builder.problems, *(islice(_aliases(text, file, first_line), MAX_PROBLEMS) if builder.aliased else ())]
        )
    return YamlDocument(file, value, Places(root, first_line))


def compose_places(text: str) -> Places:
    """Where the values of a JSON document stand (JSON is YAML, nearly); nowhere, if YAML sees it otherwise."""
    try:
        _bound_depth(text, "", 1)
        return Places(compose(text))
    except (yaml.YAMLError, InputError, RecursionError):
        return Places(None)


def _refuse_hidden(text: str, file: str, first_line: int) -> None:
    if not _HIDDEN.search(text):
        return
    first: dict[str, Problem] = {}
    for match in _HIDDEN.finditer(text):
        character = match.group()
        what, fix = {
            "\t": ("holds a tab", "Indent and separate with spaces."),
            "\r": _CRLF,
        }.get(character, (f"holds the hidden character U+{ord(character):04X}", "Remove it, or write it as an escape."))
        if what not in first:
            line, column = _place(text[: match.start()])
            first[what] = Problem(file, line + first_line - 1, column, "", what, fix)
    raise InputError(first.values())


def _place(before: str) -> tuple[int, int]:
    line = before.count("\n")
    return line + 1, len(before) - (before.rfind("\n") + 1) + 1


def _bound_depth(text: str, file: str, first_line: int) -> None:
    # The composer recurses on the C stack, which has no bottom that Python knows: 200,000 brackets end the process.
    # Events come without recursion, but cost as much again; so only a text that could be deep pays for them.
    if text.count("[") + text.count("{") <= _DEEP_FLOW and not _DEEP_BLOCK.search(text):
        return
    depth = 0
    for event in _events(text):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark: Any = event.start_mark
                raise _too_deep(file, mark.line + first_line, mark.column + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _aliases(text: str, file: str, first_line: int) -> Iterator[Problem]:
    """Where aliases stand: the nodes do not know, as each is the anchored node itself."""
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark
            fix = "Write the value out; aliases are not accepted."
            yield Problem(file, mark.line + first_line, mark.column + 1, "", "is an alias (`*name`)", fix)


def _events(text: str) -> Iterator[yaml.Event]:
    parser = NodeParser(text)
    try:
        while (event := parser.get_event()) is not None:
            yield event
    finally:
        parser.dispose()


def _too_deep(file: str, line: int, column: int) -> InputError:
    message = f"is nested more than {MAX_DEPTH} levels deep"
    return InputError.single(file, message, "Flatten the document.", line=line, column=column)


def _syntax(error: yaml.YAMLError, file: str, first_line: int) -> InputError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + first_line, mark.column + 1) if mark else (0, 0)
    what = getattr(error, "problem", None) or "it cannot be read"
    if "found another document" in what:
        return InputError.single(
            file, "holds more than one document", "Keep one document, without `---` in it.", line=line, column=column
        )
    if "undefined alias" in what:
        return InputError.single(file, "uses an alias", _QUOTE, line=line, column=column)
    return InputError.single(
        file, f"is not valid YAML: {what}", "Check indentation, quotes and colons here.", line=line, column=column
    )
