"""`.weighbridgeignore`: what an author leaves out of the artifact, aloud.

The file has the syntax of `.gitignore`. It is itself a packaged file, so its rules are covered by the artifact digest,
and everything that it leaves out is named in the manifest's `ignored`: nobody is left to guess what was not hashed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

IGNORE_FILE = ".weighbridgeignore"
"""Only at the top of the model's folder."""
MAX_BYTES = 64 * 1024
"""Largest ignore file."""
MAX_IGNORED = 10_000
"""Most entries that may be left out; a folder that is left out is one entry."""


def parse_ignore(data: bytes, file: str) -> Callable[[str, bool], bool]:
    """A function of a path (NFC, with `/`) and whether it is a folder: is it left out?

    Raises:
        InputError: too large, not UTF-8, or a line that is no pattern.
    """
    if len(data) > MAX_BYTES:
        raise InputError.single(file, f"is larger than {MAX_BYTES} bytes", "Name folders instead of files.")
    try:
        spec = GitIgnoreSpec.from_lines(data.decode("utf-8").splitlines())
    except ValueError as error:  # also UnicodeDecodeError and pathspec's own, which says which pattern
        raise InputError.single(file, f"cannot be read: {error}", "Write one .gitignore pattern a line.") from error
    return lambda path, folder: spec.match_file(f"{path}/" if folder else path)
