"""A call through Envoy with every requirement, against the same call where OPA decides with a constant.

Two gateways, alike but for the rule that their OPA is asked for, take turns call by call on one connection each; so
whatever else the machine does meets both. Every round gives its own ratios, and the median of the rounds counts.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from pathlib import Path

from benchmarks.gateway import ALIASES, Site, content, tenant_key, upstream
from benchmarks.load import Connection, percentile, post
from benchmarks.report import Report, Target

TARGETS = (Target("p50_ratio", 1.35, aim=1.2), Target("p99_ratio", 1.5))
CALLS = 3000
WARM_UP = 500


def call(alias: str, key: str) -> bytes:
    """A call of usual size that every requirement has something to say about."""
    question = "Which of the two contracts ends first, and what does it say about notice? " * 4
    body = {
        "model": alias,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 256,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return post("/v1/chat/completions", body, {"Authorization": f"Bearer {key}"})


def run(versions: int = 100_000, rounds: int = 9) -> Report:
    """Measure so many rounds of 3,000 calls to each gateway."""
    report = Report("envoy", TARGETS)
    calls = [call(f"alias-{number % ALIASES}", tenant_key(number * 7)) for number in range(100)]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-bench-", dir="/tmp")))
        site = Site(folder / "site", content(versions, stack.enter_context(upstream(folder / "upstream"))), stack)
        ports = [site.gateway("judge"), site.gateway("allow", allow_all=True)]
        connections = [stack.enter_context(Connection(port)) for port in ports]
        _refuses_strangers(connections[0])
        _rounds(connections, calls, WARM_UP)
        measured = [_rounds(connections, calls, CALLS) for _ in range(rounds)]
    for index, name in enumerate(("every requirement", "allow all")):
        for share, title in ((0.5, "p50"), (0.99, "p99")):
            values = [percentile(each[index], share) / 1e6 for each in measured]
            report.add(f"{name}, {title}", "ms", values)
            report.figures[f"{'judge' if index == 0 else 'allow'}_{title}_ms"] = statistics.median(values)
    for share, title in ((0.5, "p50"), (0.99, "p99")):
        ratios = [percentile(judge, share) / percentile(allow, share) for judge, allow in measured]
        report.add(f"ratio, {title}", "x", ratios)
        report.figures[f"{title}_ratio"] = statistics.median(ratios)
    report.notes = {"versions": versions, "calls": CALLS, "rounds": rounds}
    return report


def _rounds(connections: list[Connection], calls: list[bytes], count: int) -> tuple[list[int], list[int]]:
    times: tuple[list[int], list[int]] = ([], [])
    for number in range(count):
        # Who is asked first changes, so that neither always follows the other.
        for index in (0, 1) if number % 2 else (1, 0):
            status, body, elapsed = connections[index].exchange(calls[number % len(calls)])
            if status != 200:
                raise SystemExit(f"a call that must be allowed got {status}: {body[:500]!r}")
            times[index].append(elapsed)
    return times


def _refuses_strangers(connection: Connection) -> None:
    # What lets everybody through would be fast.
    status, body, _ = connection.exchange(call("alias-0", "wb_prod_99999999_" + "x" * 43))
    if status != 401 or b"INF-009" not in body:
        raise SystemExit(f"a stranger's call got {status}: {body[:500]!r}")
