"""OPA's memory with a large registry, in MB and as a multiple of the registry's JSON."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from benchmarks.gateway import Site, content
from benchmarks.load import Connection
from benchmarks.report import Report, Target
from benchmarks.scaling import decision

TARGETS: tuple[Target, ...] = ()
"""A figure to know, not one to meet: the issue names none."""
DECISIONS = 2000


def run(versions: int = 100_000, rounds: int = 3) -> Report:
    """Start so many sidecars, one after the other, let each decide for a while, and look."""
    report = Report("memory", TARGETS)
    known = content(versions, "http://127.0.0.1:8000")
    settled: list[float] = []
    peak: list[float] = []
    for number in range(rounds):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-bench-", dir="/tmp")))
            sidecar, _, process = Site(folder / str(number), known, stack).sidecar("opa")
            with Connection(sidecar.api_port) as connection:
                for count in range(DECISIONS):
                    connection.exchange(decision(count % 100))
            settled.append(_megabytes(process.pid, "VmRSS"))
            peak.append(_megabytes(process.pid, "VmHWM"))
    size = known.size / 1e6
    report.add("registry as JSON", "MB", [size])
    report.add("OPA, after some thousand decisions", "MB", settled)
    report.add("OPA, at most while it activated", "MB", peak)
    report.figures = {
        "json_mb": size,
        "settled_mb": sorted(settled)[len(settled) // 2],
        "peak_mb": sorted(peak)[len(peak) // 2],
        "settled_multiple": sorted(settled)[len(settled) // 2] / size,
        "peak_multiple": sorted(peak)[len(peak) // 2] / size,
    }
    report.notes = {"versions": versions, "rounds": rounds}
    return report


def _megabytes(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"no {field}")
