"""What the server itself tells Prometheus; what the plane knows it registers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The server's metrics.

    Args:
        registry: where they are registered, and what is shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.order_seconds = Histogram(
            "weighbridge_serve_order_seconds",
            "From an order's arrival to its answer.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.orders = Counter(
            "weighbridge_serve_orders", "Orders, by what became of them.", ["environment", "outcome"], registry=registry
        )
        self.refused = Counter(
            "weighbridge_serve_refused", "Requests that were refused, by code.", ["code"], registry=registry
        )
        self.reports = Counter(
            "weighbridge_serve_reports", "Statuses, receipts and decision logs.", ["kind"], registry=registry
        )

    def watch(self, name: str, told: str, value: Callable[[], float]) -> None:
        """Show a number that is looked at only when somebody asks."""
        Gauge(name, told, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)
