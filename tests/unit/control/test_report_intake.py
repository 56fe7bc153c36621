"""What a point says again is not written again, and what it says anew always is."""

import asyncio
import time

from tests.control_plane import QUICK, Identity, plane, status, until

from weighbridge.control.report import QUIET_NS, read_status
from weighbridge.control.report_intake import ReportIntake


class Stored:
    """Instead of a database: what was to be stored, by the point's newest live revision."""

    def __init__(self, intake):
        self.revisions = []
        self._store = intake._store
        intake._store = self

    async def __call__(self, batch):
        self.revisions += [report.live_revision for report in batch.values()]
        await self._store(batch)


def test_the_same_again_is_not_stored_and_a_change_is(tmp_path):
    async def run():
        async with plane(tmp_path / "control.db") as control:
            intake = control._replica.intake
            stored = Stored(intake)

            async def say(revision):
                count = len(stored.revisions)
                await control.receive_status(Identity(), status("a", live=revision))
                await asyncio.sleep(0)
                return count

            for revision in ("one", "two", "one"):
                count = await say(revision)
                await until(lambda count=count: len(stored.revisions) > count)
                await until(lambda: intake._written)
            await say("one")
            assert not intake._waiting
            assert stored.revisions == ["one", "two", "one"]

    asyncio.run(run())


def test_what_is_old_is_said_anew(tmp_path):
    async def run():
        async with plane(tmp_path / "control.db") as control:
            intake = control._replica.intake
            now = time.time_ns()
            intake.take(read_status(Identity(), status("a", live="one"), now))
            await until(lambda: intake._written)
            intake.take(read_status(Identity(), status("a", live="one"), now + QUIET_NS - 1))
            assert not intake._waiting
            intake.take(read_status(Identity(), status("a", live="one"), now + QUIET_NS))
            assert intake._waiting

    asyncio.run(run())


def test_while_it_is_being_stored_nothing_is_passed_over():
    async def run():
        intake = ReportIntake(None, {}, QUICK, lambda _: None)
        intake.take(read_status(Identity(), status("a", live="one"), 1))
        (first,) = intake._waiting.values()
        intake._waiting.clear()
        intake.take(first)
        assert intake._waiting

    asyncio.run(run())
