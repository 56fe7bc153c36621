"""Control planes in processes that can be killed, and the proof that nothing accepted is lost."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.control_plane import Release, key, plane, predicate_of, until

from weighbridge.bundle.verify import verify_bundle
from weighbridge.control.control_data import read_control
from weighbridge.control.entry import Accepted, Announced, verify_log
from weighbridge.control.plane import ControlPlane
from weighbridge.control.state import live_state, rebuild
from weighbridge.keys import fingerprint

ROOT = Path(__file__).parents[3]
REPEATED = int(os.environ.get("WEIGHBRIDGE_FAULTS", "1"))
"""How often each fault is tried."""


class PlaneProcess:
    """One replica that reads orders from a pipe.

    Attributes:
        answers: what it said so far.
    """

    def __init__(self, database: str, release: Release, *, signing_seconds: float = 0.01, **limits: Any) -> None:
        command = [sys.executable, str(Path(__file__).with_name("plane_process.py"))]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [*command, database, str(release.folder), str(signing_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=ROOT,
            **limits,
        )
        self.answers: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait(bool)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):  # a line that was cut off by kill -9
                self.answers.append(json.loads(line))

    def wait(self, true: Any, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not true(self.answers):
            assert self._process.poll() is None, "the process ended"
            assert time.monotonic() < deadline, f"it did not come about: {self.answers[-3:]}"
            time.sleep(0.001)

    def send(self, order: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(base64.b64encode(order) + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
        self._reader.join(5)

    @property
    def accepted(self) -> set[int]:
        """Numbers of the entries that it said to have accepted."""
        return {answer["number"] for answer in self.answers if answer.get("outcome") == "accepted"}


def accepted_ids(given: ControlPlane) -> dict[int, str]:
    """Order ids by number, from the log that is served, verified entry by entry."""
    return {entry.number: entry.content.id for entry in log(given) if isinstance(entry.content, Accepted)}


def log(given: ControlPlane) -> Any:
    served, public = given.bundle("prod/log.jsonl"), key("live").public_key()
    assert served is not None
    return verify_log(served.data.decode().splitlines(), {fingerprint(public): public})


def check_whole(given: ControlPlane, release: Release) -> None:
    """The log verifies, and the live bundle is what follows from it and from nothing else."""
    entries = log(given)
    control = read_control((release.folder / "prod/control.tar.gz").read_bytes(), [key("release").public_key()])
    announced = [entry.content for entry in entries if isinstance(entry.content, Announced)]
    assert [content.revision for content in announced] == [control.revision]
    state = rebuild("prod", entries, {control.revision: control})
    served = given.bundle("prod/live.tar.gz")
    assert served is not None
    bundle = verify_bundle(
        served.data, [key("live").public_key()], keyid="live", scope="prod-live", roots=("weighbridge/live",)
    )
    says = bundle.data()["weighbridge"]["live"]
    expected = live_state(state, sequence=says["sequence"], issued_at_ns=says["issued_at"])
    assert bundle.manifest["metadata"]["log"] == {"entries": entries[-1].number, "sha256": entries[-1].sha256}
    assert says["revoked"] == dict(expected.restrictions.revoked)
    assert says["suspended"] == dict(expected.restrictions.suspended)


async def nothing_is_lost(database: str, release: Release, orders: list[bytes], accepted: set[int]) -> None:
    """Whoever starts now has everything that was accepted, and publishes it."""
    async with plane(database, release.folder) as again:
        known = accepted_ids(again)
        assert accepted <= set(known), "an accepted order is lost"
        ids = {predicate_of(order)["id"] for order in orders}
        assert set(known.values()) <= ids
        assert len(set(known.values())) == len(known)
        await until(lambda: not again.not_ready())
        await until(lambda: not again._ledgers["prod"].unpublished)
        check_whole(again, release)
