"""The sections of a model card that a release needs, found in its Markdown.

A heading counts at any level and in any case, but only where a reader sees a heading: not in a code block, a comment
or a quotation. A section ends at the next heading of its own level or above. What counts as its text is what a reader
sees there: no headings, no comments, no HTML.

Source of the format: CommonMark 0.31 with GitHub's tables, read by markdown-it-py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token

MAX_CHARACTERS = 256 * 1024
"""Of a card's text without its front matter: longer is a report, no card. Measured: at worst it takes 4 s."""
SHOWN = 5
"""Placeholders of one section that are told."""
TITLES: dict[str, tuple[str, ...]] = {
    "intended_use": ("intended use", "intended uses", "intended uses and limitations", "intended use and limitations"),
    "threat_model": ("threat model", "threat model and assumptions"),
    "dependencies": ("dependency list", "dependency lists", "dependencies", "runtime dependencies"),
    "environment_variables": ("required environment variables", "environment variables"),
}
"""By section, the headings under which it is found; the first is the one that is written."""
_PROSE = frozenset({"intended_use", "threat_model"})
"""Where `none` says nothing; a model may well need no environment variable."""
_NOTHING = re.compile(r"(none|n\W?a|nothing|unknown|not applicable|not available)\W*", re.IGNORECASE)
_PLACEHOLDERS = re.compile(
    r"\[? ?more information needed ?\]?|\bto be (?:done|determined|defined|written|added|filled in)\b"
    r"|\blorem ipsum\b|\bcoming soon\b|\bfill (?:this |me )?in\b|\{\{[^{}]{0,200}\}\}|\b(?-i:TODO|TBD|FIXME|XXX)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:(?:\d+|[ivx]+) )+")
_WORD = re.compile(r"\w+")
_TRIVIAL = re.compile(r"[^\w&]+|_")


@dataclass(frozen=True)
class Section:
    """One section of a card."""

    name: str
    """A key of `TITLES`."""
    line: int
    """1-based line of its heading, in the whole file."""
    words: int
    """How many words a reader finds there, placeholders left out."""
    placeholders: tuple[str, ...]
    """What still waits to be written, as it stands there."""
    text: str
    """What a reader finds there, without markup."""

    @property
    def documented(self) -> bool:
        """Whether somebody has written it."""
        return self.words > 0 and not self.placeholders


def find_sections(text: str, file: str) -> tuple[Section, ...]:
    """Every section of a card that `TITLES` names, in their order; the same one twice if it is there twice.

    Args:
        text: the whole card, front matter included.
        file: its name, for the error.

    Raises:
        InputError: the text is too long.
    """
    body, offset = _without_front_matter(text)
    if len(body) > MAX_CHARACTERS:
        raise InputError.single(file, f"has more than {MAX_CHARACTERS} characters of text", "Move reports elsewhere.")
    from markdown_it import MarkdownIt  # noqa: PLC0415 -- costs 40 ms, and most commands read no card's text

    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return tuple(_sections(tokens, offset))


def _without_front_matter(text: str) -> tuple[str, int]:
    """The text behind the front matter, and how many lines that took."""
    match = re.match(r"---\n(?:.*?\n)?---(?:\n|\Z)", text, re.DOTALL)
    head = match.group() if match else ""
    return text[len(head) :], head.count("\n")


def _sections(tokens: Sequence[Token], offset: int) -> Iterator[Section]:
    starts = [index for index, token in enumerate(tokens) if token.type == "heading_open" and token.level == 0]
    for start in starts:
        name = _name(tokens[start + 1])
        if name is None:
            continue
        depth = int(tokens[start].tag[1:])
        end = next(
            (other for other in starts if other > start and int(tokens[other].tag[1:]) <= depth),
            len(tokens),
        )
        place = tokens[start].map or [0]
        yield _section(name, offset + place[0] + 1, _read(tokens[start + 3 : end]))


def _section(name: str, line: int, text: str) -> Section:
    plain = " ".join(text.split())
    placeholders = [found.strip() for found in _PLACEHOLDERS.findall(plain)]
    if name in _PROSE and _NOTHING.fullmatch(plain):
        placeholders.append(plain)
    words = _WORD.findall(_PLACEHOLDERS.sub(" ", plain))
    return Section(name, line, len(words), tuple(dict.fromkeys(placeholders))[:SHOWN], plain)


def _name(heading: Token) -> str | None:
    title = _LEADING.sub("", " ".join(_TRIVIAL.sub(" ", _plain([heading])).split()).casefold())
    title = title.replace("&", "and")
    return next((name for name, titles in TITLES.items() if title in titles), None)


def _read(tokens: Sequence[Token]) -> str:
    """What a reader sees of these blocks, headings left out."""
    return _plain(
        token
        for index, token in enumerate(tokens)
        if token.type in {"fence", "code_block"}
        or (token.type == "inline" and (index == 0 or tokens[index - 1].type != "heading_open"))
    )


def _plain(tokens: Iterable[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type == "inline":
            parts += [_inline(child) for child in token.children or ()]
            parts.append("\n")
        else:
            parts.append(f"{token.content}\n")
    return "".join(parts)


def _inline(token: Token) -> str:
    if token.type in {"text", "code_inline", "image", "text_special"}:
        return token.content
    return "\n" if token.type in {"softbreak", "hardbreak"} else ""
