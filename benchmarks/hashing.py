"""Hashing a model's folder, against as many `openssl dgst -sha256` side by side as there are cores.

The same shards are dealt out to those processes, so that both sides have the same share of a machine that has other
things to do. SHA-256 has no parallel form: a single file is hashed by one core whoever does it, so it is compared with
one openssl, and has no target.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Report, Target
from weighbridge.packaging.hashing import cores
from weighbridge.packaging.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = (Target("shards_to_openssl", 1 / 0.9, aim=1.0),)
SHARDS = 20
_BLOCK = 1024 * 1024


def run(mebibytes: int = 2048, rounds: int = 5) -> Report:
    """Measure; the files are warm, as each was just written and is read before the first round."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SystemExit("openssl is not installed, and it is what hashing is compared with")
    report = Report("hashing", TARGETS)
    with tempfile.TemporaryDirectory(prefix="wb-bench-") as folder:
        shards, single = Path(folder) / "shards", Path(folder) / "single"
        _write(shards, SHARDS, mebibytes)
        _write(single, 1, mebibytes)
        files = [str(shards / f"{number}.bin") for number in range(SHARDS)]
        dealt = [[openssl, "dgst", "-sha256", *files[core :: cores()]] for core in range(cores())]
        alone = [[openssl, "dgst", "-sha256", str(single / "0.bin")]]
        jobs: tuple[Callable[[], object], ...] = (
            lambda: _programs(dealt),
            lambda: scan(shards),
            lambda: _programs(alone),
            lambda: scan(single),
        )
        for job in jobs:
            job()
        measured = [[_timed(job) for job in jobs] for _ in range(rounds)]
    _report(report, measured, mebibytes)
    report.notes = {"mebibytes": mebibytes, "shards": SHARDS, "cores": cores(), "rounds": rounds}
    return report


def _report(report: Report, measured: list[list[float]], mebibytes: int) -> None:
    shards, single = f"{SHARDS} shards", "one file"
    names = (
        f"{cores()} openssl dgst, {shards}",
        f"weighbridge, {shards}",
        f"one openssl dgst, {single}",
        f"weighbridge, {single}",
    )
    for index, name in enumerate(names):
        report.add(name, "MiB/s", [mebibytes / times[index] for times in measured])
    ratios = {"shards_to_openssl": (1, 0), "one_file_to_openssl": (3, 2)}
    for name, (ours, theirs) in ratios.items():
        values = [times[ours] / times[theirs] for times in measured]
        report.add(f"time, {name.replace('_', ' ')}", "x", values)
        report.figures[name] = statistics.median(values)


def _write(folder: Path, count: int, mebibytes: int) -> None:
    folder.mkdir()
    block = os.urandom(_BLOCK)
    for number in range(count):
        share = mebibytes * (number + 1) // count - mebibytes * number // count
        with (folder / f"{number}.bin").open("wb") as stream:
            for _ in range(share):
                stream.write(block)


def _programs(commands: list[list[str]]) -> None:
    """Run side by side, to the end of the last."""
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit("openssl failed")


def _timed(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started
