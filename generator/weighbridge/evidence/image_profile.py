"""The predicate `https://weighbridge.dev/image-profile/v1`: what was found in a serving image without running it.

Whoever judges it can rely on this: an empty list means that nothing was found in all that was read, and whatever could
not be read stands in `unread`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from weighbridge.catalogue.names import Digest, Document, Text, TimeNs
from weighbridge.catalogue.serving_images import Family

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Word = Annotated[str, StringConstraints(max_length=1000)]


class _Part(Document):
    """Lists come as lists from JSON and as tuples from the profiler."""


class Tool(_Part):
    """What looked."""

    name: Text
    version: Text


class LayerRead(_Part):
    """One layer, as it was read."""

    digest: Digest | None = None
    """Of the blob; a docker archive has none."""
    diff_id: Digest
    size: Count
    """Bytes, uncompressed."""
    entries: Count


class Base(_Part):
    """What the image stands on."""

    family: Family
    """`scratch`: neither os-release nor packages; `unknown`: packages without os-release; `other`: named in `id`."""
    id: Word = ""
    version: Word = ""
    name: Word = ""
    contradictions: tuple[Text, ...] = Field(default=(), strict=False)
    """Where os-release and what is installed do not agree."""


class User(_Part):
    """Who the process runs as."""

    given: Word
    """As the configuration says; "" stands for root."""
    uid: Count | None = None
    """None where it cannot be told."""
    gid: Count | None = None
    numeric: bool
    """Whether the configuration names a number, which Kubernetes needs for `runAsNonRoot`."""


class Program(_Part):
    """A program that a serving image has no use for."""

    path: Text
    name: Text
    by: Literal["name", "link", "content", "module"]
    """What told it: its name, a link to something executable, texts in the binary, a Python module."""
    layer: Count
    """Index of the layer that it comes from, 0 the lowest."""


class Privileged(_Part):
    """A program that runs with more rights than who starts it."""

    path: Text
    mode: Annotated[str, StringConstraints(pattern=r"^[0-7]{4}$")]
    owner: Count
    setuid: bool
    setgid: bool
    capabilities: tuple[Text, ...] = Field(default=(), strict=False)
    layer: Count


class Version(_Part):
    """A version of CUDA or cuDNN, and what says so."""

    version: Text
    source: Literal["version.json", "library", "environment", "os-package", "python-package", "header"]
    where: Text
    """Path, variable or package."""


class OsPackage(_Part):
    """A package of the operating system."""

    name: Text
    version: Text
    manager: Literal["dpkg", "apk", "rpm"]


class PythonPackage(_Part):
    """An installed distribution."""

    name: Text
    version: Text


class Weights(_Part):
    """Model weights in the image itself."""

    path: Text
    format: Text
    layer: Count
    hidden: bool
    """A later layer hides it; whoever pulls the image still has it."""


class Secret(_Part):
    """A likely secret; never its value."""

    path: Text
    """Or the place in the image's configuration."""
    kind: Text
    layer: Count | None = None
    """None in the configuration."""
    hidden: bool


class Unread(_Part):
    """What could not be read, so that nothing is known about it."""

    path: Text
    reason: Text


class ImageProfile(_Part):
    """One image for one platform."""

    digest: Digest | None = None
    config_digest: Digest
    platform: Word
    created: Word = ""
    layers: tuple[LayerRead, ...] = Field(strict=False)
    base: Base
    minimal: bool
    """Neither shells, compilers, network tools nor package managers were found, and nothing was left unread."""
    user: User
    entrypoint: tuple[Word, ...] = Field(default=(), strict=False)
    cmd: tuple[Word, ...] = Field(default=(), strict=False)
    entrypoint_shell: tuple[Text, ...] = Field(default=(), strict=False)
    """Why the image is started through a shell; empty if it is not."""
    env: tuple[Word, ...] = Field(default=(), strict=False)
    """Names of environment variables."""
    env_values: dict[Text, Word] = Field(default_factory=dict)
    """Values of PATH, LD_LIBRARY_PATH, LD_PRELOAD, CUDA_VERSION and what begins with NVIDIA_, secrets left out."""
    ports: tuple[Word, ...] = Field(default=(), strict=False)
    shells: tuple[Program, ...] = Field(default=(), strict=False)
    compilers: tuple[Program, ...] = Field(default=(), strict=False)
    network_tools: tuple[Program, ...] = Field(default=(), strict=False)
    package_managers: tuple[Program, ...] = Field(default=(), strict=False)
    setuid: tuple[Privileged, ...] = Field(default=(), strict=False)
    writable_path: tuple[Text, ...] = Field(default=(), strict=False)
    """Folders on PATH, and what lies in them, that everybody may write to."""
    cuda: tuple[Version, ...] = Field(default=(), strict=False)
    cudnn: tuple[Version, ...] = Field(default=(), strict=False)
    os_packages: tuple[OsPackage, ...] = Field(default=(), strict=False)
    python_packages: tuple[PythonPackage, ...] = Field(default=(), strict=False)
    weights: tuple[Weights, ...] = Field(default=(), strict=False)
    secrets: tuple[Secret, ...] = Field(default=(), strict=False)
    unread: tuple[Unread, ...] = Field(default=(), strict=False)


class ImageProfilePredicate(_Part):
    """What `weighbridge image profile` found."""

    at: TimeNs
    tool: Tool
    name: Text
    """The image as it was named, for people."""
    digest: Digest | None = None
    """The statement's subject: a manifest, or an index, for which every image of it is profiled."""
    index: Digest | None = None
    """The index from which the one image was chosen by its platform."""
    images: tuple[ImageProfile, ...] = Field(min_length=1, strict=False)
