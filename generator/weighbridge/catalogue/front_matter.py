"""The front matter of a model card: found, parsed, and the hub's own fields checked as leniently as the hub does.

Source of the format: the Hugging Face hub's model card metadata (`modelcard.md` in its documentation); the front matter
stands between a first line `---` and the next line `---`. A card without one is a card without metadata.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.card import CardBlock
from weighbridge.catalogue.source import LIMITS
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import YamlDocument, decode, line_ends, parse_yaml
from weighbridge.catalogue.yaml_nodes import Places, field_path
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = "weighbridge"
_OPENING = "---\n"
_CLOSING = re.compile(r"^---(?:\n|\Z)", re.MULTILINE)
_LATE_OPENING = re.compile(r"\s*---[ ]*\n")
_TEXTS = ("license", "base_model", "datasets", "metrics")
_Path = tuple[str | int, ...]
_Complaint = tuple[_Path, str, str]


def read_card(data: bytes, file: str) -> tuple[CardBlock, dict[str, Any]]:
    """The `weighbridge:` block of a card, and its whole front matter.

    Args:
        data: the bytes of README.md.
        file: its name, for errors.

    Raises:
        InputError: with every problem of the card.
    """
    text = decode(data, file)
    line_ends(text, file)
    document = parse_front_matter(text, file)
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        raise InputError.single(
            file, "has front matter that is no mapping", "Write `key: value` lines.", line=2, column=1
        )
    problems = [
        Problem(file, *document.places.value(path), field_path(path), message, fix)
        for path, message, fix in _hub_complaints(value)
    ]
    block = CardBlock()
    try:
        block = _block(value, document)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return block, value


def _block(value: dict[str, Any], document: YamlDocument) -> CardBlock:
    given = value.get(BLOCK)
    return (
        CardBlock() if given is None else validate(CardBlock, given, document.file, lambda: document.places, (BLOCK,))
    )


def parse_front_matter(text: str, file: str) -> YamlDocument:
    """The front matter with the place of each value; an empty document for a card without one.

    Raises:
        InputError: it is not closed, not quite opened, too long or no YAML that is accepted.
    """
    if not text.startswith(_OPENING):
        if _LATE_OPENING.match(text):
            raise InputError.single(
                file,
                "has a line `---` that is not quite the opening of a front matter",
                "Make `---`, without spaces, the very first line.",
                line=1,
                column=1,
            )
        return YamlDocument(file, None, Places(None))
    closing = _CLOSING.search(text, len(_OPENING))
    if closing is None:
        raise InputError.single(
            file, "has front matter that is not closed", "Close it with a line `---`.", line=1, column=1
        )
    matter = text[len(_OPENING) : closing.start()]
    if len(matter) > LIMITS.front_matter:
        message = f"has front matter of more than {LIMITS.front_matter} characters"
        raise InputError.single(file, message, "Move tables into the text.", line=2, column=1)
    return parse_yaml(matter, file, first_line=2)


def _hub_complaints(value: dict[str, Any]) -> Iterator[_Complaint]:
    for key in _TEXTS:
        given = value.get(key)
        items = given if isinstance(given, list) else [given]
        if any(item is not None and not isinstance(item, str) for item in items):
            yield (key,), "is neither text nor a list of texts", "Write one name, or a list of names, in quotes."
    index = value.get("model-index")
    if index is not None:
        yield from _index_complaints(index)


def _index_complaints(index: Any) -> Iterator[_Complaint]:
    """The EvalResult shape: [{name, results: [{task: {}, dataset: {}, metrics: [{type, value}]}]}]."""
    for path, model in _mappings(("model-index",), index):
        if isinstance(model, str):
            yield path, model, "See `model-index` in the hub's documentation of model cards."
            continue
        for result_path, result in _mappings((*path, "results"), model.get("results", [])):
            if isinstance(result, str):
                yield result_path, result, "Write a list of results."
                continue
            yield from _result_complaints(result_path, result)


def _result_complaints(path: _Path, result: dict[str, Any]) -> Iterator[_Complaint]:
    for key in ("task", "dataset"):
        if not isinstance(result.get(key, {}), dict):
            yield (*path, key), "is no mapping", "Write `type:` and `name:` below it."
    for metric_path, metric in _mappings((*path, "metrics"), result.get("metrics", [])):
        if isinstance(metric, str):
            yield metric_path, metric, "Write a list of `type:` and `value:`."


def _mappings(path: _Path, value: Any) -> Iterator[tuple[_Path, dict[str, Any] | str]]:
    """Each item of what should be a list of mappings; in place of a wrong one, what is wrong with it."""
    if value is None:
        return
    if not isinstance(value, list):
        yield path, "is no list"
        return
    for index, item in enumerate(value):
        yield (*path, index), item if isinstance(item, dict) else "is no mapping"
