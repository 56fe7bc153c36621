"""What may lie where in a catalogue: strict where evidence, orders and waivers lie, lenient beside them.

A file that nobody reads is no harmless file: an order in `order/` or evidence in `Evidence/` would be ignored, and who
put it there would not know. So everything below models/, images/, orders/ and waivers/ must be known, and a name at the
top that is nearly one of ours is an error.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import FORMS, NAME_PATTERN, is_name
from weighbridge.catalogue.source import Source, display, unsafe_path
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.catalogue.source import Entry

MODELS, IMAGES, ORDERS, WAIVERS, EVIDENCE = "models", "images", "orders", "waivers", "evidence"
TOP = {
    "weighbridge.yaml": "file",
    "weighbridge.yaml.dsse": "file",
    "tenants.yaml": "file",
    "policies": "folder",
    MODELS: "folder",
    IMAGES: "folder",
    ORDERS: "folder",
    WAIVERS: "folder",
}
"""What is read at the top of a catalogue."""
_MOVE = "Remove it, or keep it outside models/, images/, orders/ and waivers/."
_NEAR = 0.8
_OTHER_NAMES = {"policy": "policies", "tenants.yml": "tenants.yaml", "weighbridge.yml": "weighbridge.yaml"}


def check_top(source: Source) -> list[Problem]:
    """Problems at the top: ours of the wrong kind, and what is nearly ours."""
    entries, _ = source.entries("")
    problems = []
    for entry in entries:
        expected = TOP.get(entry.name)
        if expected is None:
            near = _nearly(entry.name, TOP)
            if near:
                message = f"is not read, but looks like `{near}`"
                problems.append(Problem(display(entry.name), message=message, fix=f"Rename it to `{near}`, or away."))
        elif expected != entry.kind:
            problems.append(_wrong_kind(entry.name, entry, expected))
    return problems


def check_entries(source: Source, folder: str, expected: Mapping[str, str], problems: list[Problem]) -> set[str]:
    """Names of the expected entries that a folder has; everything else in it is a problem."""
    present = set()
    for entry in _entries(source, folder, problems):
        path = f"{folder}/{entry.name}"
        if entry.name not in expected:
            near = _nearly(entry.name, expected)
            fix = f"Did you mean `{near}`?" if near else _MOVE
            problems.append(Problem(display(path), message="does not belong here", fix=fix))
        elif entry.kind != expected[entry.name]:
            problems.append(_wrong_kind(path, entry, expected[entry.name]))
        else:
            present.add(entry.name)
    return present


def folder_entries(source: Source, folder: str, problems: list[Problem]) -> list[str]:
    """Names of the folders in a folder; a file in it is a problem."""
    names = []
    for entry in _entries(source, folder, problems):
        if entry.kind == "folder":
            names.append(entry.name)
        else:
            problems.append(Problem(display(f"{folder}/{entry.name}"), message="does not belong here", fix=_MOVE))
    return names


def file_entries(source: Source, folder: str, limit: int, problems: list[Problem]) -> list[str]:
    """Names of the `*.json` files in a folder; anything else in it, or more than `limit`, is a problem."""
    names = []
    for entry in _entries(source, folder, problems):
        path = f"{folder}/{entry.name}"
        if entry.kind != "file" or not entry.name.endswith(".json"):
            problems.append(Problem(display(path), message="is no `.json` file", fix=_MOVE))
        elif unsafe_path(path):
            problems.append(Problem(display(path), message=f"its path {unsafe_path(path)}", fix="Rename it."))
        else:
            names.append(entry.name)
    if len(names) > limit:
        problems.append(Problem(folder, message=f"holds more than {limit} files", fix="Remove what is outdated."))
        return []
    return names


def name_problem(path: str, name: str, what: str) -> Problem | None:
    """The problem with a folder's name that should be a name as contracted."""
    if is_name(name):
        return None
    return Problem(
        display(path), message=f"{name[:80]!a} is no {what}", fix=f"{FORMS[NAME_PATTERN]} No `..`, `.-`, `-.`."
    )


def _entries(source: Source, folder: str, problems: list[Problem]) -> list[Entry]:
    try:
        entries, wrong = source.entries(folder)
    except InputError as error:
        problems += error.problems
        return []
    problems += wrong
    return entries


def _wrong_kind(path: str, entry: Entry, expected: str) -> Problem:
    return Problem(display(path), message=f"is a {entry.kind}, expected a {expected}", fix=f"Put a {expected} there.")


def _nearly(name: str, known: Mapping[str, str]) -> str:
    """The known name that somebody may have meant, if only case, a letter or an ending differ."""
    folded = name.casefold()
    other = _OTHER_NAMES.get(folded, "")
    if other in known:
        return other
    close = difflib.get_close_matches(folded, [key.casefold() for key in known], n=1, cutoff=_NEAR)
    return next((key for key in known if close and key.casefold() == close[0]), "")
