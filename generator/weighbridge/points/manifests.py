"""Kubernetes manifests as people and tools write them: files, folders, standard input; several documents, YAML or JSON.

Values are read as Kubernetes reads them (`kube_yaml`); what two readers could understand differently is refused. A file
or a stream that was named is judged whole. A folder may also hold what no cluster takes (Helm's values, Kustomize's own
file): such documents are told as not judged, never left out silently. Only what no kubectl could apply is left out, so
nobody hides a workload so.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from yaml import YAMLError

from weighbridge.canonical import parse_json
from weighbridge.catalogue.yaml_document import decode
from weighbridge.errors import InputError, Problem
from weighbridge.points.kube_yaml import Document, KubeReader
from weighbridge.points.places import Composed
from weighbridge.points.report import NotJudged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FILE_BYTES = 64 * 1024 * 1024
"""What `helm template` writes for a large cluster stays well below."""
SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"
_BOM = b"\xef\xbb\xbf"
_SOURCE = re.compile(r"# Source: (\S.*?)\s*$")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FIX = "Check indentation, quotes and colons here."
_TEMPLATE = "It looks like a Helm template: judge what it makes, `helm template CHART | weighbridge check -`."
_KUSTOMIZE = "kustomize.config.k8s.io/"


@dataclass(frozen=True)
class Manifest:
    """One document: an object, or a `List` of them."""

    file: str
    """As the user named it; `-` for standard input."""
    document: int
    """From 1, in the order of the file; empty ones count."""
    value: Any
    """Plain JSON values; anything but a mapping is for the rules to refuse."""
    composed: Composed = field(repr=False, compare=False)
    """The file's text, for whoever asks for places."""
    source: str = ""
    """The template that Helm says it comes from (`# Source: …`)."""

    def place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of a field or of the nearest that encloses it."""
        return self.composed.place(self.document, path)


class Manifests:
    """What the user named, read while it is walked over.

    Args:
        paths: files and folders; folders are searched.
        stdin: standard input, where it is to be judged, too.
        exclude: patterns of paths below folders that are left alone, as in a shell.

    Attributes:
        not_judged: what was passed over, known when the iteration has ended.
    """

    def __init__(self, paths: Sequence[Path], stdin: bytes | None = None, exclude: Sequence[str] = ()) -> None:
        self.not_judged: list[NotJudged] = []
        self._paths = paths
        self._stdin = stdin
        self._exclude = exclude

    def __iter__(self) -> Iterator[Manifest]:
        """All documents, in order.

        Raises:
            InputError: at the end, with every problem of every file; also where nothing was found.
        """
        problems: list[Problem] = []
        found = False
        for name, data, below in self._sources(problems):
            try:
                for manifest in parse_manifests(data, name):
                    reason = _no_object(manifest.value) if below else ""
                    if reason:
                        self.not_judged.append(NotJudged(name, manifest.document, reason))
                    else:
                        yield manifest
                    found = True
            except InputError as error:
                problems.extend(error.problems)
        if problems:
            raise InputError(problems)
        if not found:
            named = ", ".join(map(str, self._paths)) or STDIN
            raise InputError.single(named, "holds no manifest", "Name YAML or JSON files, or folders that hold some.")

    def _sources(self, problems: list[Problem]) -> Iterator[tuple[str, bytes, bool]]:
        if self._stdin is not None:
            yield STDIN, self._stdin, False
        seen: set[Path] = set()
        for path in self._paths:
            folder = path.is_dir()
            for file in _below(path, self._exclude) if folder else [path]:
                if file in seen:
                    continue
                seen.add(file)
                try:
                    yield str(file), _read(file), folder
                except InputError as error:
                    problems.extend(error.problems)


def read_manifests(paths: Sequence[Path], stdin: bytes | None = None) -> list[Manifest]:
    """All documents in these files and folders (recursively), and in standard input where it is given.

    Raises:
        InputError: with every problem of every file; also where nothing was found.
    """
    return list(Manifests(paths, stdin))


def read_text(path: Path, stdin: BinaryIO) -> str:
    """One file, or standard input for `-`, as text.

    Raises:
        InputError: it cannot be read, is too large or no UTF-8.
    """
    data = stdin.read(MAX_FILE_BYTES + 1) if str(path) == STDIN else _read(path)
    return decode(data.removeprefix(_BOM), str(path))


def parse_manifests(data: bytes, file: str) -> list[Manifest]:
    """All documents of one file but empty ones.

    Raises:
        InputError: with every problem of the file.
    """
    text = decode(data.removeprefix(_BOM), file)
    composed = Composed(text)
    value = _json(text, file)
    if value is not None:
        return [Manifest(file, 1, value, composed)]
    reader = KubeReader(text, file)
    try:
        documents = list(reader.documents())
    except YAMLError as error:
        raise InputError([*reader.problems, _syntax(error, text, file)]) from error
    if reader.problems:
        # `{{ .Values.x }}` is YAML, too: a mapping as the key of a mapping.
        raise InputError(replace(each, fix=_TEMPLATE) if "{{" in text else each for each in reader.problems)
    lines = text.splitlines() if "# Source: " in text else []
    return [
        Manifest(file, found.number, found.value, composed, _source(lines, found) if lines else "")
        for found in documents
    ]


def _json(text: str, file: str) -> Any:
    """A JSON object; None for everything else, which is read as YAML."""
    if not text.lstrip().startswith("{") or _SURROGATE.search(text):
        return None
    try:
        return parse_json(text.encode(), file)
    except InputError:
        return None  # it may be YAML in braces, several documents, or wrong: the other reader says where


def _source(lines: Sequence[str], found: Document) -> str:
    # Helm writes it behind `---` and before the first key; anywhere else it is a comment like any other.
    for line in lines[found.line - 1 : found.content_line]:
        if match := _SOURCE.match(line):
            return match.group(1)
    return ""


def _syntax(error: YAMLError, text: str, file: str) -> Problem:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    what = getattr(error, "problem", None) or str(error)
    return Problem(file, line, column, "", f"is not valid YAML: {what}", _TEMPLATE if "{{" in text else _FIX)


def _no_object(value: Any) -> str:
    """Why no cluster takes this document; empty if one might."""
    if not isinstance(value, dict):
        return "is a list or a scalar, no Kubernetes object"
    # Go's own JSON reader takes `Kind` for `kind`.
    if not any(key.lower() == "kind" for key in value):
        return "has no `kind`, so it is no Kubernetes object"
    if str(value.get("apiVersion")).startswith(_KUSTOMIZE):
        return "is Kustomize's own; judge what it builds: `kustomize build FOLDER | weighbridge check -`"
    return ""


def _below(folder: Path, exclude: Sequence[str]) -> Iterator[Path]:
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _excluded(Path(base, name), folder, exclude))
        for name in sorted(files):
            path = Path(base, name)
            if path.suffix in SUFFIXES and not _excluded(path, folder, exclude) and path.is_file():
                yield path


def _excluded(path: Path, folder: Path, exclude: Sequence[str]) -> bool:
    below = path.relative_to(folder).as_posix() if exclude else ""
    return any(fnmatch(below, pattern.rstrip("/")) or fnmatch(str(path), pattern.rstrip("/")) for pattern in exclude)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError.single(str(file), message, "Name a file or folder that exists.") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError.single(str(file), f"is larger than {MAX_FILE_BYTES} bytes", "Split the file.")
    return data
