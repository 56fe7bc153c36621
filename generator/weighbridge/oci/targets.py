"""Where a model is pushed to: a registry, or a new layout."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from weighbridge.catalogue.source import display
from weighbridge.errors import InputError
from weighbridge.oci.layout import LayoutWriter, split_location
from weighbridge.oci.reference import parse_reference
from weighbridge.oci.registry import Registry
from weighbridge.oci.store import DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.oci.credentials import Credentials
    from weighbridge.oci.store import BlobSink


@contextmanager
def open_target(
    location: str, *, plain_http: bool = False, credentials: Credentials | None = None
) -> Iterator[tuple[BlobSink, str | None]]:
    """What a location names, to be written to, and the tag in it; a layout appears when the block ends well.

    Args:
        location: `oci://host/repository:tag`, or `oci-layout:PATH[:tag]`.
        plain_http: as `Registry` has it.
        credentials: for a registry; None: what Docker's configuration has.

    Raises:
        InputError: no such location, no tag in a registry, or a digest, which nobody can choose.
        OutputError: a layout cannot be written.
    """
    if location.startswith("oci-layout:"):
        path, tag = split_location(location)
        _refuse_digest(tag, location)
        writer = LayoutWriter(path)
        try:
            yield writer, tag
            writer.finish()
        finally:
            writer.discard()
        return
    named = parse_reference(location)
    _refuse_digest(named.digest, location)
    if named.tag is None:
        raise InputError.single(display(location), "has no tag", "Write oci://host/repository:tag.")
    yield Registry(named.host, named.repository, plain_http=plain_http, credentials=credentials), named.tag


def _refuse_digest(reference: str | None, location: str) -> None:
    if reference is not None and DIGEST.match(reference):
        fix = "Name a tag; the digest follows from the content."
        raise InputError.single(display(location), "names a digest, which cannot be chosen", fix)
