"""Every file of a model that says what it needs, read together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from weighbridge.packaging.dependencies.cuda import Cuda, cuda_of, with_image
from weighbridge.packaging.dependencies.locks import READERS, UnreadableError
from weighbridge.packaging.dependencies.package import Read, merged
from weighbridge.packaging.dependencies.requirements import read_requirements
from weighbridge.packaging.view import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from weighbridge.evidence.image_profile import ImageProfile
    from weighbridge.packaging.view import FileView

MAX_FILE = 8 * 1024 * 1024
"""Largest of these files, in bytes: a lock of a thousand packages has some 3 MB."""
_REQUIREMENTS = re.compile(r"requirements[^/]*\.txt|[^/]*[-_.]requirements\.txt|requirements/[^/]+\.txt", re.IGNORECASE)


class Needs(NamedTuple):
    """What a model needs to run."""

    purls: tuple[str, ...]
    cuda: Cuda
    findings: tuple[tuple[str, str], ...]
    """Path, and what could not be read there."""


def read_needs(
    paths: Iterable[str], open_file: Callable[[str], FileView], images: Sequence[ImageProfile] = ()
) -> Needs:
    """What the files of a model say that it needs.

    Args:
        paths: of all its files, sorted.
        open_file: opens one of them; the caller's own errors pass through.
        images: that serve the model.
    """
    every = list(paths)
    known = frozenset(every)

    def text(path: str) -> str:
        if path not in known:
            raise KeyError(path)
        with open_file(path) as view:
            if view.size > MAX_FILE:
                raise FormatError(f"has {view.size:,} bytes, and at most {MAX_FILE:,} are read")
            return view.at(0, view.size).decode("utf-8")

    packages, indexes, findings = [], [], []
    for path in every:
        read = _read(path, text)
        packages += read.packages
        indexes += read.cuda
        findings += [(path, message) for message in read.findings]
    found = merged(packages)
    cuda = cuda_of(found, indexes, every)
    if images:
        versions = [found.version for image in images for found in image.cuda]
        cuda = with_image(cuda, versions, [found.version for image in images for found in image.cudnn])
    findings += [(every[0], message) for message in cuda.findings]
    return Needs(tuple(sorted({package.purl for package in found})), cuda, tuple(findings))


def _read(path: str, text: Callable[[str], str]) -> Read:
    """One file; an empty answer for one that says nothing about needs."""
    name = path.rpartition("/")[2]
    try:
        if name.lower() in READERS:
            return READERS[name.lower()](text(path))
        last = "/".join(path.split("/")[-2:])
        if _REQUIREMENTS.fullmatch(name) or _REQUIREMENTS.fullmatch(last):
            return read_requirements(path, text)
    except (UnreadableError, FormatError, UnicodeDecodeError) as error:
        message = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        return Read(findings=[message])
    return Read()
