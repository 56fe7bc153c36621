"""`manifest.json`: which files a model version consists of (CONTRACTS: Artifact digest).

Nobody believes a manifest for what it says: its digest is recomputed from `files`, and the gate reads nothing from it
unless a trusted package statement matches its bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from weighbridge.catalogue.names import Digest, Document, Name, Text, form
from weighbridge.packaging.digest import MAX_FILE_BYTES, artifact_digest, check_path


def _packaged_path(value: str) -> str:
    check_path(value)
    return value


PackagedPath = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_packaged_path)]
"""NFC, relative, with `/`; see `weighbridge.packaging.digest.check_path`."""
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Bare lower-case SHA-256."""


Role = Literal["weights", "tokenizer", "configuration", "code", "documentation", "license", "other"]
"""What a file is for."""
Format = Literal["safetensors", "gguf", "onnx", "pytorch", "keras", "tensorflow", "tensorrt"]
"""Format of a file of weights."""
ExecutableKind = Literal[
    "pickle",
    "pickle-unknown",
    "pickle-dangerous",
    "keras-lambda",
    "keras-custom",
    "remote-code",
    "source",
    "bytecode",
    "native",
    "engine",
    "graph-operator",
    "template",
]
"""How a file can make a machine run what its author wrote:

- `pickle`: every name that the pickle imports is known to be harmless; `pickle-unknown`: one is not known;
  `pickle-dangerous`: one is known to run code, read files or reach the network
- `keras-lambda`: a Lambda layer, Python bytecode inside a Keras model; `keras-custom`: a layer of a module that is not
  Keras's own
- `remote-code`: a configuration that names Python files to import (`auto_map`, `trust_remote_code`)
- `source`: a program as text (Python, shell ...); `bytecode`: `.pyc`, `.class`, `.jar`, TorchScript
- `native`: machine code (shared objects, executables); `engine`: a TensorRT plan, which holds code for the GPU
- `graph-operator`: an operator of a graph that runs Python, touches files or needs a library of its own
- `template`: a Jinja template that is rendered for each chat
"""
Count = Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]
"""At most what RFC 8785 can write."""
Dtype = Annotated[str, form(r"^[A-Za-z0-9_.]{1,32}$", "Use 1 to 32 letters, digits, dots and underscores.")]
"""A tensor's data type in the format's own spelling, such as `F16`, `Q4_K` or `float16`."""


class ManifestFile(Document):
    """One packaged file."""

    path: PackagedPath
    size: Count
    """In bytes."""
    sha256: Hex
    media_type: Text | None = None
    role: Role | None = None
    """What the file is for."""


class WeightsHeader(Document):
    """What the header of one file of weights says; its tensors were not read. `null`: the header does not say."""

    path: PackagedPath
    format: Format
    version: Text | None = None
    """The format's own version: GGUF's, ONNX's IR version, Keras's."""
    tensors: Count | None = None
    parameters: Count | None = None
    """Elements of all tensors together."""
    dtypes: dict[Dtype, Count] = Field(default_factory=dict)
    """Data type to how many parameters have it."""
    license: Text | None = None
    """As the header has it, not yet compared with SPDX's list."""


class ExecutableContent(Document):
    """One way in which a packaged file can make a machine run what its author wrote."""

    path: PackagedPath
    kind: ExecutableKind
    detail: Text
    """What was found there, such as the names that a pickle imports."""


class Finding(Document):
    """What could not be read or recognised in a packaged file, and is therefore missing from the rest."""

    path: PackagedPath | Literal["README.md"]
    """`README.md` is the card, which is no part of the artifact."""
    about: Literal["content", "license", "dependencies"]
    """What could not be told: what the file holds and can run, its license, or what the model needs."""
    message: Text


class Manifest(Document):
    """The whole of `manifest.json`; a later version of the format may add fields, never change the meaning of one."""

    api_version: Literal["weighbridge.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Manifest"]
    model: Name
    version: Name
    artifact_digest: Digest
    """The artifact digest over `files`."""
    card_sha256: Digest | None = None
    """Of README.md's bytes, so that whoever approves this manifest approves the card, too."""
    files: tuple[ManifestFile, ...] = Field(min_length=1, strict=False)
    licenses: tuple[Text, ...] = Field(default=(), strict=False)
    """SPDX expressions."""
    formats: tuple[Text, ...] = Field(default=(), strict=False)
    """Formats of the weights, such as `safetensors` or `onnx`."""
    dependencies: tuple[Text, ...] = Field(default=(), strict=False)
    """Package URLs of what the model needs to run."""
    cuda: Text | None = None
    """The CUDA version that the model was built for."""
    cudnn: Text | None = None
    """The cuDNN version that it was built for."""
    driver: Text | None = None
    """The lowest version of NVIDIA's Linux driver that runs this CUDA version."""
    weights: tuple[WeightsHeader, ...] = Field(default=(), strict=False)
    executable: tuple[ExecutableContent, ...] = Field(default=(), strict=False)
    ignored: tuple[PackagedPath, ...] = Field(default=(), strict=False)
    """What `.weighbridgeignore` left out of the artifact; a folder stands for everything below it."""
    findings: tuple[Finding, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _digest_of_files(self) -> Manifest:
        actual = artifact_digest(self.entries())
        if actual != self.artifact_digest:
            raise ValueError(f"`artifact_digest` is {self.artifact_digest}, but `files` have {actual}")
        return self

    def entries(self) -> list[tuple[str, int, str]]:
        """`(path, size, bare hex SHA-256)` of each file, as the artifact digest takes them."""
        return [(file.path, file.size, file.sha256) for file in self.files]
