"""Names and other texts from an image as people may see them."""

from __future__ import annotations

from weighbridge.image.secrets import redacted

MAX_SHOWN = 500
"""Characters of a path that are shown."""


def printable(name: str | bytes) -> str:
    """The name, secrets in it replaced by their kind; at most `MAX_SHOWN` characters.

    Whatever is no text, or could be a command to a terminal, is escaped.
    """
    data = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    text = redacted(data).decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
