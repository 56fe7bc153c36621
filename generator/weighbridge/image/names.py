"""Names from an image as people may see them."""

from __future__ import annotations

MAX_SHOWN = 500
"""Characters of a path that are shown."""


def printable(name: str | bytes) -> str:
    """The name, whatever is no text or could be a command to a terminal escaped; at most `MAX_SHOWN` characters."""
    data = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    text = data.decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
