"""Decisions while bundles are activated: their p99 at a real OPA while 20 orders a second are accepted, against quiet.

The server is the command, OPA has the shipped configuration; it is asked on one connection without pause, as Envoy
would ask. Quiet and busy times take turns, and each pair gives its own ratio; the median of them counts. Orders are
signed before their time begins. The server publishes at most every 250 ms, so that OPA activates four bundles a second.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.control_site import ControlSite, submit
from benchmarks.gateway import upstream
from benchmarks.load import Connection, percentile
from benchmarks.report import Report, Target
from benchmarks.revoking import Asking

if TYPE_CHECKING:
    from weighbridge.engines.sidecar import Sidecar

TARGETS = (Target("p99_ratio", 2.0),)
ORDERS_A_SECOND = 20
SECONDS = 4.0
WARM_UP_SECONDS = 3.0


def run(versions: int = 100, rounds: int = 8) -> Report:
    """Measure so many pairs of a quiet and a busy time."""
    report = Report("activation", TARGETS)
    report.notes = {"versions": versions, "rounds": rounds, "load_before": round(os.getloadavg()[0], 1)}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-bench-", dir="/tmp")))
        url = stack.enter_context(upstream(folder / "upstream"))
        (folder / "site").mkdir()
        site = ControlSite(folder / "site", stack, url, versions)
        database = folder / "control.db"
        server = site.serve(str(database), 1)
        opa = site.sidecar("opa", server)
        door = stack.enter_context(Connection(server.port))
        asking = _ready(opa, site, stack)
        _decide(asking, WARM_UP_SECONDS)
        quiet, busy, published = [], [], []
        for number in range(rounds):
            envelopes = [
                site.revoke(f"r{number:02}{order:05}", "revoke-key") for order in range(int(ORDERS_A_SECOND * SECONDS))
            ]
            quiet.append(_decide(asking, SECONDS))
            before = _publications(database)
            sender = threading.Thread(target=_send, args=(door, envelopes), daemon=True)
            sender.start()
            busy.append(_decide(asking, SECONDS))
            sender.join()
            published.append((_publications(database) - before) / SECONDS)
    for name, values in (("quiet", quiet), ("busy", busy)):
        for share, title in ((0.5, "p50"), (0.99, "p99")):
            measured = [percentile(each, share) / 1e6 for each in values]
            report.add(f"{name}, {title}", "ms", measured)
            report.figures[f"{name}_{title}_ms"] = statistics.median(measured)
    ratios = [
        percentile(with_orders, 0.99) / percentile(without, 0.99)
        for without, with_orders in zip(quiet, busy, strict=True)
    ]
    report.add("ratio, p99", "x", ratios)
    report.figures["p99_ratio"] = statistics.median(ratios)
    report.figures["publications_a_second"] = statistics.median(published)
    report.notes["load_after"] = round(os.getloadavg()[0], 1)
    return report


def _ready(opa: Sidecar, site: ControlSite, stack: contextlib.ExitStack) -> Asking:
    asking = stack.enter_context(Asking(opa.api_port, site.names[0]))
    asking.until(200)
    return asking


def _decide(asking: Asking, seconds: float) -> list[int]:
    """Nanoseconds of each decision in that time; each must allow."""
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status, elapsed = asking.ask()
        if status != 200:
            raise SystemExit(f"a call that must be allowed got {status}")
        found.append(elapsed)
    return found


def _send(door: Connection, envelopes: list[bytes]) -> None:
    started = time.monotonic()
    for number, envelope in enumerate(envelopes):
        time.sleep(max(0.0, started + number / ORDERS_A_SECOND - time.monotonic()))
        submit(door, envelope)


def _publications(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM publications").fetchone()[0])
