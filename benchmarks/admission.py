"""Gatekeeper's review of a pod through the real webhook, against one by a template without any rule.

One API server, one Gatekeeper, two namespaces: what lies in the first is judged by every requirement, with an approval
for each version in the inventory; what lies in the second by a template that finds nothing. Both take turns, request by
request, so whatever else the machine does meets both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.catalogue import AT, catalogue
from benchmarks.checking import write_manifests
from benchmarks.compiling import PROCESSES
from benchmarks.load import percentile
from benchmarks.report import Report, Target
from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.cluster.cluster import CONSTRAINTS, TEMPLATES, Cluster
from weighbridge.harness.admitted_objects import closed, definitions
from weighbridge.harness.shared_cluster import SharedCluster
from weighbridge.points.gatekeeper.resources import resources, webhook_patch

TARGETS = (Target("p50_ratio", 2.0), Target("p99_ms", 100.0))
CALLS = 300
WARM_UP = 50
_NOTHING = 'package nothing\n\nviolation contains {"msg": "never"} if {\n\tinput.review.object.kind == "never"\n}\n'


def run(versions: int = 10_000, rounds: int = 5) -> Report:
    """Measure so many rounds of 300 pods in each namespace."""
    report = Report("admission", TARGETS)
    with tempfile.TemporaryDirectory(prefix="wb-bench-") as scratch, Cluster() as cluster:
        output = _compiled(catalogue(versions), Path(scratch, "out"))
        pods = _pods(output, Path(scratch, "manifests"), min(100, versions))
        _install(cluster, output)
        _refuses(cluster, pods[0])
        _round(cluster, pods, WARM_UP)
        measured = [_round(cluster, pods, CALLS) for _ in range(rounds)]
    for index, name in enumerate(("every requirement", "no rule")):
        for share, title in ((0.5, "p50"), (0.99, "p99")):
            report.add(f"{name}, {title}", "ms", [percentile(each[index], share) / 1e6 for each in measured])
    ratios = [percentile(judged, 0.5) / percentile(empty, 0.5) for judged, empty in measured]
    report.add("ratio, p50", "x", ratios)
    report.figures = {
        "p50_ratio": statistics.median(ratios),
        "p50_ms": statistics.median(percentile(each[0], 0.5) / 1e6 for each in measured),
        "p99_ms": statistics.median(percentile(each[0], 0.99) / 1e6 for each in measured),
        "empty_p50_ms": statistics.median(percentile(each[1], 0.5) / 1e6 for each in measured),
    }
    report.notes = {"versions": versions, "calls": CALLS, "rounds": rounds}
    return report


def _compiled(folder: Path, output: Path) -> Path:
    # The synthetic catalogue's statements are of one day, so the clock stands still there.
    at_ns = parse_time_ns(AT)
    options = CompileOptions(
        output=output,
        release_key=ec.generate_private_key(ec.SECP256R1()),
        live_key=ec.generate_private_key(ec.SECP256R1()),
        at_ns=at_ns,
        fixed_clock_ns=at_ns,
        jobs=PROCESSES,
    )
    compile_catalogue(folder / "catalogue", options)
    return output


def _pods(output: Path, folder: Path, count: int) -> list[dict[str, Any]]:
    pods = []
    for file in sorted(write_manifests(output, folder, count).iterdir()):
        deployment = yaml.safe_load(file.read_text(encoding="utf-8"))
        template = deployment["spec"]["template"]
        metadata = {**template["metadata"], "name": deployment["metadata"]["name"], "namespace": "models"}
        if template["spec"]["securityContext"]["runAsNonRoot"]:
            pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    return pods


def _install(cluster: Cluster, output: Path) -> None:
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in (("models", {"weighbridge.dev/environment": "prod"}), ("empty", {}))
    ]
    prepared = [part for each in namespaces for part in closed(each)]
    cluster.install([*definitions(prepared), *prepared, *_nothing()])
    # Without the constraint for namespaces that nothing binds: it would judge the second namespace, too.
    compiled = [
        each
        for each in resources(output, "prod", unbound=False)
        if not each["kind"].startswith("ValidatingAdmissionPolicy")
    ]
    with SharedCluster(cluster) as shared, shared.lent() as lent:
        shared.install(lent, compiled, webhook_patch(output))


def _nothing() -> list[dict[str, Any]]:
    code = {"engine": "Rego", "source": {"version": "v1", "rego": _NOTHING}}
    target = {"target": "admission.k8s.gatekeeper.sh", "code": [code]}
    names = {"crd": {"spec": {"names": {"kind": "Nothing"}}}}
    template = {"apiVersion": TEMPLATES, "kind": "ConstraintTemplate", "metadata": {"name": "nothing"}}
    constraint = {"apiVersion": CONSTRAINTS, "kind": "Nothing", "metadata": {"name": "nothing"}}
    match = {"kinds": [{"apiGroups": ["*"], "kinds": ["*"]}], "namespaces": ["empty"]}
    return [{**template, "spec": {**names, "targets": [target]}}, {**constraint, "spec": {"match": match}}]


def _round(cluster: Cluster, pods: list[dict[str, Any]], count: int) -> tuple[list[int], list[int]]:
    times: tuple[list[int], list[int]] = ([], [])
    for number in range(count):
        shown = pods[number % len(pods)]
        for index in (0, 1) if number % 2 else (1, 0):
            namespace = ("models", "empty")[index]
            pod = {**shown, "metadata": {**shown["metadata"], "namespace": namespace}}
            start = time.perf_counter_ns()
            cluster.admin.create(pod, dry_run=True)
            times[index].append(time.perf_counter_ns() - start)
    return times


def _refuses(cluster: Cluster, pod: dict[str, Any]) -> None:
    # What lets everything through would be fast.
    unknown = {**pod, "metadata": {**pod["metadata"], "labels": {"model_id": "nobody", "model_version": "1"}}}
    said = cluster.ask(unknown)
    if "MOD-002" not in said.codes:
        raise SystemExit(f"an unknown version got {said}")
