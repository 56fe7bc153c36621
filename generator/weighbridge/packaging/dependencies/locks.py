"""Lock and project files: uv, Poetry, PDM, pylock.toml (PEP 751), Pipfile.lock, pyproject.toml (PEP 621), conda."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.catalogue.yaml_document import parse_yaml
from weighbridge.errors import InputError
from weighbridge.packaging.dependencies.package import Read
from weighbridge.packaging.dependencies.requirements import requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_HASH = re.compile(r"sha256:([0-9A-Fa-f]{64})")
_CONDA = re.compile(r"(?:[A-Za-z0-9_./-]+::)?([A-Za-z0-9_][A-Za-z0-9._-]*)\s*(.*)$")
_CONDA_VERSION = re.compile(r"={1,2}\s*([0-9][A-Za-z0-9.+!_]*)(?:\s*=\s*\S+)?$")
_CONDA_PLAIN = re.compile(r"([0-9][A-Za-z0-9.+!_]*)(?:\s+\S+)?$")


class UnreadableError(ValueError):
    """A file that is not what its name says."""


def read_toml_lock(text: str) -> Read:
    """uv.lock, poetry.lock, pdm.lock: `[[package]]`; pylock.toml: `[[packages]]`.

    Raises:
        UnreadableError: no TOML, or no packages in it.
    """
    document, read = _toml(text), Read()
    packages = document.get("package", document.get("packages", []))
    files = document.get("metadata", {}).get("files", {}) if isinstance(document.get("metadata"), dict) else {}
    for package in _objects(packages, "packages"):
        if _is_project(package):
            continue
        name, version = package.get("name"), package.get("version", "")
        if not isinstance(name, str) or not isinstance(version, str):
            raise UnreadableError("has a package without a name")
        hashes = _HASH.findall(str([package.get(key) for key in ("files", "sdist", "wheels", "archive")]))
        hashes += _hex_hashes(package)
        if isinstance(files, dict):
            hashes += _HASH.findall(str(files.get(name, "")))
        read.add("pypi", name, version, hashes)
    return read


def _is_project(package: Mapping[str, Any]) -> bool:
    """Uv lists the project itself, which is installed from its own folder."""
    source = package.get("source")
    return isinstance(source, dict) and bool({"virtual", "editable"} & source.keys())


def _hex_hashes(package: Mapping[str, Any]) -> list[str]:
    """PEP 751: `hashes = {sha256 = "..."}`."""
    return re.findall(
        r"'sha256': '([0-9A-Fa-f]{64})'", str([package.get(key) for key in ("sdist", "wheels", "archive")])
    )


def read_pipfile_lock(text: str) -> Read:
    """Pipfile.lock: `default`; what is for development only is not needed to run.

    Raises:
        UnreadableError: no JSON, or not of that form.
    """
    try:
        document = parse_json(text.encode(), "Pipfile.lock")
    except InputError as error:
        raise UnreadableError(error.problems[0].message) from error
    read = Read()
    default = document.get("default", {}) if isinstance(document, dict) else None
    if not isinstance(default, dict):
        raise UnreadableError("has no `default`")
    for name, package in default.items():
        version = package.get("version", "") if isinstance(package, dict) else ""
        pinned = str(version).removeprefix("==") if str(version).startswith("==") else ""
        hashes = package.get("hashes", []) if isinstance(package, dict) else []
        read.add("pypi", name, pinned, _HASH.findall(str(hashes)))
    return read


def read_pyproject(text: str) -> Read:
    """pyproject.toml: `[project] dependencies`, or Poetry's own table. Optional extras are not needed to run.

    Raises:
        UnreadableError: no TOML, or not of that form.
    """
    document, read = _toml(text), Read()
    project = document.get("project", {})
    dependencies = project.get("dependencies", []) if isinstance(project, dict) else None
    if not isinstance(dependencies, list):
        raise UnreadableError("has `dependencies` that are no list")
    for entry in dependencies:
        requirement(read, str(entry))
    poetry = document.get("tool", {}).get("poetry", {}) if isinstance(document.get("tool"), dict) else {}
    table = poetry.get("dependencies", {}) if isinstance(poetry, dict) else {}
    for name, wanted in table.items() if isinstance(table, dict) else ():
        if name.lower() == "python":
            continue
        version = wanted.get("version", "") if isinstance(wanted, dict) else wanted
        exact = re.fullmatch(r"={0,2}\s*([0-9][A-Za-z0-9.+!]*)", str(version))
        read.add("pypi", name, exact.group(1) if exact else "")
    return read


def read_conda(text: str) -> Read:
    """environment.yml: conda's own packages, and pip's below `pip:`.

    Raises:
        UnreadableError: no YAML, or no list of dependencies.
    """
    try:
        document = parse_yaml(text, "environment.yml").value
    except InputError as error:
        raise UnreadableError(error.problems[0].message) from error
    read = Read()
    dependencies = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(dependencies, list):
        raise UnreadableError("has no list `dependencies`")
    for entry in dependencies:
        if isinstance(entry, dict):
            lines = entry.get("pip")
            if not isinstance(lines, list):
                raise UnreadableError("has a mapping among its dependencies that is no list `pip`")
            for line in lines:
                requirement(read, str(line))
        else:
            _conda(read, str(entry))
    return read


def _conda(read: Read, text: str) -> None:
    match = _CONDA.match(text.strip())
    if match is None:
        read.findings.append(f"has a line that is no package: {text[:100]!r}")
        return
    exact = _CONDA_VERSION.match(match.group(2)) or _CONDA_PLAIN.match(match.group(2))
    read.add("conda", match.group(1), exact.group(1) if exact else "")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise UnreadableError(f"is no TOML: {error}") from error


def _objects(value: Any, name: str) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableError(f"has `{name}` that are no list of tables")
    yield from value


READERS: dict[str, Callable[[str], Read]] = {
    "uv.lock": read_toml_lock,
    "poetry.lock": read_toml_lock,
    "pdm.lock": read_toml_lock,
    "pylock.toml": read_toml_lock,
    "pipfile.lock": read_pipfile_lock,
    "pyproject.toml": read_pyproject,
    "environment.yml": read_conda,
    "environment.yaml": read_conda,
    "conda.yaml": read_conda,
    "conda.yml": read_conda,
}
"""File name in lower case to its reader."""
