"""Following at a distance: nobody waits, only the newest counts, what failed is tried again, what was undone mended."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from weighbridge.control.mirror.mirror import Mirror, Pace
from weighbridge.control.mirror.publication import Kind, Publication

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = Pace(backoff=0.01, longest_backoff=0.02, recheck=0.05, closing=0.2)


def publication(sequence: int, environment: str = "prod") -> Publication:
    return Publication(environment, sequence, {f"{environment}/live.tar.gz": b"%d" % sequence})


class Simulated:
    """A place in memory, which can fail, be slow, or hold something newer."""

    name = "simulated"

    def __init__(self) -> None:
        self.there: dict[str, int] = {}
        self.writes: list[int] = []
        self.broken: Exception | None = None
        self.open = threading.Event()
        self.open.set()

    def write(self, publication: Publication) -> int:
        self.open.wait()
        self.writes.append(publication.sequence)
        if self.broken:
            raise self.broken
        newest = max(self.there.get(publication.environment, 0), publication.sequence)
        self.there[publication.environment] = newest
        return newest


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_only_the_newest_is_written_and_nobody_waits_for_a_slow_place() -> None:
    async def work() -> None:
        place = Simulated()
        mirror = Mirror(place, QUICK)
        place.open.clear()
        for sequence in range(1, 101):
            await mirror.publish(publication(sequence))
        await until(lambda: mirror.lag_seconds > 0)
        place.open.set()
        await until(lambda: mirror.lag_seconds == 0)
        assert place.there == {"prod": 100}
        assert mirror.sequences == {"prod": 100}
        assert len(set(place.writes)) <= 2
        await mirror.stop()

    asyncio.run(work())


def test_an_older_publication_is_ignored() -> None:
    async def work() -> None:
        place = Simulated()
        mirror = Mirror(place, QUICK)
        await mirror.publish(publication(5))
        await mirror.publish(publication(4))
        await until(lambda: mirror.lag_seconds == 0)
        await mirror.stop()
        assert set(place.writes) == {5}

    asyncio.run(work())


def test_what_fails_is_tried_again_and_says_why_without_line_breaks() -> None:
    async def work() -> None:
        place = Simulated()
        place.broken = OSError("no way\nthere" + "x" * 1000)
        mirror = Mirror(place, QUICK)
        await mirror.publish(publication(1))
        await until(lambda: len(place.writes) > 3)
        assert mirror.last_error.startswith("OSError: no way")
        assert "\n" not in mirror.last_error
        assert len(mirror.last_error) <= 300
        assert mirror.lag_seconds > 0
        await mirror.publish(publication(2))
        place.broken = None
        await until(lambda: place.there == {"prod": 2})
        await until(lambda: mirror.last_error == "" and mirror.lag_seconds == 0)
        await mirror.stop()

    asyncio.run(work())


def test_one_environment_that_cannot_be_written_holds_up_no_other() -> None:
    class Halved(Simulated):
        def write(self, publication: Publication) -> int:
            if publication.environment == "dev":
                raise OSError("not this one")
            return super().write(publication)

    async def work() -> None:
        place = Halved()
        mirror = Mirror(place, QUICK)
        await mirror.publish(publication(1, "dev"))
        await mirror.publish(publication(1))
        await until(lambda: place.there == {"prod": 1})
        assert mirror.lag_seconds > 0
        await mirror.stop()

    asyncio.run(work())


def test_what_a_slower_replica_wrote_over_it_is_mended() -> None:
    async def work() -> None:
        place = Simulated()
        mirror = Mirror(place, QUICK)
        await mirror.publish(publication(9))
        await until(lambda: place.there == {"prod": 9})
        place.there["prod"] = 8
        await until(lambda: place.there == {"prod": 9})
        await mirror.stop()

    asyncio.run(work())


def test_a_place_that_holds_something_newer_is_not_behind() -> None:
    async def work() -> None:
        place = Simulated()
        place.there["prod"] = 12
        mirror = Mirror(place, QUICK)
        await mirror.publish(publication(9))
        await until(lambda: mirror.lag_seconds == 0)
        assert mirror.sequences == {"prod": 12}
        await mirror.stop()

    asyncio.run(work())


def test_stopping_writes_what_is_due_and_waits_for_no_place_that_hangs() -> None:
    async def work() -> None:
        place, hanging = Simulated(), Simulated()
        hanging.open.clear()
        mirrors = [Mirror(place, QUICK), Mirror(hanging, QUICK)]
        for mirror in mirrors:
            await mirror.publish(publication(3))
        await asyncio.wait_for(asyncio.gather(*(mirror.stop() for mirror in mirrors)), 5)
        assert place.there == {"prod": 3}
        assert mirrors[1].lag_seconds > 0
        hanging.open.set()
        await mirrors[0].publish(publication(4))
        assert place.there == {"prod": 3}

    asyncio.run(work())


def test_the_log_goes_first_and_live_data_before_the_release() -> None:
    files = dict.fromkeys(
        (
            "prod/envoy/keys/0123456789abcdef/release.tar.gz",
            "prod/envoy/release.tar.gz",
            "prod/live.tar.gz",
            "prod/livestate.jws",
            "log/prod.jsonl",
        ),
        b"",
    )
    kinds = [file.kind for file in Publication("prod", 1, files).in_order()]
    assert kinds == [Kind.LOG, Kind.STATE, Kind.LIVE, Kind.RELEASE, Kind.RELEASE]


@pytest.mark.parametrize(
    "path",
    [
        "dev/live.tar.gz",
        "log/dev.jsonl",
        "prod/../live.tar.gz",
        "/prod/live.tar.gz",
        "prod/live.tar.gz/",
        "prod/keys/0123/live.tar.gz",
        "prod/.mirror.json",
        "prod/live.tar.gz\n",
    ],
)
def test_a_path_of_another_form_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="published"):
        Publication("prod", 1, {path: b""})
