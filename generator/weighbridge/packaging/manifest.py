"""`manifest.json`: which files a model version consists of (CONTRACTS: Artifact digest).

Nobody believes a manifest for what it says: its digest is recomputed from `files`, and the gate reads nothing from it
unless a trusted package statement matches its bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from weighbridge.catalogue.names import Digest, Document, Name, Text
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
    """In bytes."""
    sha256: Hex
    media_type: Text | None = None
    role: Text | None = None
    """What the file is for: `weights`, `tokenizer`, `license` ..."""


class Manifest(Document):
    """The whole of `manifest.json`; a later version of the format may add fields, never change the meaning of one."""

    api_version: Literal["weighbridge.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Manifest"]
    model: Name
    version: Name
    artifact_digest: Digest
    """The artifact digest over `files`."""
    files: tuple[ManifestFile, ...] = Field(min_length=1, strict=False)
    licenses: tuple[Text, ...] = Field(default=(), strict=False)
    """SPDX expressions."""
    formats: tuple[Text, ...] = Field(default=(), strict=False)
    """Formats of the weights, such as `safetensors` or `onnx`."""
    dependencies: tuple[Text, ...] = Field(default=(), strict=False)
    """Package URLs of what the model needs to run."""
    cuda: Text | None = None
    """The CUDA version that the model was built for."""

    @model_validator(mode="after")
    def _digest_of_files(self) -> Manifest:
        actual = artifact_digest(self.entries())
        if actual != self.artifact_digest:
            raise ValueError(f"`artifact_digest` is {self.artifact_digest}, but `files` have {actual}")
        return self

    def entries(self) -> list[tuple[str, int, str]]:
        """`(path, size, bare hex SHA-256)` of each file, as the artifact digest takes them."""
        return [(file.path, file.size, file.sha256) for file in self.files]
