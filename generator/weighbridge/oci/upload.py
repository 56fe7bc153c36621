"""Uploads of blobs: one request for small ones, chunks for large ones, which go on where they broke off.

Source: OCI distribution spec 1.1, Pushing blobs. An upload's address is opaque and changes with every answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from weighbridge.errors import InputError
from weighbridge.oci.store import BUFFER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from weighbridge.oci.registry import Registry
    from weighbridge.oci.store import Descriptor, Source

_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})\Z")
_PUSH = "pull,push"


def upload(registry: Registry, descriptor: Descriptor, source: Source) -> None:
    """Upload a blob that the registry does not have.

    Args:
        registry: where to.
        descriptor: of the blob; the registry verifies its digest.
        source: opens its bytes, for every attempt anew.

    Raises:
        InputError: refused, or the source does not give as many bytes as the descriptor says.
    """
    location = _start(registry)
    if descriptor.size <= registry.limits.chunk:
        _finish(registry, location, descriptor, source, 0)
        return
    sent = 0
    while descriptor.size - sent > registry.limits.chunk:
        location, sent = _chunk(registry, location, descriptor, source, sent)
    _finish(registry, location, descriptor, source, sent)


def _start(registry: Registry) -> str:
    target = f"/v2/{registry.repository}/blobs/uploads/"
    headers = {"Content-Length": "0"}
    with registry.transport.exchange("POST", target, headers=headers, actions=_PUSH) as response:
        if response.status_code != httpx.codes.ACCEPTED:
            raise registry.transport.unexpected(response, "starting an upload")
        return _location(registry, response, target)


def _location(registry: Registry, response: httpx.Response, before: str) -> str:
    return str(registry.transport.own_url(response.headers.get("Location", before)))


def _chunk(registry: Registry, location: str, descriptor: Descriptor, source: Source, sent: int) -> tuple[str, int]:
    """Send one chunk; the next address, and how many bytes the registry has by its own word."""
    size = min(registry.limits.chunk, descriptor.size - sent)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
        "Content-Range": f"{sent}-{sent + size - 1}",
    }
    with registry.transport.exchange(
        "PATCH", location, headers=headers, body=lambda: _part(source, sent, size), actions=_PUSH
    ) as response:
        # A chunk that arrived though its answer was lost is refused when it comes again: the answer says how far it is.
        behind = response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
        match = _RANGE.match(response.headers.get("Range", ""))
        if response.status_code not in {httpx.codes.ACCEPTED, httpx.codes.NO_CONTENT} and not (behind and match):
            raise registry.transport.unexpected(response, f"uploading {descriptor.digest}")
        reached = int(match.group(1)) + 1 if match else sent + size
        if not sent < reached <= sent + size:
            message = f"has {reached:,} bytes of {descriptor.digest} after {sent + size:,} were sent"
            raise InputError.single(registry.name, message, "Push again.")
        return _location(registry, response, location), reached


def _finish(registry: Registry, location: str, descriptor: Descriptor, source: Source, sent: int) -> None:
    size = descriptor.size - sent
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    if sent:
        headers["Content-Range"] = f"{sent}-{sent + size - 1}"
    target = str(httpx.URL(location).copy_merge_params({"digest": descriptor.digest}))
    with registry.transport.exchange(
        "PUT", target, headers=headers, body=lambda: _part(source, sent, size), actions=_PUSH
    ) as response:
        if response.status_code not in {httpx.codes.CREATED, httpx.codes.NO_CONTENT}:
            # The first attempt may have arrived though its answer was lost.
            if registry.has(descriptor.digest):
                return
            raise registry.transport.unexpected(response, f"uploading {descriptor.digest}")


def _part(source: Source, start: int, size: int) -> Iterator[bytes]:
    with source() as stream:
        _skip(stream, start)
        while size:
            data = stream.read(min(BUFFER, size))
            if not data:
                raise InputError.single(
                    "", "a file became shorter while it was uploaded", "Push what nobody writes to."
                )
            size -= len(data)
            yield data


def _skip(stream: BinaryIO, start: int) -> None:
    if start and stream.seekable():
        stream.seek(start)
        return
    while start and (data := stream.read(min(BUFFER, start))):
        start -= len(data)
