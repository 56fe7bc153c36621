"""requirements.txt (https://pip.pypa.io/en/stable/reference/requirements-file-format/) and PEP 508 requirements."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from weighbridge.packaging.dependencies.package import Read

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\] ?)?(.*)")
_DIRECT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\] ?)?@ ?(\S+)")
_SPECIFIER = re.compile(r" ?(===?|[<>!~]=|[<>]) ?([A-Za-z0-9][A-Za-z0-9.*+!_-]*) ?")
_HASH = re.compile(r"--hash[= ]sha256:([0-9A-Fa-f]{64})")
_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=)?(.+)$")
_CUDA_INDEX = re.compile(r"/whl/(?:nightly/)?cu([0-9]{2,3})\b")
_MAX_INCLUDED = 100


def read_requirements(path: str, open_text: Callable[[str], str]) -> Read:
    """A requirements file, with those that it includes.

    Args:
        path: in the artifact.
        open_text: the text of a file of the artifact; raises KeyError where there is none.
    """
    read = Read()
    waiting, seen = [path], {path}
    while waiting:
        current = waiting.pop()
        for line in _lines(open_text(current)):
            included = _INCLUDE.match(line)
            if included is None:
                _line(read, line)
                continue
            target = _inside(current, included.group(1).strip().strip("\"'"))
            if target is None or not _exists(target, open_text):
                read.findings.append(f"includes {included.group(1)[:100]!r}, which is no file of the artifact")
            elif target not in seen and len(seen) < _MAX_INCLUDED:
                seen.add(target)
                waiting.append(target)
    return read


def _lines(text: str) -> list[str]:
    """Logical lines: joined at backslashes, without comments."""
    joined = re.sub(r"\\\r?\n", " ", text)
    lines = (_COMMENT.sub("", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def _inside(path: str, target: str) -> str | None:
    """The path of an included file; None for one outside of the artifact, or a URL."""
    if "://" in target or target.startswith("/") or "\\" in target:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return None if joined.startswith("../") or joined in {".", ".."} else joined


def _exists(path: str, open_text: Callable[[str], str]) -> bool:
    try:
        open_text(path)
    except KeyError:
        return False
    return True


def _line(read: Read, line: str) -> None:
    if line.startswith("-"):
        index = _CUDA_INDEX.search(line)
        if index:
            read.cuda.append(index.group(1))
        elif line.startswith(("-e", "--editable")):
            read.findings.append(f"installs a folder or a repository: {line[:100]!r}")
        return  # other options say nothing about what is needed
    hashes = _HASH.findall(line)
    requirement(read, re.split(r"\s--[a-z]", line)[0], hashes)


def requirement(read: Read, text: str, hashes: list[str] | None = None) -> None:
    """One PEP 508 requirement: what is not pinned by `==` has no version, what is no requirement is a finding."""
    if len(text) > 2000:
        read.findings.append(f"has a requirement of {len(text):,} characters")
        return
    text = " ".join(text.split())  # so that no pattern has two ways to read a run of spaces
    direct = _DIRECT.match(text)
    if direct:
        name, url = direct.group(1), direct.group(2)
        fragment = re.search(r"#(?:.*&)?sha256=([0-9A-Fa-f]{64})", url)
        read.add("pypi", name, _version_of(name, url), [fragment.group(1)] if fragment else [])
        return
    plain = _REQUIREMENT.fullmatch(text.partition(";")[0].strip())
    wanted = plain.group(2).strip().removeprefix("(").removesuffix(")") if plain else ""
    specifiers = [_SPECIFIER.fullmatch(part) for part in wanted.split(",")] if wanted else []
    if plain is None or not all(specifiers):
        read.findings.append(f"has a line that is no requirement: {text[:100]!r}")
        return
    pinned = {found.group(2) for found in specifiers if found and found.group(1).startswith("==")}
    version = pinned.pop() if len(pinned) == 1 else ""
    read.add("pypi", plain.group(1), "" if "*" in version else version, hashes or [])


def _version_of(name: str, url: str) -> str:
    """The version in a wheel's file name (PEP 427); empty if it is none."""
    wheel = url.partition("#")[0].rpartition("/")[2].replace("%2B", "+")
    parts = wheel.split("-")
    same = re.sub(r"[-_.]+", "_", name).lower() == parts[0].lower()
    return parts[1] if wheel.endswith(".whl") and len(parts) >= 5 and same else ""
