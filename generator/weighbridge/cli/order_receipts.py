"""`--wait`: who has confirmed an order so far, live on a terminal, line by line in a pipe; at the end, who has not."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.cli.progress import told
from weighbridge.control.ask import Unanswered
from weighbridge.control.awaiting import complete, watch_order
from weighbridge.control.fleet_view import instant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from weighbridge.control.client import ControlClient
    from weighbridge.control.fleet_view import OrderProgress, Point

SHOWN = 20
"""Names that are printed; `--format json` has all."""


@dataclass(frozen=True)
class Receipts:
    """How far an order came in one environment."""

    environment: str
    progress: OrderProgress | None
    """None where the control plane did not say."""
    problem: str = ""

    @property
    def all_confirmed(self) -> bool:
        """Whether everybody who may still answer has confirmed it."""
        return self.progress is not None and complete(self.progress)

    def document(self) -> dict[str, Any]:
        """As JSON value."""
        shown: dict[str, Any] = {"environment": self.environment, "all_confirmed": self.all_confirmed}
        if self.problem:
            shown["problem"] = self.problem
        if self.progress is None:
            return shown
        figures = {
            "p50_milliseconds": self.progress.percentile(0.5),
            "p99_milliseconds": self.progress.percentile(0.99),
        }
        return {**shown, **figures, **self.progress.model_dump(mode="json")}


async def await_receipts(
    client: ControlClient, environments: Sequence[str], order_id: str, *, seconds: float
) -> list[Receipts]:
    """Wait until everybody has confirmed an order, showing how far it has come; Ctrl-C ends the waiting alone.

    Args:
        client: of the control plane.
        environments: where the order holds.
        order_id: the order.
        seconds: how long at most.
    """
    until = time.monotonic() + seconds
    with told() as tell:
        tasks = [asyncio.create_task(_await(client, name, order_id, until, tell)) for name in environments]
        async with _interrupted() as stop:
            stopper = asyncio.create_task(stop.wait())
            waited: list[asyncio.Future[Any]] = [asyncio.gather(*tasks), stopper]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                for task in tasks:
                    task.cancel()
            stopper.cancel()
            return await asyncio.gather(*tasks)


@asynccontextmanager
async def _interrupted() -> AsyncIterator[asyncio.Event]:
    """Set by Ctrl-C, which otherwise does nothing inside the block."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, event.set)
    except (NotImplementedError, RuntimeError):
        # Not the main thread, or a system without it: there Ctrl-C ends the command as it always does.
        yield event
        return
    try:
        yield event
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _await(
    client: ControlClient, environment: str, order_id: str, until: float, tell: Callable[[str, str], None]
) -> Receipts:
    latest: OrderProgress | None = None
    problem = ""
    tell(environment, "waiting for receipts")
    try:
        async for progress in watch_order(client, environment, order_id, until=until):
            latest = progress
            tell(environment, summary(progress))
    except Unanswered as error:
        problem = str(error)
    except asyncio.CancelledError:
        problem = "the waiting was broken off; the order stays in force"
    return Receipts(environment, latest, problem)


def summary(progress: OrderProgress) -> str:
    """How far it has come, in a line."""
    awaited = len(progress.confirmed) + len(progress.awaited)
    figures = f"{len(progress.confirmed)} of {awaited} have confirmed"
    p50, p99 = progress.percentile(0.5), progress.percentile(0.99)
    return figures if p50 is None else f"{figures}, p50 {p50:.0f} ms, p99 {p99:.0f} ms"


def closing(receipts: Receipts, seconds: float) -> list[str]:
    """What is said when the waiting is over.

    Args:
        receipts: of one environment.
        seconds: how long was waited at most.
    """
    name, progress = receipts.environment, receipts.progress
    lines = [f"{name}: {receipts.problem}"] if receipts.problem else []
    if progress is None:
        return lines or [f"{name}: the control plane said nothing about receipts within {seconds:g} s"]
    if receipts.all_confirmed:
        lines.append(f"{name}: all have confirmed: {summary(progress)}")
    elif not progress.confirmed and not progress.waiting:
        lines.append(f"{name}: nobody has ever reported to this control plane: nobody has confirmed")
    else:
        within = "" if receipts.problem else f" within {seconds:g} s"
        lines.append(f"{name}: NOT confirmed by all{within}: {summary(progress)}")
    lines += _names(progress.awaited)
    gone = [point for point in progress.waiting if point not in progress.awaited]
    if gone:
        lines.append(f"{name}: not waited for: {len(gone)} not heard of any more, whose data has ended")
    if progress.fenced is not None and progress.awaited:
        lines.append(f"{name}: at the latest from {instant(progress.fenced)[:19]}Z on no sidecar answers without it")
    return lines


def _names(awaited: tuple[Point, ...]) -> list[str]:
    lines = [f"  {describe(point)}" for point in awaited[:SHOWN]]
    return [*lines, f"  and {len(awaited) - SHOWN} more"] if len(awaited) > SHOWN else lines


def describe(point: Point) -> str:
    """A point that is not as it should be, in a line."""
    since = "" if point.since is None else f" since {instant(point.since)[:23]}Z"
    why = " ".join(part for part in (point.code, point.message) if part)
    return f"{point.kind} {point.name}: {point.status}{since}" + (f": {why}" if why else "")
