"""The parent's side of `benchmarks.pollers`: starts the process with all those clients, and hears what they saw."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from benchmarks.pollers import Plan, Times
from weighbridge import resources

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[1]


def ticks() -> tuple[float, float]:
    """How often an OPA as we configure it uploads decision logs, and so posts a status, in seconds."""
    reporting = yaml.safe_load(resources.opa_config().read_text(encoding="utf-8"))["decision_logs"]["reporting"]
    return reporting["min_delay_seconds"], reporting["max_delay_seconds"]


class Fleet:
    """The clients, inside a `with` block.

    Attributes:
        pid: of their process.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        """Start them; `next_revision` tells when they are all there."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pollers"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'generator'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        threading.Thread(target=self._read, daemon=True).start()
        self._tell(json.dumps(asdict(self.plan)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self._process.kill()
        self._process.wait()

    def next_revision(self, timeout: float) -> tuple[str, Times]:
        """The next live revision that every client has, and whose every receipt was taken.

        Raises:
            SystemExit: a client met what no OPA would have borne, or time is up.
        """
        line = self._next(timeout, "a revision at every client")
        return line["revision"], Times(line["delivered"], line["acknowledged"])

    def counted(self) -> dict[str, int]:
        """`reconnects`, `failures`, `unchanged` answers and `statuses` so far."""
        self._tell("report")
        line = self._next(30, "a report")
        counted: dict[str, int] = line["counted"]
        return counted

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _next(self, timeout: float, what: str) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise SystemExit(f"there was not {what} within {timeout:g} s") from None
        if line is None:
            raise SystemExit(f"the clients' process ended with status {self._process.wait()}")
        if "failed" in line:
            raise SystemExit(f"a client got {line['failed']}")
        return line

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)
