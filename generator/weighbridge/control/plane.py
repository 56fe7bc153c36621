"""The control plane: orders in, bundles and receipts out. Everything that a server of it needs, without HTTP.

One object a process; all of it belongs to the event loop that started it. Paths are those below `/bundles/` and
`/v1/environments/`, without their prefix:

    <env>/live.tar.gz                  <env>/keys/<fp16>/live.tar.gz
    <env>/livestate.jws                <env>/keys/<fp16>/livestate.jws
    <env>/<point>/release.tar.gz       <env>/<point>/keys/<fp16>/release.tar.gz
    <env>/control.tar.gz               <env>/keys/<fp16>/control.tar.gz
    <env>/approvals                    <env>/keys/<fp16>/approvals
    <env>/log.jsonl
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self

from weighbridge.control.judge import Judgement, read_order
from weighbridge.control.plane_metrics import PlaneMetrics
from weighbridge.control.plane_parts import UnavailableError
from weighbridge.control.replica import Replica
from weighbridge.control.report import read_receipt, read_status
from weighbridge.control.shown import (
    environment_view,
    mirrored_files,
    no_release,
    order_result,
    served_log,
    shown_orders,
)
from weighbridge.control.store import reports
from weighbridge.control.view import fleet_view
from weighbridge.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from weighbridge.control.answers import EnvironmentView, OrderResult, ShownOrder
    from weighbridge.control.control_data import ControlData
    from weighbridge.control.fleet_view import FleetView
    from weighbridge.control.judge import Submission
    from weighbridge.control.mirror.publication import Publication as Mirrored
    from weighbridge.control.plane_parts import Alarm, AnnouncedRelease, PlaneSettings, Reporter, Served
    from weighbridge.keys import PublicKey


class ControlPlane:
    """A replica of the control plane.

    Args:
        settings: what it is told.

    Attributes:
        registry: of its metrics, for `prometheus_client`.

    Raises:
        InputError: no live key, or no release key.
    """

    def __init__(self, settings: PlaneSettings) -> None:
        self._replica = Replica(settings)
        self._times = settings.times
        self._ledgers = self._replica.ledgers
        self.registry = PlaneMetrics(self._ledgers, lambda: self._replica.intake.alarms, self.not_ready).registered()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the store, verify the log, publish what is not published yet, begin to watch.

        Raises:
            InputError: a key, the folder of bundles or the database is not acceptable (a corrupted SQLite file).
            EngineError: the database cannot be reached, or another server uses it.
        """
        await self._replica.start()

    async def stop(self) -> None:
        """Finish what was begun, and close the store."""
        await self._replica.stop()

    async def submit(self, data: bytes) -> list[OrderResult]:
        """Judge an order in every environment that it names; what is accepted is on the disk when this returns.

        Args:
            data: the DSSE envelope as it was received.

        Raises:
            UnavailableError: the store could not keep it, so it was not accepted anywhere or not everywhere; the same
                order may be sent again.
        """
        read = await asyncio.to_thread(read_order, data)
        if isinstance(read, Judgement):
            return [order_result(read)]
        # Each is waited for: what one environment has accepted must not be lost with the failure of another.
        asked = [self._submit(read, name) for name in dict.fromkeys(read.predicate.environments)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            raise failed[0]
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def announce(self, folder: Path) -> list[AnnouncedRelease]:
        """Take in what `compile` wrote, all of it or nothing.

        Raises:
            InputError: something is not signed by a release key, not what the index says, or was superseded.
            UnavailableError: the store could not keep it.
        """
        return await self._replica.announce(folder)

    def bundle(self, path: str) -> Served | None:
        """What is served at a path now; None where there is nothing."""
        name, _, rest = path.partition("/")
        if rest == "log.jsonl" and name in self._ledgers:
            return served_log(self._ledgers[name])
        return self._replica.resources.get(path)

    async def wait(self, path: str, etag: str, seconds: float) -> Served | None:
        """What is served at a path as soon as its ETag is another one, or else after so many seconds."""
        return await self._replica.resources.wait(path, etag, seconds) if _held(path) else self.bundle(path)

    async def receive_status(self, identity: Reporter, document: Mapping[str, Any]) -> None:
        """Take a sidecar's status in OPA's format; it is stored soon after.

        Raises:
            ReportRefusedError: it is none, or of another environment.
            UnavailableError: too many wait.
        """
        self._replica.intake.take(read_status(identity, document, time.time_ns()))

    async def receive_receipt(self, identity: Reporter, document: Mapping[str, Any]) -> None:
        """An agent's receipt: `{"environment", "cluster", "revision", "sequence", "at", "state", "detail"}`.

        Raises:
            ReportRefusedError: as above, or of another cluster.
            UnavailableError: as above.
        """
        self._replica.intake.take(read_receipt(identity, document, time.time_ns()))

    def environments(self) -> tuple[str, ...]:
        """Those of which a release was announced, sorted."""
        return tuple(sorted(name for name, ledger in self._ledgers.items() if ledger.state.release is not None))

    def environment(self, environment: str) -> EnvironmentView | None:
        """What the newest live bundle of an environment says; None before there is one."""
        ledger = self._ledgers.get(environment)
        return None if ledger is None or ledger.published is None else environment_view(ledger)

    def control(self, environment: str) -> ControlData | None:
        """Control data of the release that was announced last."""
        return self._ledgers[environment].state.release if environment in self._ledgers else None

    def operator_keys(self) -> Mapping[str, PublicKey]:
        """The keys of everybody who may order anything anywhere, by fingerprint."""
        controls = (self.control(environment) for environment in self.environments())
        return {
            fingerprint(key): key
            for control in controls
            if control is not None
            for authority in control.authority.values()
            for key in authority.keys.values()
        }

    def orders(self, environment: str) -> Sequence[ShownOrder]:
        """All orders of an environment, pending ones too, the newest first."""
        return shown_orders(self._ledgers[environment], time.time_ns()) if environment in self._ledgers else ()

    def order(self, order_id: str) -> Sequence[ShownOrder]:
        """One order with its envelope, in every environment that knows it."""
        return [
            order
            for environment in self.environments()
            for order in shown_orders(self._ledgers[environment], time.time_ns(), order_id)
        ]

    async def fleet(self, environment: str, orders: Sequence[str] = ()) -> FleetView:
        """The fleet as it stands, with the progress of these orders."""
        ledger = self._ledgers[environment]
        return await fleet_view(self._replica.database, ledger, orders, self._times)

    async def alarms(self, environment: str) -> Sequence[Alarm]:
        """What should not be, the newest first."""
        async with self._replica.database.reading() as connection:
            return await reports.alarms(connection, environment)

    def not_ready(self) -> Sequence[str]:
        """Why this replica should get no requests; empty where all is well."""
        return tuple(dict.fromkeys(filter(None, self._replica.not_ready())))

    def subscribe(self, called: Callable[[str], None]) -> None:
        """Call with an environment's name whenever something new is served of it."""
        self._replica.subscribed.append(called)

    def mirrored(self, environment: str) -> Mirrored:
        """All files of an environment as they are now, for a mirror.

        Raises:
            ValueError: nothing was published yet.
        """
        return mirrored_files(self._ledgers[environment], self._replica.resources)

    async def _submit(self, submission: Submission, name: str) -> OrderResult:
        if not self._replica.running:
            raise UnavailableError("the control plane is not running")
        environment = self._replica.environments.get(name)
        if environment is None:
            return order_result(no_release(submission, name, time.time_ns()))
        return await environment.desk.submit(submission)


def _held(path: str) -> bool:
    """Whether there can be waited for it: the log is made when it is asked for."""
    return not path.endswith("/log.jsonl")
