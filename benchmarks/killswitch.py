"""From the acceptance of an order to everybody who must know: 1,000 sidecars, 10,000, and three replicas on PostgreSQL.

The server is the command as a process of its own; the clients are real HTTP/1.1 connections that speak as OPA does
(`pollers.py`), in another process; two more sidecars are real OPA with a real Envoy before each, called without pause.
All of it shares one machine. An order revokes a version that answered until then; the next one is sent when every
client has the bundle and its receipt was taken.
"""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.control_site import ENVIRONMENT, ControlSite
from benchmarks.fleet import Fleet, ticks
from benchmarks.gateway import upstream
from benchmarks.load import percentile
from benchmarks.memory_of import processor_seconds, proportional_bytes, tree
from benchmarks.pollers import Plan
from benchmarks.report import Report, Target
from benchmarks.revoking import Found, Postgresql, Sqlite, Store, real_status, revoke_all

TARGETS = (
    Target("delivered_p99_ms", 150),
    Target("receipts_99_ms", 500),
    Target("refused_p99_ms", 200),
    Target("many_delivered_p99_ms", 1000),
    Target("replicas_delivered_p99_ms", 150),
    Target("replicas_receipts_99_ms", 500),
    Target("replicas_refused_p99_ms", 200),
)
GATEWAYS = 2
REPLICAS = 3
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 3.0
"""Until a new fleet has its bundles and is quiet."""
MANY_POSTS = 1000
"""Connections for the statuses of the larger fleet."""


@dataclass(frozen=True)
class Stage:
    """One part of the measurement, with a site of its own."""

    report: Report
    name: str
    """What its figures begin with."""
    folder: Path
    upstream: str
    clients: int
    orders: int


def run(versions: int = 1000, rounds: int = 24) -> Report:
    """Measure.

    Args:
        versions: clients of the first fleet; ten times as many are the second.
        rounds: orders.
    """
    report = Report("killswitch", TARGETS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    report.notes = {"versions": versions, "rounds": rounds, "load_before": round(os.getloadavg()[0], 1)}
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-bench-", dir="/tmp")))
            folder.chmod(0o755)
            url = stack.enter_context(upstream(folder / "upstream"))
            _one(Stage(report, "", folder / "one", url, versions, rounds))
            _many(Stage(report, "many_", folder / "many", url, versions * 10, max(2, rounds // 3)))
            _replicas(Stage(report, "replicas_", folder / "replicas", url, versions, rounds))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    report.notes["load_after"] = round(os.getloadavg()[0], 1)
    return report


def _site(stage: Stage, stack: contextlib.ExitStack) -> ControlSite:
    stage.folder.mkdir()
    stage.folder.chmod(0o755)
    return ControlSite(stage.folder, stack, stage.upstream, stage.orders + 1)


def _one(stage: Stage) -> None:
    """One server on SQLite: what it costs idle, then orders."""
    with contextlib.ExitStack() as stack:
        site = _site(stage, stack)
        server = site.serve(str(stage.folder / "control.db"), stage.clients + GATEWAYS)
        gateways = [site.gateway(f"gateway-{number}", server) for number in range(GATEWAYS)]
        status = real_status(site)
        time.sleep(SETTLE_SECONDS)
        pid = server.process.pid
        memory, spent = _resources(pid, IDLE_SECONDS / 2)
        plan = Plan([server.port], stage.clients, both_bundles(), [site.token], status, ticks(), stage.clients)
        fleet = stack.enter_context(Fleet(plan))
        fleet.next_revision(120)
        time.sleep(SETTLE_SECONDS)
        with_fleet, spent_with_fleet = _resources(pid, IDLE_SECONDS)
        stage.report.figures["idle_kb_per_sidecar"] = (with_fleet - memory) / 1024 / stage.clients
        stage.report.figures["idle_cpu_ms_per_s_per_sidecar"] = (spent_with_fleet - spent) * 1000 / stage.clients
        _add(stage, revoke_all(site, fleet, Sqlite(stage.folder / "control.db"), gateways))


def _many(stage: Stage) -> None:
    """Ten times the clients, each with the live bundle alone, and a status without OPA's metrics after each."""
    with contextlib.ExitStack() as stack:
        site = _site(stage, stack)
        server = site.serve(str(stage.folder / "control.db"), stage.clients)
        status = {name: value for name, value in real_status(site).items() if name in {"labels", "bundles"}}
        bundles = {"live": both_bundles()["live"]}
        plan = Plan([server.port], stage.clients, bundles, [site.token], status, (0, 0), min(MANY_POSTS, stage.clients))
        fleet = stack.enter_context(Fleet(plan))
        fleet.next_revision(300)
        time.sleep(SETTLE_SECONDS)
        _add(stage, revoke_all(site, fleet, Sqlite(stage.folder / "control.db"), []))


def _replicas(stage: Stage) -> None:
    """Three servers on one PostgreSQL; clients and orders go to each in turns."""
    with contextlib.ExitStack() as stack:
        site = _site(stage, stack)
        store: Store = Postgresql(stage.folder / "postgres", stack)
        servers = [site.serve(store.database, stage.clients + GATEWAYS) for _ in range(REPLICAS)]
        gateways = [site.gateway(f"gateway-{number}", servers[number]) for number in range(GATEWAYS)]
        ports = [server.port for server in servers]
        plan = Plan(ports, stage.clients, both_bundles(), [site.token], real_status(site), ticks(), stage.clients)
        fleet = stack.enter_context(Fleet(plan))
        fleet.next_revision(120)
        time.sleep(SETTLE_SECONDS)
        _add(stage, revoke_all(site, fleet, store, gateways))


def both_bundles() -> dict[str, str]:
    """What an OPA asks for, by the bundle's name."""
    return {
        "release": f"/bundles/{ENVIRONMENT}/envoy/release.tar.gz",
        "live": f"/bundles/{ENVIRONMENT}/live.tar.gz",
    }


def _resources(pid: int, seconds: float) -> tuple[int, float]:
    """Bytes (PSS) of a process and its children, and their processor seconds a second, while nothing happens."""
    before, started = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    spent = (processor_seconds(pid) - before) / (time.monotonic() - started)
    return sum(proportional_bytes(each) for each in tree(pid)), spent


def _add(stage: Stage, found: Found) -> None:
    report = stage.report
    for name, values in (("delivered", found.delivered), ("refused", found.refused)):
        if values:
            for share, title in ((0.5, "p50"), (0.99, "p99")):
                report.figures[f"{stage.name}{name}_{title}_ms"] = percentile(values, share) / 1e6
            report.add(f"{stage.name}{name}", "ms", [value / 1e6 for value in values])
    report.figures[f"{stage.name}receipts_99_ms"] = percentile(found.stored, 0.99) / 1e6
    report.figures[f"{stage.name}receipts_99_p50_ms"] = percentile(found.stored, 0.5) / 1e6
    report.add(f"{stage.name}99 % of receipts stored", "ms", [value / 1e6 for value in found.stored])
    report.notes[f"{stage.name}load"] = round(os.getloadavg()[0], 1)
