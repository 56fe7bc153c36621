"""Several replicas on one PostgreSQL: each hears of what the others do, at once and without asking."""

import asyncio
import time

import asyncpg
import pytest
from tests.control_plane import QUICK, Postgres, Release, control_document, key, order, plane, revoke, short, until
from tests.e2e.control.processes import accepted_ids, check_whole

from weighbridge.control.plane import ControlPlane
from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.store.postgres import CHANNEL

LIVE = "prod/live.tar.gz"


def sequence(given: ControlPlane) -> int:
    return given.mirrored("prod").sequence


def test_replicas_serve_the_same_bytes_and_publish_together_no_faster_than_one(
    postgres: Postgres, release: Release
) -> None:
    async def test() -> None:
        database = postgres.database()
        async with (
            plane(database, release.folder) as one,
            plane(database, release.folder) as two,
            plane(database, release.folder) as three,
        ):
            seen, start = {sequence(one)}, time.monotonic()
            waiting = [asyncio.create_task(given.submit(order("suspend", "acme"))) for given in (one, two, three) * 20]
            while not all(task.done() for task in waiting) or any(
                given._ledgers["prod"].unpublished for given in (one, two, three)
            ):
                seen |= {sequence(given) for given in (one, two, three)}
                await asyncio.sleep(0.002)
            assert len(seen) <= 3 + (time.monotonic() - start) / QUICK.coalesce
            await until(lambda: one.bundle(LIVE) == two.bundle(LIVE) == three.bundle(LIVE))
            for given in (one, two, three):
                assert len(accepted_ids(given)) == 60
                check_whole(given, release)

    asyncio.run(test())


def test_a_release_that_one_replica_takes_is_served_by_all(postgres: Postgres, release: Release) -> None:
    async def test() -> None:
        database = postgres.database()
        async with plane(database) as follower, plane(database, release.folder) as leader:
            path = "prod/envoy/release.tar.gz"
            await until(lambda: follower.bundle(path) == leader.bundle(path) is not None)
            release.write(note="next")
            new = (release.folder / path).read_bytes()
            await until(lambda: follower.bundle(path).data == new)
            release.write(control_document("prod"), control_document("dev"), note="third")
            await until(lambda: follower.environments() == ("dev", "prod"))
            [result] = await follower.submit(revoke(environments=["dev"]))
            assert result.outcome == "accepted"

    asyncio.run(test())


def test_what_was_told_while_nobody_listened_is_read_afterwards(postgres: Postgres, release: Release) -> None:
    async def test() -> None:
        database = postgres.database()
        async with plane(database, release.folder) as one, plane(database, release.folder) as two:
            connection = await asyncpg.connect(database)
            before = one.bundle(LIVE)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
            )
            [result] = await one.submit(revoke())
            assert result.outcome == "accepted"
            for given in (one, two):
                await until(lambda given=given: given.bundle(LIVE) != before)
                await until(lambda given=given: not given.not_ready())
                check_whole(given, release)
            listening = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE $1", "LISTEN%"
            )
            assert listening == 2
            await connection.close()

    asyncio.run(test())


def test_a_database_that_was_put_back_is_refused(postgres: Postgres, release: Release) -> None:
    """Whoever runs the database takes accepted orders out of it: a replica that knows them says so, and takes none."""

    async def test() -> None:
        database = postgres.database()
        async with plane(database, release.folder) as given:
            await given.submit(revoke())
            await until(lambda: not given._ledgers["prod"].unpublished)
            connection = await asyncpg.connect(database)
            await connection.execute("DELETE FROM log_entries WHERE number = 3")
            await connection.execute("SELECT pg_notify($1, 'prod')", CHANNEL)
            await until(lambda: any("shorter" in reason for reason in given.not_ready()))
            with pytest.raises(UnavailableError, match="shorter"):
                await given.submit(order("suspend", "acme"))
            assert given.bundle(LIVE) is not None
            await connection.close()

    asyncio.run(test())


def test_replicas_with_different_live_keys_while_one_is_replaced(postgres: Postgres, release: Release) -> None:
    """Nobody waits for a replica that publishes by the other key only."""

    async def test() -> None:
        database = postgres.database()
        both = {"live_keys": (key("live"), key("next")), "log_keys": (key("live").public_key(),)}
        new = {"live_keys": (key("next"),), "log_keys": (key("live").public_key(),)}
        async with plane(database, release.folder, **both) as one, plane(database, release.folder, **new) as two:
            path = f"prod/keys/{short('next')}/live.tar.gz"
            for given in (one, two):
                before = [one.bundle(LIVE), one.bundle(path), two.bundle(LIVE)]
                await given.submit(order("suspend", "acme"))
                await until(lambda before=before: one.bundle(LIVE) != before[0])
                await until(lambda before=before: one.bundle(path) != before[1] and two.bundle(LIVE) != before[2])
                await until(lambda: not one._ledgers["prod"].unpublished and not two._ledgers["prod"].unpublished)
            await until(lambda: sequence(one) == sequence(two))
            count = sequence(one), sequence(two)
            await asyncio.sleep(4 * QUICK.coalesce)
            assert (sequence(one), sequence(two)) == count  # and they do not go on for ever

    asyncio.run(test())
