"""The demo as a user runs it, on the real engines: everything as expected, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.engines
SABOTAGE = """
import sys
from dataclasses import replace
sys.path.insert(0, "examples")
import demo
from stage import act
first, refused = act.ALLOWED[0], act.DENIED[0]
act.ALLOWED = (first, replace(first, answer="rust"), replace(first, status=403, code="INF-007", answer=""))
act.DENIED = (
    refused,
    replace(refused, code="INF-009"),
    replace(refused, status=403),
    replace(refused, status=200, code="", answer="python"),
)
sys.exit(demo.main())
"""


def run(arguments, folder):
    environment = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def left_behind(folder):
    # The model's runtime leaves a file of its own, `.ses`.
    return [path.name for path in folder.iterdir() if path.name != ".ses"]


@pytest.fixture
def folder(tmp_path):
    # Unix sockets' paths are short.
    (tmp_path / "t").mkdir()
    return tmp_path / "t"


def test_everything_is_as_expected(folder):
    result = run(["examples/demo.py"], folder)
    assert result.returncode == 0, result.stdout + result.stderr
    done, _, rest = result.stdout.splitlines()[-1].partition(" of ")
    assert int(done) >= 50
    assert rest.startswith(f"{done} as expected")
    assert "WRONG" not in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert left_behind(folder) == []


def test_it_fails_if_anything_differs(folder):
    result = run(["-c", SABOTAGE], folder)
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout.count("WRONG: ") == 6  # the five above, and the logs lack the calls that were left out
    assert left_behind(folder) == []


def test_without_opa_it_says_how_to_get_one(folder):
    hidden = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}
    result = subprocess.run(
        [sys.executable, "examples/demo.py"], cwd=ROOT, env=hidden, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "weighbridge engines install opa" in result.stderr
    assert "Traceback" not in result.stderr
