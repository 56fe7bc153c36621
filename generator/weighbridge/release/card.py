"""What is missing in a model card: sections, front matter, the `weighbridge:` block; every problem with its line.

Order of steps: decode; read the front matter strictly; look at what a release needs of it; find the sections and see
whether somebody has written them. A card whose front matter cannot be read has its sections checked all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.card import CardBlock
from weighbridge.catalogue.front_matter import BLOCK, parse_front_matter, read_card
from weighbridge.catalogue.source import LIMITS
from weighbridge.catalogue.yaml_document import decode, line_ends
from weighbridge.errors import InputError, Problem
from weighbridge.release.licenses import card_licenses, spdx_expression
from weighbridge.release.sections import TITLES, find_sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from weighbridge.release.sections import Section

CARD = "README.md"
_FIXES = {
    "license": "Name SPDX licenses, such as apache-2.0; for another, `other` with `license_name` and `license_link`.",
    "base_model": "Name what it was trained from, or write `base_model: []` if it was trained from nothing.",
    "datasets": "Name what it was trained on.",
    "metrics": "Name what it was measured by.",
}
_SECTION_FIXES = {
    "intended_use": "Say what it is for, for whom, and what it is not for.",
    "threat_model": "Say who could attack it, how, what stands against it, and what does not.",
    "dependencies": "List what it needs to run.",
    "environment_variables": "List the variables that it must be given, or say that there are none.",
}


def read_bytes(path: Path) -> bytes:
    """A card's bytes: the file, or the README.md of a folder.

    Raises:
        InputError: not readable, or too large.
    """
    file = path / CARD if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMITS.card + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError.single(str(file), message, "Name a model card, or the folder that holds it.") from error
    if len(data) > LIMITS.card:
        raise InputError.single(str(file), f"is larger than {LIMITS.card} bytes", "Move reports elsewhere.")
    return data


def card_problems(data: bytes, file: str) -> list[Problem]:
    """Everything that is missing or wrong in a card, sorted by line; empty for a card that a release takes.

    Args:
        data: the bytes of README.md.
        file: its name, for the problems.

    Raises:
        InputError: it is no text at all.
    """
    text = decode(data, file)
    problems: list[Problem] = []
    block, front_matter = CardBlock(), None
    try:
        line_ends(text, file)
        block, front_matter = read_card(data, file)
    except InputError as error:
        problems += error.problems
    if front_matter is not None:
        problems += _front_matter_problems(text, file, front_matter, block)
    try:
        sections = find_sections(text, file)
    except InputError as error:
        return sorted([*problems, *error.problems])
    problems += _section_problems(file, sections, text.count("\n") + 1)
    problems += _unnamed(file, sections, block)
    return sorted(set(problems))


def _front_matter_problems(
    text: str, file: str, front_matter: Mapping[str, Any], block: CardBlock
) -> Iterator[Problem]:
    places = parse_front_matter(text, file).places

    def problem(path: Sequence[str | int], message: str, fix: str) -> Problem:
        line, column = places.value(path)
        return Problem(file, line or 1, column or 1, ".".join(map(str, path)), message, fix)

    for key, fix in _FIXES.items():
        given = front_matter.get(key)
        names = given if isinstance(given, list) else [given]
        if key == "base_model" and given == []:
            continue
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            yield problem([key], "is missing or empty", fix)
    for given in card_licenses(front_matter):
        if spdx_expression(given) is None:
            yield problem(["license"], f"is {given!r:.100}, which SPDX does not know", _FIXES["license"])
    if front_matter.get(BLOCK) is None:
        fix = "Write it: source, sources, images and lineage; `weighbridge card init` starts it."
        yield problem([BLOCK], "is missing", fix)
    elif block.lineage is None:
        fix = "Write `lineage: {parent_run_id: ...}`, so that every prediction leads back to a run."
        yield problem([BLOCK, "lineage"], "is missing", fix)


def _section_problems(file: str, sections: Sequence[Section], last_line: int) -> Iterator[Problem]:
    for name, titles in TITLES.items():
        found = [section for section in sections if section.name == name]
        title = titles[0].capitalize()
        if not found:
            yield Problem(
                file, last_line, 1, name, f"there is no section `{title}`", f"Add a heading. {_SECTION_FIXES[name]}"
            )
        for section in found:
            if section.placeholders:
                waiting = ", ".join(f"{given!r:.60}" for given in section.placeholders)
                yield Problem(
                    file, section.line, 1, name, f"still waits to be written: {waiting}", _SECTION_FIXES[name]
                )
            elif not section.words:
                yield Problem(file, section.line, 1, name, "is empty", _SECTION_FIXES[name])


def _unnamed(file: str, sections: Sequence[Section], block: CardBlock) -> Iterator[Problem]:
    """What the block lists for programs the section must say to people."""
    listed = {"dependencies": block.dependencies, "environment_variables": block.environment_variables}
    for section in sections:
        for given in listed.get(section.name, ()):
            if given not in section.text:
                message = f"does not name {given!r:.100}, which `{BLOCK}.{section.name}` lists"
                yield Problem(file, section.line, 1, section.name, message, "Make both say the same.")
