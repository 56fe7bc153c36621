"""The demo: a real model is packaged, its evidence signed, policy compiled; then Envoy and OPA say who may use it.

Order: fresh keys, catalogue, one version by commands, compile (twice, to compare the bytes), engines and model servers,
calls that must work, calls that must not, workloads, OPA's death; then a control plane with two gateways, where a
version is revoked while it answers, and restored by two people. Every step has its expectation; the exit status is 1 if
anything differs from it, and whatever was started is stopped in any case.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from stage import act
from stage.report import Report
from weighbridge.errors import WeighbridgeError

INTRODUCTION = (
    "A load is weighed before it may go on. Here the load is the ONNX model of the `magika` package, in several"
    " versions; the weighbridge is a catalogue of signed evidence, compiled into policy that real Envoy and real OPA"
    " enforce on this machine. Every key is made now and forgotten at the end. A row is `ok` if it is what it must be."
)
NEXT = """The same catalogue (but for kb-qa-001@2025.03.01) lies in examples/catalogue, as of 2026-01-15. Ask it why:
  weighbridge explain examples/catalogue magika@3.3.1 --environment prod \\
    --at 2026-01-15T00:00:00Z --allow-example-keys"""


def main() -> int:
    """Run the demo; 0 if everything was as expected."""
    report, started = Report(), time.monotonic()
    # Ending it kindly stops what it started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as running:
            _play(report, Path(running.enter_context(tempfile.TemporaryDirectory(prefix="weighbridge-demo-"))), running)
    except WeighbridgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    report.title("In short")
    for what in report.wrong:
        report.say(f"WRONG: {what}")
    seconds = time.monotonic() - started
    report.say(NEXT)
    report.say(f"{report.checks - len(report.wrong)} of {report.checks} as expected, in {seconds:.0f} s.")
    return 1 if report.wrong else 0


def _play(report: Report, folder: Path, running: ExitStack) -> None:
    report.say(INTRODUCTION)
    catalogue = act.build_catalogue(report, folder, running)
    act.weigh(report, catalogue, folder)
    compiled = act.compile_it(report, catalogue, folder)
    act.show_gate(report, catalogue, compiled)
    site = act.start(report, catalogue, compiled, folder, running)
    act.show_calls(report, site)
    act.show_workloads(report, compiled, folder / "pods", catalogue)
    act.show_end(report, site, catalogue)
    act.show_kill_switch(report, catalogue, compiled, folder)


if __name__ == "__main__":
    sys.exit(main())
