"""`environments.<name>.workloads.images`: what an environment demands of the images that its serving pods run.

What is told here about an image's content comes from verified evidence by its digest. Whatever is known is judged; what
is not known is refused only where `evidence` demands it, since a manifest alone cannot provide it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from weighbridge.catalogue.names import Document, form

Family = Literal[
    "scratch", "distroless", "wolfi", "chainguard", "alpine", "debian", "ubuntu", "rhel", "fedora", "centos", "rocky",
    "almalinux", "amzn", "ol", "sles", "opensuse", "other", "unknown",
]  # fmt: skip
"""What an image can stand on; `scratch`: neither os-release nor packages."""
Evidence = Literal["profile", "sbom", "vulnerabilities"]
"""What may have to be known about an image."""
Finding = Literal[
    "compilers",
    "entrypoint_shell",
    "network_tools",
    "package_managers",
    "root",
    "setuid",
    "shells",
    "unread",
    "weights",
    "writable_path",
]
"""What a profile may find in an image, by the names of the rule `image_profile`; secrets are accepted path by path."""
Manners = Literal["debug_images", "ephemeral_containers", "shell_commands"]
"""What a manifest may do with images."""
Severity = Literal["none", "low", "medium", "high", "critical"]
Registry = Annotated[
    str,
    form(
        r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]{0,126})*/?$",
        "Write a registry's host, perhaps with port and folders, such as registry.example.com/models, in lower case, "
        "without a scheme; Docker Hub is docker.io.",
        max_length=512,
    ),
]
VersionBound = Annotated[
    str, form(r"^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$", 'Write a version as numbers and dots, in quotes, such as "12.2".')
]


class AtLeast(Document):
    """The lowest version that is accepted; an image without it is accepted, too."""

    min: VersionBound


class ServingImages(Document):
    """What an environment demands of every image that a serving pod runs."""

    evidence: tuple[Evidence, ...] = Field(default=(), strict=False)
    """What must be known about every image; an image of which it is not known, or not any more, is refused."""
    registries: tuple[Registry, ...] = Field(default=(), strict=False)
    """Registries, or folders in them, that images may come from; any, if there are none."""
    bases: tuple[Family, ...] = Field(default=("chainguard", "distroless", "scratch", "wolfi"), strict=False)
    """Families of base images that are accepted."""
    allow: tuple[Finding | Manners, ...] = Field(default=(), strict=False)
    """Kinds of findings, and ways to run an image, that are accepted."""
    max_severity: Severity = "medium"
    """The highest severity of an open vulnerability that is accepted."""
    cuda: AtLeast | None = None
    cudnn: AtLeast | None = None
