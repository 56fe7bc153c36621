"""Mending a manifest: judge it, change what can be changed mechanically, and judge again until nothing more changes.

The text is rewritten with its comments, order and quotes; what nobody had to change stays as it was. The verdict about
the result is the rules' own, so "hardened" is nothing that this module claims.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.util import load_yaml_guess_indent

from weighbridge.errors import InputError
from weighbridge.harden.fixes import Context, Edit, edits
from weighbridge.points.manifests import parse_manifests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from weighbridge.harden.fixes import Path
    from weighbridge.points.check import Checker
    from weighbridge.points.manifests import Manifest
    from weighbridge.points.report import Report

ROUNDS = 8
"""Most often that a manifest is mended; each round judges it anew."""
_READ_ONLY = "readOnlyRootFilesystem"
_SCRATCH = "tmp"


@dataclass(frozen=True)
class Hardened:
    """A manifest before and after."""

    before: str
    after: str
    report: Report
    """What the rules say to the result."""


def harden(text: str, file: str, checker: Checker) -> Hardened:
    """Mend every document of a file.

    Args:
        text: YAML or JSON.
        file: what errors call it.
        checker: the environment that judges, in its `with` block.

    Raises:
        InputError: the file cannot be read, or not be rewritten as it is meant.
        EngineError: OPA failed.
    """
    before = text
    for _ in range(ROUNDS):
        changes = _all_changes(parse_manifests(text.encode(), file), checker)
        if not any(changes.values()):
            break
        text = _rewritten(text, file, changes)
    return Hardened(before, text, checker.check(parse_manifests(text.encode(), file)))


def _all_changes(manifests: Sequence[Manifest], checker: Checker) -> dict[int, list[Edit]]:
    """What to change, by document. The items of a list are judged one by one, as each has its own version."""
    parts = [(manifest, prefix, value) for manifest in manifests for prefix, value in _objects((), manifest.value)]
    decisions = checker.decide([replace(manifest, value=value) for manifest, _, value in parts])
    changes: dict[int, list[Edit]] = {manifest.document: [] for manifest in manifests}
    for (manifest, prefix, value), decision in zip(parts, decisions, strict=True):
        found = _changes(value, decision, checker)
        changes[manifest.document] += [Edit((*prefix, *edit.path), edit.value) for edit in found]
    return changes


def _objects(prefix: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    items = value.get("items") if isinstance(value, dict) else None
    if isinstance(items, list) and str(value.get("kind")).endswith("List"):
        for number, item in enumerate(items):
            yield from _objects((*prefix, "items", number), item)
    else:
        yield prefix, value


def _changes(value: Any, decision: Mapping[str, Any], checker: Checker) -> list[Edit]:
    found: dict[Path, Edit] = {}
    subject = decision["subject"]
    name = f"{subject['model']}@{subject['version']}"
    record = checker.compiled.records([name]).get(name)
    keys = checker.compiled.registry["labels"]
    labels = {keys["model_id"]: subject["model"], keys["model_version"]: subject["version"]}
    for violation in decision["violations"]:
        path: Path = tuple(violation["field"])
        here = at(value, path)
        for edit in edits(violation["code"], path, Context(here, record, labels)):
            if at(value, edit.path) != edit.value:
                found.setdefault(edit.path, edit)
            if edit.path[-1] == _READ_ONLY:
                found |= {each.path: each for each in _scratch(value, edit.path) if each.path not in found}
    # Elements are taken away from the end, so that the places of those before them stay what they are.
    return sorted(found.values(), key=lambda edit: [str(part).zfill(6) for part in edit.path], reverse=True)


def _scratch(value: Any, path: Path) -> Iterable[Edit]:
    """A writable /tmp beside a read-only root: few programs live without."""
    container, spec = path[:-2], path[:-4]
    mounts = at(value, (*container, "volumeMounts")) or []
    volumes = at(value, (*spec, "volumes")) or []
    if any(isinstance(each, dict) and each.get("mountPath") == "/tmp" for each in mounts):  # noqa: S108 -- the pod's
        return
    if not any(isinstance(each, dict) and each.get("name") == _SCRATCH for each in volumes):
        yield Edit((*spec, "volumes", len(volumes)), {"name": _SCRATCH, "emptyDir": {"sizeLimit": "1Gi"}})
    mount = {"name": _SCRATCH, "mountPath": "/tmp"}  # noqa: S108 -- the pod's
    yield Edit((*container, "volumeMounts", len(mounts)), mount)


def at(value: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path; None if nothing."""
    for part in path:
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def apply(value: Any, edit: Edit) -> None:
    """Make one change in place; what is missing on the way is made.

    Raises:
        ValueError: something on the way is of another type than the path wants.
    """
    *way, last = edit.path
    for part, following in zip(way, edit.path[1:], strict=True):
        if isinstance(part, int):
            value = value[part]
            continue
        if not isinstance(value, dict):
            raise ValueError(f"{part} lies in no mapping")  # noqa: TRY004 -- of a manifest, not of a call
        if value.get(part) is None:
            value[part] = [] if isinstance(following, int) else {}
        value = value[part]
    if isinstance(value, list) and isinstance(last, int):
        if edit.value is None:
            del value[last]
        elif last < len(value):
            value[last] = edit.value
        else:
            value.append(edit.value)
    elif isinstance(value, dict):
        if edit.value is None:
            value.pop(last, None)
        else:
            value[last] = edit.value
    else:
        raise ValueError(f"{last} lies in nothing that can be changed")  # noqa: TRY004 -- the same


def _rewritten(text: str, file: str, changes: Mapping[int, Sequence[Edit]]) -> str:
    stripped = text.lstrip("\ufeff \t\r\n")
    try:
        if stripped.startswith("{"):
            value = json.loads(text)
            for edit in changes.get(1, ()):
                apply(value, edit)
            return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n"
        return _yaml(text, changes)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        message = f"cannot be rewritten: {error}"
        raise InputError.single(file, message, "Mend by hand what `weighbridge check` tells.") from error


def _yaml(text: str, changes: Mapping[int, Sequence[Edit]]) -> str:
    _, indent, offset = load_yaml_guess_indent(text.split("\n---", maxsplit=1)[0])
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    yaml.explicit_start = text.lstrip().startswith("---")
    documents = list(yaml.load_all(text))
    for number, edits_ in changes.items():
        for edit in edits_:
            apply(documents[number - 1], edit)
    written = io.StringIO()
    yaml.dump_all(documents, written)
    return written.getvalue()
