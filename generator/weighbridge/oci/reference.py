"""References to artifacts in registries: `oci://host[:port]/repository[:tag][@digest]`.

Grammar: OCI distribution spec 1.1 (name, tag) and the host names of RFC 3986. Docker Hub's short names are spelled out.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from weighbridge.catalogue.source import display
from weighbridge.errors import InputError
from weighbridge.oci.store import DIGEST, TAG

SCHEME = "oci://"
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_FIX = "Write oci://host/repository:tag or oci://host/repository@sha256:..., the repository in lower case."


@dataclass(frozen=True)
class Reference:
    """Where an artifact is."""

    host: str
    """With the port, if one is named."""
    repository: str
    tag: str | None = None
    digest: str | None = None
    """`sha256:<hex>`; it decides where both are named."""

    @property
    def reference(self) -> str | None:
        """The digest, else the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{SCHEME}{self.host}/{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(location: str) -> Reference:
    """The reference in a location.

    Raises:
        InputError: not of the form above.
    """
    rest = location.removeprefix(SCHEME)
    rest, _, digest = rest.partition("@")
    host, _, path = rest.partition("/")
    repository, colon, tag = path.partition(":")
    if host in _DOCKER_HUB:
        host = "registry-1.docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    named = location.startswith(SCHEME) and _HOST.match(host) and _REPOSITORY.match(repository)
    tagged = not colon or TAG.match(tag)
    if not named or len(repository) > 255 or not tagged or ("@" in location and not DIGEST.match(digest)):
        raise InputError.single(display(location), "is no reference to an artifact in a registry", _FIX)
    return Reference(host, repository, tag or None, digest or None)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine by its very name: no name is looked up."""
    bare = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    if bare.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
