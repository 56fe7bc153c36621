"""What a user names an image by, and the image behind it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.errors import InputError
from weighbridge.image.daemon import daemon_image
from weighbridge.image.docker_archive import open_archive
from weighbridge.image.source import open_images, require_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.limits import Limits
    from weighbridge.image.source import Subject

ARCHIVE = "docker-archive:"
DAEMON = "docker://"
_STORES = ("oci://", "oci-layout:")


@contextmanager
def located(
    location: str, limits: Limits, *, platform: str | None, manifest: bytes | None, plain_http: bool
) -> Iterator[Subject]:
    """The images that a location names, for as long as the block lasts.

    Args:
        location: `docker-archive:PATH`, `oci-layout:PATH[:tag|@digest]`, `docker://NAME`, or a registry reference, with
            `oci://` before it or as `docker pull` takes it.
        limits: bounds of what is read.
        platform: `os/architecture[/variant]`, to choose from an index.
        manifest: the registry's manifest, where the location holds none.
        plain_http: speak HTTP without TLS to a registry that is not on this machine.

    Raises:
        InputError: nothing there, or no image that could be read.
        EngineError: no Docker daemon.
    """
    if location.startswith((ARCHIVE, DAEMON)):
        if location.startswith(ARCHIVE):
            subject = open_archive(Path(location.removeprefix(ARCHIVE)), location, manifest)
            require_platform(subject.images[0], platform)
            yield subject
            return
        name = location.removeprefix(DAEMON)
        with daemon_image(name, location, limits.image_bytes, manifest) as saved:
            require_platform(saved.images[0], platform)
            yield saved
        return
    if manifest is not None:
        raise InputError.single("", "goes with docker-archive: and docker:// only", "Leave it out.", field="--manifest")
    where = location if location.startswith(_STORES) else spelled_out(location)
    yield open_images(where, platform, plain_http=plain_http)


def spelled_out(reference: str) -> str:
    """A reference as `docker pull` takes it, with scheme and host: without a host it is Docker Hub's.

    Raises:
        InputError: a scheme or a form that is not known.
    """
    host, slash, _ = reference.partition("/")
    if "://" in reference or reference.split(":", 1)[0] in {"dir", "docker-daemon", "oci", "oci-archive"}:
        fix = "Write a registry reference, docker-archive:PATH, oci-layout:PATH[:tag] or docker://NAME."
        raise InputError.single("", f"{reference!a:.200} is of a form that is not known", fix, field="REF")
    named = slash and ("." in host or ":" in host or host == "localhost")
    return f"oci://{reference}" if named else f"oci://docker.io/{reference}"
