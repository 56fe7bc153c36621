"""run-the-control-plane.md: every command does what is said there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.control.operator_site import Site
from tests.e2e.test_how_to_pages import script

from weighbridge.engines.process import free_port

PAGE = "run-the-control-plane.md"
pytestmark = pytest.mark.engines


def test_the_page_runs(tmp_path):
    site = Site(tmp_path).compile()
    text = script(PAGE).replace("127.0.0.1:8282", f"127.0.0.1:{free_port()}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", text],
        cwd=site.folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    log = (site.folder / "state" / "serve.log").read_text()
    assert result.returncode == 0, result.stdout + result.stderr + log
    for said in (
        "all of it can be used",
        '{"ready": true, "reasons": []}',
        '"environment":"prod"',
        "weighbridge_log_entries",
    ):
        assert said in result.stdout
    # Two signals that come together are taken in any order.
    assert {"listening", "reloaded", "ending", "ended"} <= {json.loads(line)["message"] for line in log.splitlines()}
    token = (site.folder / "east.token").read_text()
    assert token.startswith("wbs_")
    assert token not in log + result.stdout + (site.folder / "clients.yaml").read_text()
