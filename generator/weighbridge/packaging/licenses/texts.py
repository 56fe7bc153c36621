"""Licenses recognised by their whole text: a text with one condition more is not that license.

`texts.json` maps fingerprints to SPDX identifiers. A fingerprint is the SHA-256 of the text as `normalized` gives it,
so what the SPDX matching guidelines (license list, annex B) let differ does not count: layout, case, punctuation, the
copyright notice, the title, and the holder's name in the BSD licenses and in Apache's appendix. A license whose terms
say where they end has two fingerprints: with the instructions that may follow, and without.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.canonical import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 256 * 1024
"""Largest license file that is read, in bytes; the longest license that SPDX lists has some 60 KiB."""
_NOTICE = re.compile(r"(portions )?copyright\b|\(c\)|©|all rights reserved|<.*>$|\[.*\]$|year\b.*holder", re.IGNORECASE)
_TITLE = re.compile(r"(the )?[^.:;]{0,80}\b(licen[cs]e|unlicense)\b[^.:;]{0,40}$", re.IGNORECASE)
_NAMED = (
    # Where the BSD licenses name their holders; at most ten words, so that no condition fits in.
    (re.compile(r"\bneither the names? of (\w+ ){1,10}nor the names of (its|their|the|any) contributors\b"), "neither"),
    (re.compile(r"\bthis software is provided by (\w+ ){1,10}as is and\b"), "this software is provided as is and"),
    (re.compile(r"\bin no event shall (\w+ ){1,10}be liable\b"), "in no event shall they be liable"),
    (re.compile(r"\bgnu general public license terms and conditions\b"), "terms and conditions"),
    (re.compile(r"\bcopyright (\w+ ){1,10}licensed under the apache\b"), "licensed under the apache"),
    (re.compile(r"\bhttps\b"), "http"),
    (re.compile(r"\blicence\b"), "license"),
)


def normalized(text: str) -> str:
    """Lower-case words with one space between them, without what may differ."""
    lines = [line.strip(" \t#*/=-_;") for line in text.replace("\ufeff", "").splitlines()]
    while lines and (not lines[0] or _NOTICE.match(lines[0]) or _TITLE.fullmatch(lines[0])):
        lines.pop(0)
    # Single letters and digits number the clauses, each list in its own way.
    words = " ".join(word for word in re.findall(r"[a-z0-9]+", " ".join(lines).lower()) if len(word) > 1)
    for pattern, name in _NAMED:
        words = pattern.sub(name, words)
    return words


def fingerprint(text: str) -> str:
    """What `texts.json` has for a license with this text: 32 hexadecimal digits."""
    return sha256_hex(normalized(text).encode())[:32]


def recognise(text: str) -> str | None:
    """The SPDX identifier of the license with exactly this text; None if there is none."""
    return _known().get(fingerprint(text))


@cache
def _known() -> Mapping[str, str]:
    found: dict[str, str] = json.loads(Path(__file__).with_name("texts.json").read_text("utf-8"))
    return found
