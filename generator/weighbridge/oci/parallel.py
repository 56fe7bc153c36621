"""Several transfers at a time: the first that fails, or an interrupt, ends the others within a piece of data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from weighbridge.oci.store import BUFFER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 4
"""Transfers at a time: most of one is waiting for the other side."""


class AbandonedError(Exception):
    """A transfer that another's failure made pointless; nobody sees it."""


def in_parallel(function: Callable[[Item, Event], Result], items: Iterable[Item]) -> list[Result]:
    """The function's results for the items, in their order.

    Args:
        function: gets an item, and the event after which it should give up: see `until`.
        items: what to do, the longest first.

    Raises:
        Exception: what the first that fails raises.
    """
    stop = Event()
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(function, item, stop) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return [future.result() for future in futures]


def until(stop: Event, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, unless the event comes first.

    Raises:
        AbandonedError: it came.
    """
    for piece in pieces:
        if stop.is_set():
            raise AbandonedError
        yield piece


class Watched:
    """A stream that tells how far it has been read, once for each byte, however often it is opened anew."""

    def __init__(self, advance: Callable[[int], None], stop: Event) -> None:
        """Watch a blob.

        Args:
            advance: told how many bytes were read for the first time.
            stop: ends reading.
        """
        self._advance, self._stop = advance, stop
        self._furthest = self._position = 0
        self._stream: BinaryIO | None = None

    def over(self, stream: BinaryIO) -> Watched:
        """The same, from the start of a newly opened stream."""
        self._stream, self._position = stream, 0
        return self

    def read(self, size: int = BUFFER) -> bytes:
        """Up to `size` bytes.

        Raises:
            AbandonedError: the event came.
        """
        if self._stop.is_set() or self._stream is None:
            raise AbandonedError
        data = self._stream.read(size)
        self._position += len(data)
        self.reach(self._position)
        return data

    def seekable(self) -> bool:
        """Whether the stream is."""
        return self._stream is not None and self._stream.seekable()

    def seek(self, position: int) -> int:
        """Go on from another place."""
        self._position = position
        return self._stream.seek(position) if self._stream is not None else 0

    def reach(self, position: int) -> None:
        """Tell what has not been told up to here."""
        if position > self._furthest:
            self._advance(position - self._furthest)
            self._furthest = position
