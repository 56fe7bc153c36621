"""The control plane on each database: what is accepted is kept, published, served, and comes back after a restart."""

import asyncio
import json
import logging
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.control_plane import (
    QUICK,
    Identity,
    Release,
    RunningPlane,
    control_document,
    key,
    order,
    plane,
    predicate_of,
    revoke,
    short,
    status,
    until,
    version_digest,
)

from weighbridge.bundle.verify import verify_bundle
from weighbridge.control.entry import verify_log
from weighbridge.control.plane import ControlPlane
from weighbridge.control.plane_parts import PlaneTimes, ReportRefusedError
from weighbridge.errors import EngineError, InputError
from weighbridge.keys import DeviceKey, PublicKey, fingerprint, sign

LIVE = "prod/live.tar.gz"
FIRST = 3
"""Number of the first order's entry: before it stand the release and that it is settled."""
BAD = version_digest("qa@2.0.0")


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def live(given: ControlPlane, path: str = LIVE, signer: str = "live") -> dict[str, Any]:
    """What the live bundle says that is served there; its signature must hold."""
    served = given.bundle(path)
    assert served is not None
    bundle = verify_bundle(
        served.data,
        [key(signer).public_key()],
        keyid="live",
        scope="prod-live",
        roots=("weighbridge/live",),
    )
    return {
        **bundle.data()["weighbridge"]["live"],
        "revision": bundle.revision,
        "log": bundle.manifest["metadata"]["log"],
    }


def entries(given: ControlPlane, signer: str = "live") -> Any:
    served = given.bundle("prod/log.jsonl")
    assert served is not None
    public = key(signer).public_key()
    return verify_log(served.data.decode().splitlines(), {fingerprint(public): public})


async def published(given: ControlPlane, number: int) -> None:
    await until(lambda: live(given)["log"]["entries"] >= number)


def test_an_order_is_kept_published_and_comes_back(database: str, release: Release) -> None:
    async def test() -> None:
        bad = revoke()
        async with plane(database, release.folder) as first:
            assert (list(first.not_ready()), first.environments()) == ([], ("prod",))
            [result] = await first.submit(bad)
            assert (result.environment, result.outcome, result.number) == ("prod", "accepted", FIRST)
            await published(first, FIRST)
            assert BAD in live(first)["revoked"]
            before = live(first)
        async with plane(database, release.folder) as again:
            assert live(again)["sequence"] >= before["sequence"]
            assert BAD in live(again)["revoked"]
            [result] = await again.submit(bad)
            assert (result.outcome, result.number) == ("known", FIRST)
            assert [entry.number for entry in entries(again)] == [1, 2, 3]
            [shown] = again.order(predicate_of(bad)["id"])
            assert (shown.state, shown.number, shown.signers) == ("in-force", FIRST, ("oncall",))
            assert shown.envelope is not None

    run(test())


def test_a_second_signature_may_come_to_another_replica_or_later(database: str, release: Release) -> None:
    async def test() -> None:
        bad = revoke()
        fields = {"undoes": predicate_of(bad)["id"]}
        half = order("restore", BAD, signers=("mlsec",), **fields)
        given = predicate_of(half)
        other = order(**{**given, "kind": "restore", "target": BAD}, signers=("product",))
        async with plane(database, release.folder) as first:
            await first.submit(bad)
            [result] = await first.submit(half)
            assert (result.outcome, result.missing_signatures) == ("pending", 1)
            assert [shown.state for shown in first.orders("prod")] == ["pending", "in-force"]
        async with plane(database, release.folder) as again:
            assert [shown.state for shown in again.orders("prod")] == ["pending", "in-force"]
            [result] = await again.submit(other)
            assert (result.outcome, result.number) == ("accepted", 4)
            assert [shown.state for shown in again.orders("prod")] == ["done", "lifted"]
            await published(again, 4)
            assert live(again)["revoked"] == {}

    run(test())


def test_what_is_no_order_and_what_is_for_elsewhere(database: str, release: Release) -> None:
    async def test() -> None:
        async with plane(database, release.folder) as given:
            [result] = await given.submit(b'{"payload": "x"}')
            assert (result.environment, result.outcome) == ("", "refused")
            results = await given.submit(revoke(environments=["prod", "moon"]))
            assert {result.environment: result.outcome for result in results} == {"prod": "accepted", "moon": "refused"}
            [result] = await given.submit(revoke(signers=("product",)))
            assert result.outcome == "refused"
            assert given.environments() == ("prod",)

    run(test())


def test_a_burst_is_published_a_few_times(database: str, release: Release) -> None:
    async def test() -> None:
        async with plane(database, release.folder) as given:
            await asyncio.sleep(QUICK.coalesce)
            seen = [live(given)["sequence"]]
            start = time.monotonic()
            orders = [order("suspend", "acme") for _ in range(200)]
            answers = await asyncio.gather(*map(given.submit, orders))
            assert sorted(answer[0].number for answer in answers) == list(range(3, 203))
            while live(given)["log"]["entries"] < 202:
                if live(given)["sequence"] != seen[-1]:
                    seen.append(live(given)["sequence"])
                await asyncio.sleep(0.002)
            # At once, and from then on each quarter of a second.
            assert len(seen) <= 3 + (time.monotonic() - start) / QUICK.coalesce
            assert len(entries(given)) == 202

    run(test())


def test_who_waits_is_woken_by_news_only(running_plane: RunningPlane) -> None:
    async def test() -> None:
        given = running_plane.plane
        etag = given.bundle(LIVE).etag
        assert await given.wait("prod/nothing", "", 0.01) is None
        assert (await given.wait(LIVE, '"old"', 30)).etag == etag
        assert (await given.wait(LIVE, etag, 0.01)).etag == etag
        waiting = [asyncio.create_task(given.wait(LIVE, etag, 30)) for _ in range(1000)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await given.submit(revoke())
        found = await asyncio.gather(*waiting[1:])
        assert {served.etag for served in found} == {given.bundle(LIVE).etag} != {etag}

    running_plane.call(test())


def test_several_live_keys(database: str, release: Release) -> None:
    """The procedure for another live key: both sign, the log is by the first, past keys still verify the log."""

    async def test() -> None:
        both = {"live_keys": (key("live"), key("next"))}
        async with plane(database, release.folder, **both) as given:
            await given.submit(revoke())
            await published(given, FIRST)
            for path, signer in ((LIVE, "live"), (f"prod/keys/{short('live')}/live.tar.gz", "live"),
                                 (f"prod/keys/{short('next')}/live.tar.gz", "next")):  # fmt: skip
                assert BAD in live(given, path, signer)["revoked"]
            assert given.bundle(f"prod/keys/{short('next')}/livestate.jws") is not None
        past = {"live_keys": (key("next"),), "log_keys": (key("live").public_key(),)}
        async with plane(database, release.folder, **past) as given:
            await until(lambda: live(given, signer="next"))
            await given.submit(order("suspend", "acme"))
            public = {fingerprint(key(name).public_key()): key(name).public_key() for name in ("live", "next")}
            assert len(verify_log(given.bundle("prod/log.jsonl").data.decode().splitlines(), public)) == 4
        with pytest.raises(InputError, match="does not verify"):
            await plane(database, release.folder, live_keys=(key("next"),)).start()

    run(test())


class Failing(DeviceKey):
    """A key in a device that can be out of order."""

    source = "hsm:1"

    def __init__(self) -> None:
        self.broken = False
        self.slow = 0.0

    def public_key(self) -> PublicKey:
        return key("live").public_key()

    def sign_message(self, message: bytes, *, pss: bool = False) -> bytes:
        time.sleep(self.slow)
        if self.broken:
            raise InputError.single(self.source, "cannot be used: it is out of order")
        return sign(key("live"), message)


def test_a_device_that_is_out_of_order(tmp_path: Path, release: Release) -> None:
    async def test() -> None:
        device = Failing()
        async with plane(tmp_path / "db", release.folder, live_keys=(device,)) as given:
            device.slow = 0.2
            submitted = asyncio.create_task(given.submit(revoke()))
            await asyncio.sleep(0)
            start = time.monotonic()
            await asyncio.sleep(0.01)
            assert time.monotonic() - start < 0.15  # the loop goes on while the device takes its time
            [result] = await submitted
            assert result.outcome == "accepted"
            device.broken, device.slow = True, 0.0
            await until(lambda: any("out of order" in reason for reason in given.not_ready()))
            assert live(given)["log"]["entries"] == 2
            device.broken = False
            await published(given, FIRST)
            await until(lambda: not given.not_ready())
            assert BAD in live(given)["revoked"]

    run(test())


def test_live_data_is_issued_anew_before_it_ends(tmp_path: Path) -> None:
    async def test() -> None:
        terms = {"not_after": 10**9, "clusters_not_after": 10**9}
        release = Release(tmp_path / "out").write(control_document(live=terms))
        async with plane(tmp_path / "db", release.folder) as given:
            for _ in range(3):
                before = live(given)
                served = await given.wait(LIVE, given.bundle(LIVE).etag, 5)
                assert served is not None
                assert before["issued_at"] < live(given)["issued_at"] < before["not_after"]
                assert live(given)["sequence"] > before["sequence"]

    run(test())


@pytest.mark.parametrize("by_seconds", [-7200, 7200])
def test_a_clock_that_is_set(
    tmp_path: Path, release: Release, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, by_seconds: int
) -> None:
    async def test() -> None:
        async with plane(tmp_path / "db", release.folder) as given:
            before, etag = live(given), given.bundle(LIVE).etag
            real, real_ns = time.time, time.time_ns
            monkeypatch.setattr(time, "time", lambda: real() + by_seconds)
            monkeypatch.setattr(time, "time_ns", lambda: real_ns() + by_seconds * 10**9)
            await given.wait(LIVE, etag, 10)
            after = live(given)
            assert after["sequence"] > before["sequence"]
            assert abs(after["issued_at"] - time.time_ns()) < 5 * 10**9
            [result] = await given.submit(order("suspend", "acme"))
            assert result.outcome == "accepted"
            await published(given, FIRST)
            assert live(given)["sequence"] > after["sequence"]
            log = entries(given)
            assert [entry.at_ns for entry in log] == sorted(entry.at_ns for entry in log)
        monkeypatch.undo()
        async with plane(tmp_path / "db", release.folder) as again:
            # Back in time after a restart: still higher, and by the clock as it is now.
            await until(lambda: abs(live(again)["issued_at"] - time.time_ns()) < 5 * 10**9)
            assert live(again)["sequence"] >= after["sequence"]

    with caplog.at_level(logging.WARNING):
        run(test())
    assert "the clock was set" in caplog.text


def test_a_release_is_announced_before_it_is_served(database: str, release: Release) -> None:
    async def test() -> None:
        times = PlaneTimes(confirm=30, watch=0.05, tick=0.05)
        async with plane(database, release.folder, times=times) as given:
            old, served = release.revisions["prod"], given.bundle("prod/envoy/release.tar.gz")
            for number in range(3):
                await given.receive_status(Identity(), status(f"s{number}", live(given)["revision"], old))
            release.write(control_document(routes={"qa-now": {"models": ["qa"], "active": "qa@1.0.0"}}))
            new = release.revisions["prod"]
            await until(lambda: [one["revision"] for one in live(given)["releases"]] == [new, old])
            announced = live(given)
            assert announced["releases"][1]["until"] > time.time_ns() + 800 * 10**9
            assert announced["active"] == {"qa-now": "qa@2.0.0"}
            # Two of three have heard of it: the old bundles are still what is served.
            for number in range(2):
                await given.receive_status(Identity(), status(f"s{number}", announced["revision"], old))
            await asyncio.sleep(0.3)
            assert given.bundle("prod/envoy/release.tar.gz") == served
            await given.receive_status(Identity(), status("s2", announced["revision"], old))
            await until(lambda: given.bundle("prod/envoy/release.tar.gz") != served)
            assert given.bundle("prod/control.tar.gz").data == (release.folder / "prod/control.tar.gz").read_bytes()
            assert live(given)["active"] == {"qa-now": "qa@2.0.0"}
            for number in range(3):
                await given.receive_status(Identity(), status(f"s{number}", announced["revision"], new))
            await until(lambda: live(given)["active"] == {"qa-now": "qa@1.0.0"})
        async with plane(database, release.folder, times=times) as again:
            assert live(again)["active"] == {"qa-now": "qa@1.0.0"}

    run(test())


def test_a_rollout_goes_on_after_a_restart(database: str, release: Release) -> None:
    async def test() -> None:
        patient = PlaneTimes(confirm=600, watch=0.05, tick=0.05)
        async with plane(database, release.folder, times=patient) as given:
            old = given.bundle("prod/envoy/release.tar.gz")
            release.write(note="next")
            await until(lambda: live(given)["releases"][0]["revision"] == release.revisions["prod"])
        async with plane(database, None, times=patient) as given:
            assert given.bundle("prod/envoy/release.tar.gz") == old
        async with plane(database, None) as given:
            new = (release.folder / "prod/envoy/release.tar.gz").read_bytes()
            await until(lambda: given.bundle("prod/envoy/release.tar.gz").data == new)
            await until(lambda: len(entries(given)) == 4)

    run(test())


def test_releases_that_are_not_taken(database: str, release: Release, tmp_path: Path) -> None:
    async def test() -> None:
        old = Release(tmp_path / "old").write()
        async with plane(database, release.folder) as given:
            [found] = await given.announce(release.folder)
            assert found.outcome == "unchanged"
            release.write(note="next")
            await until(lambda: len(entries(given)) >= 3)
            with pytest.raises(InputError, match="superseded"):
                await given.announce(old.folder)
            forged = Release(tmp_path / "forged", keys=("live",)).write(note="forged")
            with pytest.raises(InputError, match="none of the keys"):
                await given.announce(forged.folder)
            await until(lambda: len(entries(given)) == 4)

    run(test())


def test_the_same_release_by_a_further_key(database: str, release: Release) -> None:
    async def test() -> None:
        keys = (key("release").public_key(), key("next-release").public_key())
        async with plane(database, release.folder, release_keys=keys) as given:
            Release(release.folder, keys=("release", "next-release")).write()
            path = f"prod/envoy/keys/{short('next-release')}/release.tar.gz"
            await until(lambda: given.bundle(path) is not None)
            assert len(entries(given)) == 2
            Release(release.folder, keys=("next-release",)).write()
            await until(lambda: given.bundle(f"prod/envoy/keys/{short('release')}/release.tar.gz") is None)
        # The old key is gone: what was announced by it is still understood.
        async with plane(database, release.folder, release_keys=keys[1:]) as given:
            assert len(entries(given)) == 2

    run(test())


def test_a_folder_that_cannot_be_read_does_not_stop_a_start(database: str, release: Release) -> None:
    async def test() -> None:
        (release.folder / "index.json").rename(release.folder / "index.away")
        with pytest.raises(InputError, match="index"):
            await plane(database, release.folder).start()
        (release.folder / "index.away").rename(release.folder / "index.json")
        async with plane(database, release.folder):
            pass
        (release.folder / "index.json").write_text("{")
        async with plane(database, release.folder) as given:
            [result] = await given.submit(revoke())
            assert result.outcome == "accepted"

    run(test())


def test_what_points_report(database: str, release: Release) -> None:
    async def test() -> None:
        async with plane(database, release.folder) as given:
            revision = live(given)["revision"]
            for number in range(300):
                await given.receive_status(Identity(), status(f"s{number}", revision, release.revisions["prod"]))
            agent = {
                "environment": "prod", "cluster": "east", "revision": release.revisions["prod"],
                "sequence": live(given)["sequence"], "at": "", "state": "ok",
            }  # fmt: skip
            await given.receive_receipt(Identity(name="agent"), agent)
            await _points(given, 301)
            view = await given.fleet("prod")
            assert view.counts["current"] == 301
            bad = revoke()
            await given.submit(bad)
            await published(given, FIRST)
            for number in range(299):
                await given.receive_status(
                    Identity(), status(f"s{number}", live(given)["revision"], release.revisions["prod"])
                )
            order_id = predicate_of(bad)["id"]
            while len((await given.fleet("prod", [order_id])).orders[0].confirmed) < 299:
                await asyncio.sleep(0.01)
            progress = (await given.fleet("prod", [order_id])).orders[0]
            assert {point.name for point in progress.waiting} == {"east/s299", "east/agent"}
            assert progress.published_milliseconds is not None
            assert await given.alarms("prod") == []
            with pytest.raises(ReportRefusedError):
                await given.receive_status(Identity(environment="dev"), status("s"))

    run(test())


async def _points(given: ControlPlane, count: int) -> None:
    deadline = time.monotonic() + 10
    while len((await given.fleet("prod")).points) != count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_what_was_never_issued_raises_an_alarm(
    database: str, release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with plane(database, release.folder) as given:
            good, revision = live(given)["revision"], release.revisions["prod"]
            await given.receive_status(Identity(), status("good", good, revision))
            await given.receive_status(Identity(), status("forged", "prod-live-99-1", revision))
            await given.receive_status(Identity(), status("old", good, "sha256:" + "0" * 64))
            await _points(given, 3)
            found = await given.alarms("prod")
            assert {(alarm.kind, alarm.subject) for alarm in found} == {
                ("unknown-live", "east/forged"), ("unknown-release", "east/old"),
            }  # fmt: skip

    with caplog.at_level(logging.WARNING):
        run(test())
    assert "alarm in prod: east/forged" in caplog.text


def test_one_credential_has_a_bounded_number_of_sidecars(database: str, release: Release) -> None:
    async def test() -> None:
        times = PlaneTimes(silent=0.2)
        few = Identity(sidecars=5)
        async with plane(database, release.folder, times=times) as given:
            for number in range(9):
                await given.receive_status(few, status(f"s{number}"))
            await _points(given, 5)
            assert [alarm.kind for alarm in await given.alarms("prod")] == ["too-many-sidecars"]
            await asyncio.sleep(0.3)
            # Those that are silent make room: after a restart a sidecar has another id.
            await given.receive_status(few, status("new"))
            while {point.id for point in (await given.fleet("prod")).points} != {"new"}:
                await asyncio.sleep(0.01)

    run(test())


def test_two_servers_never_share_a_sqlite_file(tmp_path: Path, release: Release) -> None:
    async def test() -> None:
        async with plane(tmp_path / "db", release.folder):
            with pytest.raises(EngineError, match="in use by another server"):
                await plane(tmp_path / "db", release.folder).start()
        async with plane(tmp_path / "db", release.folder):
            pass

    run(test())


def test_what_a_mirror_is_given(running_plane: RunningPlane) -> None:
    async def test() -> None:
        given, heard = running_plane.plane, []
        given.subscribe(heard.append)
        await given.submit(revoke())
        await published(given, FIRST)
        mirrored = given.mirrored("prod")
        assert mirrored.sequence == live(given)["sequence"]
        assert mirrored.files[LIVE] == given.bundle(LIVE).data
        assert len(mirrored.files["log/prod.jsonl"].splitlines()) == 3
        assert set(heard) == {"prod"}

    running_plane.call(test())


def test_metrics(running_plane: RunningPlane) -> None:
    from prometheus_client import generate_latest  # noqa: PLC0415 -- of the extra `control`

    text = generate_latest(running_plane.plane.registry).decode()
    assert 'weighbridge_log_entries{environment="prod"} 2.0' in text
    assert "weighbridge_ready 1.0" in text
    assert json.dumps(text)
