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

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from prometheus_client import CollectorRegistry

    from weighbridge.control.answers import OrderResult, ShownOrder
    from weighbridge.control.control_data import ControlData
    from weighbridge.control.fleet_view import FleetView
    from weighbridge.control.mirror.publication import Publication as Mirrored
    from weighbridge.control.plane_parts import Alarm, AnnouncedRelease, PlaneSettings, Reporter, Served
    from weighbridge.keys import PublicKey


class ControlPlane:
    """A replica of the control plane.

    Args:
        settings: what it is told.
        registry: where its metrics are registered; a new one without it.

    Attributes:
        registry: of its metrics.
    """

    def __init__(self, settings: PlaneSettings, registry: CollectorRegistry | None = None) -> None:
        raise NotImplementedError

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
        raise NotImplementedError

    async def stop(self) -> None:
        """Finish what was begun, and close the store."""
        raise NotImplementedError

    async def submit(self, data: bytes) -> list[OrderResult]:
        """Judge an order in every environment that it names; what is accepted is on the disk when this returns.

        Args:
            data: the DSSE envelope as it was received.

        Raises:
            UnavailableError: the store could not keep it, so it was not accepted anywhere or not everywhere; the same
                order may be sent again.
        """
        raise NotImplementedError

    async def announce(self, folder: Path) -> list[AnnouncedRelease]:
        """Take in what `compile` wrote, all of it or nothing.

        Raises:
            InputError: something is not signed by a release key, not what the index says, or was superseded.
            UnavailableError: the store could not keep it.
        """
        raise NotImplementedError

    def bundle(self, path: str) -> Served | None:
        """What is served at a path now; None where there is nothing."""
        raise NotImplementedError

    async def wait(self, path: str, etag: str, seconds: float) -> Served | None:
        """What is served at a path as soon as its ETag is another one, or else after so many seconds."""
        raise NotImplementedError

    async def receive_status(self, identity: Reporter, document: Mapping[str, Any]) -> None:
        """Take a sidecar's status in OPA's format; it is stored soon after.

        Raises:
            ReportRefusedError: it is none, or of another environment, or there are too many sidecars or reports.
        """
        raise NotImplementedError

    async def receive_receipt(self, identity: Reporter, document: Mapping[str, Any]) -> None:
        """An agent's receipt: `{"environment", "cluster", "revision", "sequence", "at", "state", "detail"}`.

        Raises:
            ReportRefusedError: as above.
        """
        raise NotImplementedError

    def environments(self) -> tuple[str, ...]:
        """Those of which a release was announced, sorted."""
        raise NotImplementedError

    def control(self, environment: str) -> ControlData | None:
        """Control data of the release that was announced last."""
        raise NotImplementedError

    def operator_keys(self) -> Mapping[str, PublicKey]:
        """The keys of everybody who may order anything anywhere, by fingerprint."""
        raise NotImplementedError

    def orders(self, environment: str) -> Sequence[ShownOrder]:
        """All orders of an environment, pending ones too, the newest first."""
        raise NotImplementedError

    def order(self, order_id: str) -> Sequence[ShownOrder]:
        """One order with its envelope, in every environment that knows it."""
        raise NotImplementedError

    async def fleet(self, environment: str, orders: Sequence[str] = ()) -> FleetView:
        """The fleet as it stands, with the progress of these orders."""
        raise NotImplementedError

    async def alarms(self, environment: str) -> Sequence[Alarm]:
        """What should not be, the newest first."""
        raise NotImplementedError

    def not_ready(self) -> Sequence[str]:
        """Why this replica should get no requests; empty where all is well."""
        raise NotImplementedError

    def subscribe(self, called: Callable[[str], None]) -> None:
        """Call with an environment's name whenever something new is served of it."""
        raise NotImplementedError

    def mirrored(self, environment: str) -> Mirrored:
        """All files of an environment as they are now, for a mirror."""
        raise NotImplementedError
