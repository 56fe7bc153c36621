"""Bodies of requests, bounded: in size, in time, and unpacked.

A gzip body is unpacked piece by piece up to its bound and not a byte further, so that a bomb costs its sender more than
it costs us.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any

from weighbridge.control.server.errors import Refused, too_large

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_GZIP = 16 + zlib.MAX_WBITS
_DISCARDED = 1024 * 1024
"""How much more than is allowed is read and thrown away, so that the answer still arrives."""


class Gone(Exception):  # noqa: N818 -- nobody is left to be told of an error
    """The client has gone."""


async def read_body(receive: Callable[[], Awaitable[Any]], limit: int, seconds: float) -> bytes:
    """The whole body.

    Args:
        receive: ASGI's.
        limit: the most bytes that are taken.
        seconds: until it is whole.

    Raises:
        Refused: too large, or too slow.
        Gone: the client went away first.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                size += len(message.get("body", b""))
                if size <= limit:
                    pieces.append(message.get("body", b""))
                if not message.get("more_body", False):
                    break
                if size > limit + _DISCARDED:
                    raise too_large(limit)
    except TimeoutError:
        close = ((b"connection", b"close"),)
        raise Refused(408, "timeout", "The body took too long to arrive.", close) from None
    if size > limit:
        raise too_large(limit)
    return b"".join(pieces)


def unpack(body: bytes, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """The body without its content coding.

    Args:
        body: as sent.
        headers: of the request, by lower-case name.
        limit: the most bytes that it may be unpacked.

    Raises:
        Refused: too large, not gzip though it says so, or another coding.
    """
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding == b"identity":
        if len(body) > limit:
            raise too_large(limit)
        return body
    if coding not in {b"gzip", b"x-gzip"}:
        raise Refused(415, "unsupported", "Send the body as it is, or packed with gzip.")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise Refused(400, "bad_request", "The body is not gzip, though its headers say so.") from error
    if len(data) > limit or unpacker.unconsumed_tail:
        raise too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(400, "bad_request", "The body's gzip is cut off, or something follows it.")
    return data
