"""The time of a decision with a large registry, against the same decision with a small one.

Both sidecars are asked in turn over OPA's API; what counts is the time that OPA itself reports for evaluating the
query, so neither HTTP nor JSON dilutes it.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
from pathlib import Path

from benchmarks.gateway import ALIASES, Site, content, tenant_key
from benchmarks.load import Connection, percentile, post
from benchmarks.report import Report, Target

TARGETS = (Target("ratio", 1.10),)
SMALL = 100
DECISIONS = 3000
WARM_UP = 500
_PATH = "/v1/data/weighbridge/guard/decision?metrics=true"


def decision(number: int) -> bytes:
    """A question as Envoy's plugin would ask it, about one of the aliases."""
    headers = {
        "authorization": f"Bearer {tenant_key(number * 7)}",
        "content-type": "application/json",
        "content-length": "400",
    }
    http = {"method": "POST", "path": "/v1/chat/completions", "headers": headers, "size": 400}
    fields = {"body": "json", "model": f"alias-{number % ALIASES}", "max_tokens": 256}
    metadata = {"filterMetadata": {"weighbridge.call": {**fields, "stream": True, "include_usage": True}}}
    return post(_PATH, {"input": {"attributes": {"request": {"http": http}, "metadataContext": metadata}}})


def run(versions: int = 100_000, rounds: int = 9) -> Report:
    """Measure so many rounds of 3,000 decisions of each sidecar."""
    report = Report("scale", TARGETS)
    questions = [decision(number) for number in range(100)]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-bench-", dir="/tmp")))
        connections = []
        for count in (versions, SMALL):
            site = Site(folder / str(count), content(count, "http://127.0.0.1:8000"), stack)
            sidecar, _, _ = site.sidecar("opa")
            connections.append(stack.enter_context(Connection(sidecar.api_port)))
        _round(connections, questions, WARM_UP)
        measured = [_round(connections, questions, DECISIONS) for _ in range(rounds)]
    for index, count in enumerate((versions, SMALL)):
        values = [percentile(each[index], 0.5) / 1e3 for each in measured]
        report.add(f"decision with {count:,} versions, p50", "us", values)
        report.figures["large_us" if index == 0 else "small_us"] = statistics.median(values)
    ratios = [percentile(large, 0.5) / percentile(small, 0.5) for large, small in measured]
    report.add("ratio", "x", ratios)
    report.figures["ratio"] = statistics.median(ratios)
    report.notes = {"versions": versions, "small": SMALL, "decisions": DECISIONS, "rounds": rounds}
    return report


def _round(connections: list[Connection], questions: list[bytes], count: int) -> tuple[list[int], list[int]]:
    times: tuple[list[int], list[int]] = ([], [])
    for number in range(count):
        for index in (0, 1) if number % 2 else (1, 0):
            _, body, _ = connections[index].exchange(questions[number % len(questions)])
            answer = json.loads(body)
            if answer["result"]["allowed"] is not True:
                raise SystemExit(f"a call that must be allowed was denied: {body[:500]!r}")
            times[index].append(answer["metrics"]["timer_rego_query_eval_ns"])
    return times
