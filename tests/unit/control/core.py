"""A log without a server: control data as `compile` signs it, orders judged and appended one after the other."""

import json
from pathlib import Path
from typing import Any

from tests.control_plane import Release, control_document, key, order

from weighbridge.control.control_data import ControlData, read_control
from weighbridge.control.entry import Announced, Content, Entry, Settled, sign_entry
from weighbridge.control.judge import Judgement, judge_order
from weighbridge.control.state import State
from weighbridge.keys import fingerprint

NOW = 1_768_435_200 * 10**9  # 2026-01-15T00:00:00Z
ISSUED = "2026-01-15T00:00:00Z"
LIVE_KEYS = {fingerprint(key("live").public_key()): key("live").public_key()}


def control(folder: Path, note: str = "", **changes: Any) -> ControlData:
    """Control data of one release; another note makes another revision."""
    document = control_document(**changes)
    release = Release(folder / f"release-{note or 'one'}-{abs(hash(json.dumps(document, sort_keys=True)))}")
    release.write(document, note=note)
    path = release.folder / document["environment"] / "control.tar.gz"
    return read_control(path.read_bytes(), [key("release").public_key()])


class Log:
    """A log of one environment, with the state that follows from it."""

    def __init__(self, first: ControlData | None = None) -> None:
        self.state = State.empty("prod")
        self.entries: list[Entry] = []
        self.controls: dict[str, ControlData] = {}
        self.now = NOW
        if first is not None:
            self.release(first)

    def append(self, content: Content, given: ControlData | None = None) -> Entry:
        self.now += 10**9
        entry = sign_entry(content, key("live"), environment="prod", head=self.state.head, at_ns=self.now)
        self.state = self.state.apply(entry, given)
        self.entries.append(entry)
        return entry

    def release(self, given: ControlData, *, settle: bool = True, until_ns: int | None = None) -> None:
        until = (until_ns or self.now + 600 * 10**9) if self.state.release else None
        active = {alias: route.active for alias, route in given.routes.items() if route.active}
        self.controls[given.revision] = given
        self.append(Announced(given.revision, given.sha256, active, until), given)
        if settle:
            self.append(Settled(given.revision))

    def judge(self, data: bytes, pending: Any = None, environment: str = "prod") -> Judgement:
        return judge_order(
            data,
            environment=environment,
            control=self.state.release,
            state=self.state,
            at_ns=self.now,
            pending=pending,
        )

    def take(self, data: bytes) -> Judgement:
        """Judge an order, and append it if it is accepted."""
        judgement = self.judge(data)
        if judgement.accepted is not None:
            self.append(judgement.accepted)
        return judgement


def issued(kind: str, target: str, **fields: Any) -> bytes:
    """An order of the logs' time."""
    return order(kind, target, **({"issued_at": ISSUED} | fields))
