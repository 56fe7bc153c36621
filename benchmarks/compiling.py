"""Compiling a large catalogue: the whole command, against the bare verification of the same signatures.

Every figure is wall-clock time of the real command in a process of its own. The bare verification and the compile
alternate, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.baseline import bare_seconds
from benchmarks.catalogue import AT, catalogue, changed_evaluation
from benchmarks.memory_of import PeakMemory
from benchmarks.report import Report, Target
from weighbridge.engines.locate import require

PROCESSES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
TARGETS = (
    Target("first_ratio", 3.0, aim=2.0),
    Target("second_ratio", 1 / 3),
    Target("peak_mb", 1024.0),
)


def run(versions: int = 10_000, rounds: int = 3) -> Report:
    """Compile so many versions, so many times, each time first with an empty cache and then after one change."""
    folder = catalogue(versions, PROCESSES)
    report = Report("compile", TARGETS)
    bare: list[float] = []
    first: list[float] = []
    second: list[float] = []
    peaks: list[float] = []
    with tempfile.TemporaryDirectory(prefix="weighbridge-bench-") as scratch:
        for number in range(rounds):
            home = Path(scratch) / str(number)
            bare.append(bare_seconds(folder, PROCESSES))
            for times, score in ((first, 0.9), (second, 0.95)):
                with changed_evaluation(folder, score):
                    seconds, peak = _compile(folder, home)
                times.append(seconds)
                peaks.append(peak / 1024**2)
            shutil.rmtree(home)
    report.add("bare verification and parsing", "s", bare)
    report.add("first compile", "s", first)
    report.add("second compile, one change", "s", second)
    report.add("peak memory of all processes", "MB", peaks)
    report.figures = {
        "bare_s": statistics.median(bare),
        "first_s": statistics.median(first),
        "second_s": statistics.median(second),
        "first_ratio": statistics.median(f / b for f, b in zip(first, bare, strict=True)),
        "second_ratio": statistics.median(s / f for s, f in zip(second, first, strict=True)),
        "peak_mb": max(peaks),
    }
    report.notes = {"versions": versions, "signatures": versions * 5, "processes": PROCESSES}
    return report


def _compile(folder: Path, home: Path) -> tuple[float, int]:
    """Seconds and peak bytes of one `weighbridge compile`, its cache below `home`."""
    command = [
        *(sys.executable, "-m", "weighbridge", "compile", str(folder / "catalogue")),
        *("--release-key", str(folder / "keys" / "release.key"), "--live-key", str(folder / "keys" / "live.key")),
        *("--at", AT, "--output", str(home / "out")),
    ]
    home.mkdir(exist_ok=True)
    # Engines built by Weighbridge lie in the cache, too: they are found on PATH, so that this one can begin empty.
    path = os.pathsep.join([str(require("opa").path.parent), os.environ["PATH"]])
    environment = {**os.environ, "XDG_CACHE_HOME": str(home / "cache"), "PATH": path}
    start = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with PeakMemory(process.pid) as memory:
        _, errors = process.communicate()
    seconds = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"compile failed with status {process.returncode}:\n{errors[-3000:]}")
    return seconds, memory.peak
