"""Versions of CUDA and cuDNN in an image, each with what says so: they need not agree, and all of them are told."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from weighbridge.evidence.image_profile import Unread, Version
from weighbridge.image.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.packages import Packages
    from weighbridge.image.view import View

_VERSION = r"([0-9]{1,4}(?:\.[0-9]{1,6}){0,3})"
_LIBRARIES = (
    ("cuda", re.compile(rf"^libcudart(?:-[0-9a-f]{{8}})?\.so\.{_VERSION}$")),
    ("cudnn", re.compile(rf"^libcudnn(?:-[0-9a-f]{{8}})?\.so\.{_VERSION}$")),
)
_PACKAGES = (
    ("cuda", re.compile(r"^(?:cuda-cudart(?:-[0-9]+-[0-9]+)?|nvidia-cuda-runtime(?:-cu[0-9]+)?)$")),
    ("cudnn", re.compile(r"^(?:libcudnn[0-9]*(?:-cuda-[0-9]+)?|nvidia-cudnn(?:-cu[0-9]+)?)$")),
)
_VARIABLES = {"CUDA_VERSION": "cuda", "NV_CUDA_CUDART_VERSION": "cuda", "NV_CUDNN_VERSION": "cudnn"}
_START = re.compile(rf"^(?:[0-9]+:)?{_VERSION}")
_DEFINE = re.compile(r"(?m)^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) ([0-9]{1,6})\s*$")
_VERSION_FILE = re.compile(r"/cuda[^/]*/version\.json$")
_HEADER = re.compile(r"/cudnn_version[^/]*\.h$")


class Accelerators:
    """What of CUDA and cuDNN is in the image."""

    def __init__(self, view: View, packages: Packages, env: dict[str, str]) -> None:
        self.unread: list[Unread] = []
        found = {*self._files(view), *_installed(packages), *_variables(env)}
        self.cuda = _sorted(version for kind, version in found if kind == "cuda")
        self.cudnn = _sorted(version for kind, version in found if kind == "cudnn")

    def _files(self, view: View) -> Iterator[tuple[str, Version]]:
        for path, node in view.tree.walk():
            if node.kind not in {"file", "symlink"}:
                continue
            name = path.rpartition("/")[2]
            for kind, pattern in _LIBRARIES:
                if match := pattern.match(name):
                    yield kind, Version(version=match.group(1), source="library", where=printable(path))
            if _VERSION_FILE.search(path):
                yield from self._version_json(path, view.text(path))
            elif _HEADER.search(path):
                yield from self._header(path, view.text(path))

    def _version_json(self, path: str, text: str | None) -> Iterator[tuple[str, Version]]:
        try:
            stated = json.loads(text or "")["cuda"]["version"]
            match = _START.match(stated)
        except (ValueError, KeyError, TypeError, RecursionError):
            match = None
        if match is None:
            self.unread.append(Unread(path=printable(path), reason="names no version of CUDA"))
            return
        yield "cuda", Version(version=match.group(1), source="version.json", where=printable(path))

    def _header(self, path: str, text: str | None) -> Iterator[tuple[str, Version]]:
        parts = dict(_DEFINE.findall(text or ""))
        if len(parts) != 3:
            self.unread.append(Unread(path=printable(path), reason="names no version of cuDNN"))
            return
        version = ".".join(parts[key] for key in ("MAJOR", "MINOR", "PATCHLEVEL"))
        yield "cudnn", Version(version=version, source="header", where=printable(path))


def _installed(packages: Packages) -> Iterator[tuple[str, Version]]:
    for kind, pattern in _PACKAGES:
        for package in packages.os:
            if pattern.match(package.name) and (match := _START.match(package.version)):
                yield kind, Version(version=match.group(1), source="os-package", where=package.name)
        for distribution in packages.python:
            name = re.sub(r"[-_.]+", "-", distribution.name).lower()
            if pattern.match(name) and (match := _START.match(distribution.version)):
                yield kind, Version(version=match.group(1), source="python-package", where=distribution.name)


def _variables(env: dict[str, str]) -> Iterator[tuple[str, Version]]:
    for name, kind in _VARIABLES.items():
        if match := _START.match(env.get(name, "")):
            yield kind, Version(version=match.group(1), source="environment", where=name)


def _sorted(versions: Iterator[Version]) -> tuple[Version, ...]:
    return tuple(sorted(versions, key=lambda entry: (entry.source, entry.where, entry.version)))
