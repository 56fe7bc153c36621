"""Sections of a model card that a bill of materials has a place for.

Source of the headings: the Hugging Face hub's model card template (`modelcard_template.md`) and the sections of Model
Cards for Model Reporting (Mitchell et al., 2019).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FRONT_MATTER = re.compile(r"\A---\n.*?^---(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_MARKS = re.compile(r"[*_`]|:$")


@dataclass
class _Open:
    level: int
    name: str
    lines: list[str] = field(default_factory=list)


def card_sections(card: str, names: Mapping[str, str]) -> dict[str, list[str]]:
    """Texts of the wanted sections, in the order of the card.

    A section goes to the next heading of its own level or above. Its subsections belong to it, unless they are wanted
    by themselves. Sections without a text are left out; headings inside fenced code are code.

    Args:
        card: the text of README.md.
        names: heading in lower case, without marks, to the name under which its text is returned.
    """
    found: dict[str, list[str]] = {}
    for section in _sections(_COMMENT.sub("", _FRONT_MATTER.sub("", card)), names):
        text = "\n".join(section.lines).strip()
        if text:
            found.setdefault(section.name, []).append(text)
    return found


def _sections(card: str, names: Mapping[str, str]) -> list[_Open]:
    found: list[_Open] = []
    stack: list[_Open] = []
    fence = ""
    for line in card.split("\n"):
        heading = None if fence else _HEADING.match(line)
        if heading:
            level = len(heading.group(1))
            while stack and stack[-1].level >= level:
                stack.pop()
            name = names.get(_MARKS.sub("", heading.group(2)).strip().casefold())
            if name is not None:
                stack.append(_Open(level, name))
                found.append(stack[-1])
                continue
        if stack:
            stack[-1].lines.append(line)
        fence = _next_fence(fence, line)
    return found


def _next_fence(fence: str, line: str) -> str:
    match = _FENCE.match(line)
    if not match:
        return fence
    mark = match.group(1)
    if not fence:
        return mark
    return "" if mark[0] == fence[0] and len(mark) >= len(fence) else fence
