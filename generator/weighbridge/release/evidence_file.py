"""New evidence in a version's folder: under a name that is free, whole or not at all, never over what is there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.catalogue.catalogue import EvidenceFile
from weighbridge.catalogue.tree import EVIDENCE, MODELS
from weighbridge.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from weighbridge.catalogue.catalogue import ModelVersion

_SUFFIX = ".sigstore.json"


def new_evidence(version: ModelVersion, stem: str, data: bytes, taken: Collection[str] = ()) -> EvidenceFile:
    """Evidence about a version that is not written yet, under a name that no file of the version has.

    Args:
        version: whose evidence it is.
        stem: what the file is called, such as `promotion-prod`; a number is added where that is taken.
        data: the whole file.
        taken: further paths that are not free.
    """
    folder = f"{MODELS}/{version.model}/{version.version}/{EVIDENCE}"
    used = {file.path for file in version.evidence} | set(taken)
    number, path = 1, f"{folder}/{stem}{_SUFFIX}"
    while path in used:
        number += 1
        path = f"{folder}/{stem}-{number}{_SUFFIX}"
    return EvidenceFile(path, data)


def write_evidence(root: Path, files: Sequence[EvidenceFile]) -> None:
    """Write all of the files, or none of them.

    Args:
        root: the catalogue's folder.
        files: at paths where there is nothing yet.

    Raises:
        OutputError: one could not be written, or was there already; none of them is left behind.
    """
    written: list[Path] = []
    for file in files:
        target = Path(os.path.realpath(root)) / file.path
        try:
            _write(target, file.data)
        except OSError as error:
            for path in reversed(written):
                path.unlink(missing_ok=True)
            reason = (
                "is there already" if isinstance(error, FileExistsError) else f"cannot be written: {error.strerror}"
            )
            raise OutputError(f"{file.path}: {reason}. Nothing was written; evidence is never overwritten.") from error
        written.append(target)


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".evidence-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            os.fchmod(descriptor, 0o644)
            stream.flush()
            os.fsync(descriptor)
        # Unlike a rename, a link never replaces what is there.
        os.link(temporary, target)
    finally:
        os.unlink(temporary)  # noqa: PTH108 -- a text, as mkstemp gave it
