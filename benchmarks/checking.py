"""`weighbridge check` against plain conftest: the same thousand manifests, the same rules, the same compiled folder.

Both are whole commands, from start to exit, and take turns. One manifest alone is measured as well: there it is the
start that counts, and that ten thousand records are not read for one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.catalogue import AT, catalogue
from benchmarks.compiling import PROCESSES
from benchmarks.report import Report, Target
from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.catalogue.names import parse_time_ns
from weighbridge.engines.locate import require
from weighbridge.keys import load_private_key

MANIFESTS = 1000
"""Fewer, where there are fewer versions."""
DENIED_EVERY = 10
"""Of so many manifests one is denied."""
TARGETS = (Target("check_ratio", 1.0), Target("one_seconds", 0.3))
_TEMPLATE = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: serve-{number}
  namespace: models
  labels:
    app.kubernetes.io/name: serve-{number}
    app.kubernetes.io/part-of: serving
    model_id: {model}
    model_version: "{version}"
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: serve-{number}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: serve-{number}
        model_id: {model}
        model_version: "{version}"
      annotations:
        weighbridge.dev/artifact-digest: {digest}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: {non_root}
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: server
          image: registry.example.com/serving@{image}
          ports:
            - name: http
              containerPort: 8000
          resources:
            requests:
              cpu: 500m
              memory: 512Mi
            limits:
              cpu: "1"
              memory: 1Gi
          readinessProbe:
            httpGet:
              path: /health
              port: http
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: weights
              mountPath: /models
              readOnly: true
      volumes:
        - name: weights
          image:
            reference: {source}
            pullPolicy: IfNotPresent
"""


def run(versions: int = 10_000, rounds: int = 5, compiled: Path | None = None) -> Report:
    """Compile so many versions (unless a folder is given that holds them), and judge manifests so many times."""
    report = Report("check", TARGETS)
    check: list[float] = []
    conftest: list[float] = []
    one: list[float] = []
    with tempfile.TemporaryDirectory(prefix="weighbridge-bench-") as scratch:
        output = compiled or _compiled(catalogue(versions), Path(scratch, "out"))
        count = min(MANIFESTS, versions)
        manifests = write_manifests(output, Path(scratch, "manifests"), count)
        first = next(iter(sorted(manifests.iterdir())))
        tested = output / "prod" / "conftest"
        by_conftest: list[str | Path] = [
            require("conftest").path,
            "test",
            "-p",
            tested / "policy",
            "-d",
            tested / "data",
            manifests,
        ]
        for _ in range(rounds):
            conftest.append(_seconds(by_conftest, 1))
            check.append(_seconds(_command(output, manifests), 1))
            one.append(_seconds(_command(output, first), 0))
    report.add(f"conftest, {count} manifests", "s", conftest)
    report.add(f"check, {count} manifests", "s", check)
    report.add("check, one manifest", "s", one)
    report.figures = {
        "conftest_s": statistics.median(conftest),
        "check_s": statistics.median(check),
        "check_ratio": statistics.median(c / t for c, t in zip(check, conftest, strict=True)),
        "one_seconds": statistics.median(one),
    }
    report.notes = {"versions": versions, "manifests": count, "rounds": rounds}
    return report


def _command(output: Path, manifests: Path) -> list[str | Path]:
    return [sys.executable, "-m", "weighbridge", "check", manifests, "--bundle", output, "--environment", "prod"]


def _seconds(command: list[str | Path], status: int) -> float:
    """Wall-clock time of a command that must end with this status: 1 where something is denied."""
    path = os.pathsep.join([str(require("opa").path.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    start = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode != status:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{(done.stdout + done.stderr).decode()[-3000:]}")
    return seconds


def _compiled(folder: Path, output: Path) -> Path:
    # With a clock that stands still: the statements of the synthetic catalogue are of one day, and soon too old.
    at_ns = parse_time_ns(AT)
    key = load_private_key(str(folder / "keys" / "release.key"))
    options = CompileOptions(output=output, release_key=key, at_ns=at_ns, fixed_clock_ns=at_ns, jobs=PROCESSES)
    compile_catalogue(folder / "catalogue", options)
    return output


def write_manifests(output: Path, folder: Path, count: int) -> Path:
    """So many Deployments of different versions; most are as they must be."""
    folder.mkdir()
    records: dict[str, dict[str, Any]] = {}
    for file in sorted((output / "prod" / "conftest" / "data").iterdir()):
        records |= json.loads(file.read_bytes())["weighbridge"]["registry"]["records"]
    names = sorted(records)
    for number in range(count):
        record = records[names[number * len(names) // count]]
        text = _TEMPLATE.format(
            number=number,
            model=record["model"],
            version=record["version"],
            digest=record["digest"],
            image=next(iter(record["images"])),
            source=next(iter(record["sources"])).removeprefix("oci://"),
            non_root="false" if number % DENIED_EVERY == DENIED_EVERY - 1 else "true",
        )
        (folder / f"{number:04}.yaml").write_text(text, encoding="utf-8")
    return folder
