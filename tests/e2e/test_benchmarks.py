"""Benchmarks are programs, too: each runs through at a small size. What it measures there is not looked at."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "size"), [("compile", "versions"), ("memory", "versions"), ("hashing", "mebibytes"), ("check", "versions")]
)
def test_a_benchmark_runs_through(name: str, size: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", name, f"--{size}", "60", "--rounds", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode in {0, 1}, result.stderr
    document = json.loads(result.stdout.splitlines()[-1])
    assert document["bench"] == name
    assert document["figures"][size] == 60
    assert result.returncode == (0 if document["met"] else 1)
