"""Transfers side by side."""

import io
import threading

import pytest

from weighbridge.oci.parallel import AbandonedError, Watched, in_parallel, until


def test_results_come_in_the_items_order() -> None:
    assert in_parallel(lambda item, _stop: item * 2, range(20)) == list(range(0, 40, 2))


def test_the_first_that_fails_ends_the_others_and_is_what_is_raised() -> None:
    """The first item would go on for ever: it ends because the second failed."""
    begun = threading.Event()

    def one(item: int, stop: threading.Event) -> None:
        if item == 0:
            begun.set()
            for _ in until(stop, iter(lambda: stop.wait(0.01) or b"x", None)):
                pass
        begun.wait()
        raise ValueError(item)

    with pytest.raises(ValueError, match="1"):
        in_parallel(one, [0, 1])


def test_what_is_read_again_is_told_once() -> None:
    told: list[int] = []
    watched = Watched(told.append, threading.Event())
    watched.over(io.BytesIO(b"0123456789")).read(6)
    second = watched.over(io.BytesIO(b"0123456789"))
    assert second.seek(4) == 4
    assert second.read(4) == b"4567"
    watched.reach(10)
    assert (told, sum(told)) == ([6, 2, 2], 10)


def test_reading_ends_when_it_is_pointless() -> None:
    stop = threading.Event()
    watched = Watched(lambda _count: None, stop).over(io.BytesIO(b"x"))
    stop.set()
    with pytest.raises(AbandonedError):
        watched.read(1)
