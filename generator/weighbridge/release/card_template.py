"""Starting a model card: what is missing is added to what is there, and nothing that is there is changed."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from weighbridge.catalogue.front_matter import BLOCK, parse_front_matter, read_card
from weighbridge.catalogue.yaml_document import decode, line_ends
from weighbridge.errors import InputError, OutputError
from weighbridge.release.card import CARD, read_bytes
from weighbridge.release.sections import TITLES, find_sections

if TYPE_CHECKING:
    from pathlib import Path

WAITING = "[More Information Needed]"
"""The hub's own words for what nobody has written; `card check` refuses them."""
_KEYS = {
    "license": "license:  # an SPDX license, such as apache-2.0",
    "base_model": "base_model:  # what it was trained from; [] if from nothing",
    "datasets": "datasets:  # what it was trained on",
    "metrics": "metrics:  # what it was measured by",
    BLOCK: "weighbridge:  # lineage: {parent_run_id: ...}, sources: [...], images: [{digest: ...}]",
}
_HINTS = {
    "intended_use": "What it is for, for whom, and what it is not for.",
    "threat_model": "Who could attack it, how, what stands against it, and what does not. Extraction, poisoned data,\n"
    "prompts of strangers, leaks between tenants.",
    "dependencies": "What it needs to run, with versions: libraries, CUDA, drivers, files of others.",
    "environment_variables": "Each variable that it must be given, and what for; or that there are none.",
}


def init_card(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Start, or complete, the README.md of a model folder.

    Returns:
        The file, and what was added: keys of the front matter and sections.

    Raises:
        InputError: there is no such folder, or a card that cannot be read.
        OutputError: it could not be written; a card that was there is as it was.
    """
    file = folder / CARD
    if not folder.is_dir():
        raise InputError.single(str(folder), "is no folder", "Name the model's folder.")
    if file.exists() and not file.is_file():
        raise InputError.single(str(file), "is no file", "Remove it.")
    before = read_bytes(file).decode() if _readable(file) else f"---\n---\n\n# {folder.resolve().name}\n"
    after, added = completed(before, str(file))
    if added:
        _replace(file, after.encode())
    return file, added


def _readable(file: Path) -> bool:
    if not file.exists():
        return False
    data = read_bytes(file)
    line_ends(decode(data, str(file)), str(file))
    read_card(data, str(file))
    return True


def completed(text: str, file: str) -> tuple[str, tuple[str, ...]]:
    """A card with everything that a release needs at least begun, and what was added to it.

    Raises:
        InputError: its front matter cannot be read, or it ends inside a code block or a comment.
    """
    front_matter = parse_front_matter(text, file).value or {}
    keys = [key for key in _KEYS if key not in front_matter]
    found = {section.name for section in find_sections(text, file)}
    sections = [name for name in TITLES if name not in found]
    after = _with_sections(_with_keys(text, keys), sections)
    if {section.name for section in find_sections(after, file)} != set(TITLES):
        fix = "Close the code block or the comment that its end is in."
        raise InputError.single(file, "ends where no heading can be added", fix, line=text.count("\n") + 1)
    return after, (*keys, *sections)


def _with_keys(text: str, keys: list[str]) -> str:
    if not keys:
        return text
    lines = "".join(f"{_KEYS[key]}\n" for key in keys)
    if not text.startswith("---\n"):
        return f"---\n{lines}---\n\n{text}"
    closing = 4 if text.startswith("---\n---") else text.index("\n---", 4) + 1
    while not _ends_matter(text, closing):
        closing = text.index("\n---", closing) + 1
    return text[:closing] + lines + text[closing:]


def _ends_matter(text: str, place: int) -> bool:
    return text[place : place + 4] in {"---\n", "---"}


def _with_sections(text: str, names: list[str]) -> str:
    for name in names:
        text = text.rstrip("\n") + f"\n\n## {TITLES[name][0].capitalize()}\n\n<!-- {_HINTS[name]} -->\n\n{WAITING}\n"
    return text


def _replace(file: Path, data: bytes) -> None:
    """Whole or not at all; a link is followed, so that it stays one."""
    target = file.resolve()
    temporary = ""
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".card-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            os.fchmod(stream.fileno(), mode)
        os.replace(temporary, target)  # noqa: PTH105 -- the names are texts here
    except OSError as error:
        if temporary and os.path.exists(temporary):  # noqa: PTH110 -- as above
            os.unlink(temporary)  # noqa: PTH108 -- as above
        raise OutputError(f"{file}: cannot be written: {error.strerror}. Name a writable folder.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
