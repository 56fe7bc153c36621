"""What the control plane knows of itself, for Prometheus; looked at only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from weighbridge.control.ledger import Ledger

_GAUGES: tuple[tuple[str, str, Callable[[Ledger], float]], ...] = (
    ("weighbridge_log_entries", "Entries of the log.", lambda ledger: ledger.state.head.number),
    ("weighbridge_live_sequence", "Sequence of the newest live bundle.", lambda ledger: ledger.sequence),
    (
        "weighbridge_live_not_after_seconds",
        "When the newest live bundle ends, Unix time.",
        lambda ledger: ledger.published.publication.not_after_ns / 10**9 if ledger.published else 0.0,
    ),
    (
        "weighbridge_unpublished_entries",
        "Entries of the log that no live bundle contains yet.",
        lambda ledger: ledger.state.head.number - (ledger.published.publication.log_entries if ledger.published else 0),
    ),
    ("weighbridge_pending_orders", "Orders that wait for another signature.", lambda ledger: len(ledger.pending)),
)


class PlaneMetrics:
    """A collector of `prometheus_client`.

    Args:
        ledgers: by environment.
        alarms: how many were raised, by environment and kind.
        not_ready: why this replica is not ready.
    """

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        alarms: Callable[[], Mapping[tuple[str, str], int]],
        not_ready: Callable[[], Iterable[str]],
    ) -> None:
        self._ledgers = ledgers
        self._alarms = alarms
        self._not_ready = not_ready

    def registered(self) -> CollectorRegistry:
        """A new registry that has it."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterable[Any]:
        """What `prometheus_client` asks for."""
        for name, told, value in _GAUGES:
            family = GaugeMetricFamily(name, told, labels=["environment"])
            for environment, ledger in sorted(self._ledgers.items()):
                family.add_metric([environment], value(ledger))
            yield family
        alarms = CounterMetricFamily(
            "weighbridge_alarms", "Reports of what was never issued, and the like.", labels=["environment", "kind"]
        )
        for (environment, kind), count in sorted(self._alarms().items()):
            alarms.add_metric([environment, kind], count)
        yield alarms
        yield GaugeMetricFamily(
            "weighbridge_ready", "Whether this replica is ready.", float(not list(self._not_ready()))
        )
