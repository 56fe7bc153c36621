"""Faults of processes and databases: each tried several times, nothing accepted is lost, nothing half is served.

`WEIGHBRIDGE_FAULTS=100` tries each a hundred times.
"""

import asyncio
import contextlib
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.control_plane import (
    Identity,
    Postgres,
    Release,
    order,
    plane,
    revoke,
    status,
    until,
    version_digest,
)
from tests.e2e.control.processes import REPEATED, PlaneProcess, accepted_ids, check_whole, nothing_is_lost

from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.store.log_copy import LogCopy
from weighbridge.control.store.opening import log_folder
from weighbridge.errors import InputError

BAD = version_digest("qa@2.0.0")
CHANCE = random.Random(20260115)


def orders(count: int) -> list[bytes]:
    return [revoke(), *(order("suspend", "acme") for _ in range(count - 1))]


@pytest.mark.parametrize("attempt", range(REPEATED))
def test_killed_between_accepting_and_publishing(database: str, release: Release, attempt: int) -> None:
    given = orders(12)
    process = PlaneProcess(database, release, signing_seconds=0.01)
    for one in given:
        process.send(one)
    wanted = attempt % 4
    process.wait(lambda answers: len(answers) > wanted + 1)
    time.sleep(CHANCE.random() * 0.06)
    process.kill()
    assert process.accepted
    asyncio.run(nothing_is_lost(database, release, given, process.accepted))


def test_killed_with_an_accepted_order_that_was_never_published(database: str, release: Release) -> None:
    """The widest window: signing a bundle takes a second, so at the kill nothing was published for certain."""
    process = PlaneProcess(database, release, signing_seconds=0.4)
    bad = revoke()
    process.send(bad)
    process.wait(lambda answers: any(answer.get("outcome") == "accepted" for answer in answers))
    process.kill()

    async def test() -> None:
        async with plane(database, release.folder) as again:
            assert list(accepted_ids(again)) == [3]
            check_whole(again, release)

    asyncio.run(test())


@pytest.mark.parametrize("attempt", range(REPEATED))
def test_a_replica_is_killed(postgres: Postgres, release: Release, attempt: int) -> None:
    """The other one publishes what the dead one accepted; nobody starts anything anew."""
    database, given = postgres.database(), orders(8)

    async def test() -> None:
        async with plane(database, release.folder) as survivor:
            process = await asyncio.to_thread(PlaneProcess, database, release, signing_seconds=0.02)
            for one in given:
                process.send(one)
            await asyncio.to_thread(process.wait, lambda answers: len(answers) > 1 + attempt % 3)
            await asyncio.sleep(CHANCE.random() * 0.05)
            process.kill()
            await until(lambda: process.accepted <= set(accepted_ids(survivor)))
            await until(lambda: not survivor._ledgers["prod"].unpublished)
            check_whole(survivor, release)
            # It goes on taking orders, the same ones as well.
            answers = await asyncio.gather(*map(survivor.submit, given))
            assert {answer[0].outcome for answer in answers} <= {"accepted", "known"}
            assert len(accepted_ids(survivor)) == len(given)

    asyncio.run(test())


@pytest.mark.parametrize("attempt", range(max(2, REPEATED // 2)))
def test_two_orders_at_once_on_two_replicas(postgres: Postgres, release: Release, attempt: int) -> None:
    database = postgres.database()

    async def test() -> None:
        async with plane(database, release.folder) as one, plane(database, release.folder) as other:
            mine, yours, same = orders(5), orders(5), orders(3)
            first, second = [*mine, *same], [*same, *yours]
            CHANCE.shuffle(first)
            CHANCE.shuffle(second)
            answers = await asyncio.gather(*map(one.submit, first), *map(other.submit, second))
            outcomes = [answer[0].outcome for answer in answers]
            assert (outcomes.count("accepted"), outcomes.count("known")) == (13, 3)
            numbers = {answer[0].number for answer in answers}
            assert numbers == set(range(3, 16))
            for given in (one, other):
                await until(lambda given=given: len(accepted_ids(given)) == 13)
                await until(lambda given=given: not given._ledgers["prod"].unpublished)
            await until(lambda: one.bundle("prod/live.tar.gz").etag == other.bundle("prod/live.tar.gz").etag)
            check_whole(one, release)
            check_whole(other, release)

    asyncio.run(test())


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Postgres]:
    """A server that may be killed."""
    server = Postgres(postgres.folder.parent / f"own-{time.monotonic_ns()}").create()
    server.start()
    yield server
    server.stop()


def test_postgresql_is_killed(own_postgres: Postgres, release: Release) -> None:
    database, sent, accepted = own_postgres.database(), [], set()

    async def test() -> None:
        async with plane(database, release.folder) as one, plane(database, release.folder) as other:
            for attempt in range(max(2, REPEATED // 2)):
                given = orders(6)
                sent.extend(given)
                waiting = [asyncio.create_task(target.submit(data)) for data in given for target in (one, other)]
                await asyncio.sleep(CHANCE.random() * 0.04)
                own_postgres.kill()
                answers = await asyncio.gather(*waiting, return_exceptions=True)
                assert all(isinstance(answer, list | UnavailableError) for answer in answers)
                accepted.update(answer[0].number for answer in answers if isinstance(answer, list))
                before = one.bundle("prod/live.tar.gz")
                with pytest.raises(UnavailableError):
                    await one.submit(revoke())
                await until(lambda: one.not_ready() and other.not_ready())
                assert one.bundle("prod/live.tar.gz") == before
                await asyncio.to_thread(own_postgres.start)
                await until(lambda: not one.not_ready() and not other.not_ready())
                # What was not answered may be sent again, and is one order all the same.
                for data in given:
                    [answer] = await (one if attempt % 2 else other).submit(data)
                    accepted.add(answer.number)
                for replica in (one, other):
                    await until(lambda replica=replica: accepted <= set(accepted_ids(replica)))
                    await until(lambda replica=replica: not replica._ledgers["prod"].unpublished)
                    check_whole(replica, release)
            assert len(accepted_ids(one)) == len(sent)

    asyncio.run(test())


def limit_files(size: int) -> Any:
    """A disk that is full: no file grows beyond so many bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_a_full_disk(tmp_path: Path, release: Release) -> None:
    """Orders are answered as not accepted; what was accepted is served on, and is there once there is room."""
    database = str(tmp_path / "control.sqlite")
    given = orders(1)
    process = PlaneProcess(database, release, preexec_fn=limit_files(700_000))
    process.send(given[0])
    process.wait(lambda answers: any(answer.get("outcome") == "accepted" for answer in answers))
    while not any("unavailable" in answer for answer in process.answers):
        given.append(order("suspend", "acme", reason="x" * 900))
        process.send(given[-1])
        count = len(given)
        process.wait(lambda answers, count=count: len(answers) > count)
        assert len(given) < 2000
    told = next(answer["unavailable"] for answer in process.answers if "unavailable" in answer)
    assert "disk" in told or "full" in told
    process.kill()
    asyncio.run(nothing_is_lost(database, release, given, process.accepted))


async def filled(path: Path, release: Release, count: int = 20) -> list[bytes]:
    """A database with orders, and nothing published of the last ones in the file itself."""
    given = orders(count)
    async with plane(path, release.folder) as before:
        await asyncio.gather(*map(before.submit, given))
        await before.receive_status(Identity(), status("s1"))
        await until(lambda: not before._ledgers["prod"].unpublished)
    return given


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(200):
        data[CHANCE.randrange(100, len(data))] ^= 1 << CHANCE.randrange(8)
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def shorten(path: Path) -> None:
    """The file as it was before the last orders: well in itself."""
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM log_entries WHERE number > 10")
        connection.execute("DELETE FROM publications WHERE log_entries > 10")


def change(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE log_entries SET jws = replace(jws, 'A', 'B') WHERE number = 7")


def exchange(path: Path) -> None:
    """Bundles of an older publication, in the place of the newest: they say a revision, and it is compared."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE log_entries SET number = number + 100 WHERE number = 7")


@pytest.mark.parametrize("damage", [flip, truncate, empty, garbage, shorten, change, exchange, Path.unlink])
def test_a_damaged_sqlite_file_is_never_served_from(tmp_path: Path, release: Release, damage: Any) -> None:
    async def test() -> None:
        database = tmp_path / "control.sqlite"
        await filled(database, release)
        damage(database)
        with pytest.raises(InputError, match="weighbridge orders rebuild"):
            async with plane(database, release.folder):
                pass

    asyncio.run(test())


def test_a_write_ahead_log_that_was_deleted(tmp_path: Path, release: Release) -> None:
    """The file alone is a sound database, without the orders: only the copy of the log knows better."""
    database = tmp_path / "control.sqlite"
    process = PlaneProcess(str(database), release)
    for one in orders(5):
        process.send(one)
    process.wait(lambda answers: len(answers) == 6)
    process.kill()
    assert Path(f"{database}-wal").stat().st_size
    Path(f"{database}-wal").unlink()
    Path(f"{database}-shm").unlink(missing_ok=True)

    async def test() -> None:
        with pytest.raises(InputError, match="weighbridge orders rebuild"):
            await plane(database, release.folder).start()

    asyncio.run(test())


def test_damage_is_noticed_while_it_runs(tmp_path: Path, release: Release) -> None:
    async def test() -> None:
        database = tmp_path / "control.sqlite"
        await filled(database, release, 300)
        async with plane(database, release.folder) as given:
            served = given.bundle("prod/live.tar.gz")
            with database.open("r+b") as file:
                file.seek(4096)
                file.write(os.urandom(database.stat().st_size - 4096))
            deadline = time.monotonic() + 10
            while not any("damaged" in reason for reason in given.not_ready()):
                assert time.monotonic() < deadline
                try:
                    await given.submit(order("suspend", "acme"))
                except UnavailableError as error:
                    told = str(error)
            assert "damaged" in told
            with pytest.raises(UnavailableError, match="damaged"):
                await given.submit(revoke())
            await asyncio.sleep(0.3)
            assert given.bundle("prod/live.tar.gz").data
            assert served is not None

    asyncio.run(test())


def test_a_copy_that_is_behind_or_torn_is_completed(tmp_path: Path, release: Release) -> None:
    async def test() -> None:
        database = tmp_path / "control.sqlite"
        await filled(database, release, 6)
        file = log_folder(database) / "prod.jsonl"
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:4]) + lines[4][:50])
        async with plane(database, release.folder) as given:
            await given.submit(order("suspend", "acme"))
            await until(lambda: not given._ledgers["prod"].unpublished)
            check_whole(given, release)
        copy = LogCopy(log_folder(database))
        copy.check("prod", [line for line in copy._lines(file)])  # noqa: C416 -- what the file holds now
        assert len(copy._lines(file)) == 9

    asyncio.run(test())


def test_a_small_disk(release: Release, tmp_path: Path) -> None:
    """A file system of its own that is full: SQLite and the copy of the log both get ENOSPC."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a file system; `test_a_full_disk` tries the same with a limit")
    try:
        asyncio.run(_small_disk(place / "control.sqlite", release))
    finally:
        subprocess.run(["umount", str(place)], check=True)


async def _small_disk(database: Path, release: Release) -> None:
    accepted, refused = set(), 0
    ballast = database.with_name("ballast")
    async with plane(database, release.folder) as given:
        await given.submit(revoke())
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"0" * 1024)
        for _ in range(60):
            try:
                [answer] = await given.submit(order("suspend", "acme", reason="x" * 900))
                accepted.add(answer.number)
            except UnavailableError:
                refused += 1
        assert refused
        ballast.unlink()
        [answer] = await given.submit(order("suspend", "acme"))
        assert answer.outcome == "accepted"
        await until(lambda: not given.not_ready() and not given._ledgers["prod"].unpublished)
        check_whole(given, release)
        assert accepted <= set(accepted_ids(given))
    shutil.copytree(database.parent, database.parent.parent / "kept")
    async with plane(database.parent.parent / "kept" / database.name, release.folder) as again:
        assert accepted <= set(accepted_ids(again))
        check_whole(again, release)
