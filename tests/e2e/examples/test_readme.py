"""The README's walk through the example works as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.engines


def test_the_walk_through_the_example(tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (walk,) = [block for block in blocks if "EXAMPLE=" in block]
    script = "set -x\n" + walk.replace("bundles/mine", str(tmp_path / "bundles"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    result = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    # The last command judges workloads at the present, when the example's approvals have ended.
    assert result.returncode == 1, result.stdout + result.stderr
    assert "error: " not in result.stderr
    assert "Traceback" not in result.stderr
    assert "11 versions" in result.stdout
    assert "REL-002 vuln-scan-clean" in result.stdout
    assert "MOD-003" in result.stdout
    assert re.search(r"admitted\.yaml:\d+:\d+: deny MOD-004", result.stdout)
    assert "prod: 0 allowed, 11 denied" in result.stdout
    assert (tmp_path / "bundles" / "index.json").is_file()
