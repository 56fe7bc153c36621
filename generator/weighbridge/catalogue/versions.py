"""`models/<id>/<version>`: README.md, manifest.json, artifact.json and evidence/, read into one `ModelVersion`.

`load_version` needs nothing but the root and two names, and what it returns can be pickled, so it maps over processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical_plain, digest, parse_json
from weighbridge.catalogue.card import CardBlock
from weighbridge.catalogue.catalogue import EvidenceFile, ModelVersion
from weighbridge.catalogue.front_matter import read_card
from weighbridge.catalogue.source import LIMITS, Source, display
from weighbridge.catalogue.tree import EVIDENCE, MODELS, check_entries, file_entries, folder_entries, name_problem
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import compose_places
from weighbridge.errors import InputError, Problem
from weighbridge.packaging.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path

CARD, MANIFEST, ARTIFACT = "README.md", "manifest.json", "artifact.json"
_PACKAGE = "Write it with `weighbridge package`."


def list_versions(root: Path) -> list[tuple[str, str]]:
    """`(model, version)` of every folder `models/<id>/<version>`, sorted.

    Raises:
        InputError: with every name that is none, and everything else that does not belong there.
    """
    versions, problems = find_versions(Source(root))
    if problems:
        raise InputError(problems)
    return versions


def load_version(root: Path, model: str, version: str) -> ModelVersion:
    """One model version.

    Raises:
        InputError: with every problem of its folder.
    """
    return read_version(Source(root), model, version)


def load_package(folder: Path) -> ModelVersion:
    """One folder that `package` wrote, wherever it lies, read as strictly as in a catalogue.

    Raises:
        InputError: with every problem of the folder.
    """
    try:
        real = folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a link that leads in circles"
        fix = "Name the folder that `weighbridge package` wrote."
        raise InputError.single(display(str(folder)), f"cannot be read: {reason}", fix) from error
    return _read_folder(Source(real.parent), real.name, None, None)


def find_versions(source: Source) -> tuple[list[tuple[str, str]], list[Problem]]:
    """As `list_versions`, with the problems beside the versions that can be read."""
    problems: list[Problem] = []
    versions: list[tuple[str, str]] = []
    if not source.exists(MODELS):
        return versions, problems
    for model in folder_entries(source, MODELS, problems):
        folder = f"{MODELS}/{model}"
        problem = name_problem(folder, model, "model id")
        if problem:
            problems.append(problem)
            continue
        for version in folder_entries(source, folder, problems):
            problem = name_problem(f"{folder}/{version}", version, "version")
            if problem:
                problems.append(problem)
            else:
                versions.append((model, version))
    return versions, problems + _ambiguous(versions)


def _ambiguous(versions: list[tuple[str, str]]) -> list[Problem]:
    """`a.b` in version `c` and `a` in version `b.c` would be one resource name in a cluster."""
    seen: dict[str, str] = {}
    problems = []
    for model, version in versions:
        folder = f"{MODELS}/{model}/{version}"
        other = seen.setdefault(f"{model}.{version}", folder)
        if other != folder:
            message = f"and `{other}` are both named {model}.{version} in a cluster"
            problems.append(Problem(folder, message=message, fix="Rename one of them."))
    return problems


def read_version(source: Source, model: str, version: str) -> ModelVersion:
    """As `load_version`, from a source that is open."""
    return _read_folder(source, f"{MODELS}/{model}/{version}", model, version)


def _read_folder(source: Source, folder: str, model: str | None, version: str | None) -> ModelVersion:
    """A version; without names from outside the manifest's own count."""
    reader = _Reader(source, folder)
    present = reader.check_folder()
    card, front_matter, card_sha256 = reader.card(present)
    manifest, manifest_sha256 = reader.manifest(present, model, version)
    reader.artifact(present, manifest)
    evidence = reader.evidence(present)
    if reader.problems or manifest is None:
        raise InputError(reader.problems)
    return ModelVersion(
        model=manifest.model,
        version=manifest.version,
        name=f"{manifest.model}@{manifest.version}",
        card=card,
        front_matter=front_matter,
        card_sha256=card_sha256,
        manifest=manifest,
        manifest_sha256=manifest_sha256,
        artifact_digest=manifest.artifact_digest,
        evidence=evidence,
    )


class _Reader:
    """Reads one folder, collecting problems."""

    def __init__(self, source: Source, folder: str) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._folder = folder

    def check_folder(self) -> set[str]:
        """Names of what is there and should be."""
        expected = {CARD: "file", MANIFEST: "file", ARTIFACT: "file", EVIDENCE: "folder"}
        present = check_entries(self._source, self._folder, expected, self.problems)
        fixes = {CARD: "Write a model card; its front matter may be empty.", MANIFEST: _PACKAGE, ARTIFACT: _PACKAGE}
        for name, fix in fixes.items():
            if name not in present and not self._source.exists(f"{self._folder}/{name}"):
                self.problems.append(Problem(f"{self._folder}/{name}", message="is missing", fix=fix))
        return present

    def _read(self, name: str, limit: int) -> bytes | None:
        try:
            return self._source.read(f"{self._folder}/{name}", limit)
        except InputError as error:
            self.problems += error.problems
            return None

    def card(self, present: set[str]) -> tuple[CardBlock, dict[str, Any], str]:
        data = self._read(CARD, LIMITS.card) if CARD in present else None
        if data is None:
            return CardBlock(), {}, ""
        try:
            block, front_matter = read_card(data, f"{self._folder}/{CARD}")
        except InputError as error:
            self.problems += error.problems
            return CardBlock(), {}, ""
        return block, front_matter, digest(data)

    def manifest(self, present: set[str], model: str | None, version: str | None) -> tuple[Manifest | None, str]:
        data = self._read(MANIFEST, LIMITS.manifest) if MANIFEST in present else None
        if data is None:
            return None, ""
        file = f"{self._folder}/{MANIFEST}"
        try:
            value = parse_json(data, file)
            manifest = validate(Manifest, value, file, lambda: compose_places(data.decode()))
        except InputError as error:
            self.problems += error.problems
            return None, ""
        for field, given, expected in (("model", manifest.model, model), ("version", manifest.version, version)):
            if expected is not None and given != expected:
                line, column = compose_places(data.decode()).value((field,))
                message = f"is {given!r}, but the folder says {expected!r}"
                self.problems.append(Problem(file, line, column, field, message, "Make folder and manifest agree."))
        return manifest, digest(canonical_plain(value))  # texts and integers only, or it had not been valid

    def artifact(self, present: set[str], manifest: Manifest | None) -> None:
        data = self._read(ARTIFACT, LIMITS.manifest) if ARTIFACT in present else None
        if data is None or manifest is None:
            return
        actual = digest(data)
        if actual != manifest.artifact_digest:
            message = f"has the digest {actual}, but the manifest's files have {manifest.artifact_digest}"
            self.problems.append(Problem(f"{self._folder}/{ARTIFACT}", message=message, fix=_PACKAGE))

    def evidence(self, present: set[str]) -> tuple[EvidenceFile, ...]:
        return read_evidence(self._source, f"{self._folder}/{EVIDENCE}", self.problems) if EVIDENCE in present else ()


def read_evidence(source: Source, folder: str, problems: list[Problem]) -> tuple[EvidenceFile, ...]:
    """Every `*.json` of an evidence folder; anything else in it is a problem."""
    files = []
    for name in file_entries(source, folder, LIMITS.folder, problems):
        path = f"{folder}/{name}"
        try:
            files.append(EvidenceFile(path, source.read(path, LIMITS.evidence)))
        except InputError as error:
            problems += error.problems
    return tuple(files)
