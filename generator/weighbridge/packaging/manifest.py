"""`manifest.json`: which files a model version consists of (CONTRACTS: Artifact digest).

Nobody believes a manifest for what it says: its digest is recomputed from `files`, and the gate reads nothing from it
unless a trusted package statement matches its bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from weighbridge.catalogue.names import Digest, Document, Name
from weighbridge.packaging.digest import MAX_FILE_BYTES, artifact_digest, check_path


def _packaged_path(value: str) -> str:
    check_path(value)
    return value


PackagedPath = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_packaged_path)]
"""NFC, relative, with `/`; see `weighbridge.packaging.digest.check_path`."""
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Bare lower-case SHA-256."""


class ManifestFile(Document):
    """One packaged file."""

    path: PackagedPath
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]
    sha256: Hex


class Manifest(Document):
    """The whole of `manifest.json`."""

    api_version: Literal["weighbridge.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Manifest"]
    model: Name
    version: Name
    digest: Digest
    """The artifact digest over `files`."""
    files: tuple[ManifestFile, ...] = Field(strict=False)

    @model_validator(mode="after")
    def _digest_of_files(self) -> Manifest:
        if not self.files:
            raise ValueError("`files` is empty, and a model without files is none")
        actual = artifact_digest((file.path, file.size, file.sha256) for file in self.files)
        if actual != self.digest:
            raise ValueError(f"`digest` is {self.digest}, but `files` have {actual}")
        return self
