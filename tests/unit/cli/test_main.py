"""What the program says before any command runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys
sys.modules[{module!r}] = None
sys.argv = ["weighbridge", {command!r}, "--help"]
from weighbridge.cli.main import main
main()
"""


def without(module: str, command: str) -> subprocess.CompletedProcess[str]:
    script = WITHOUT.format(module=module, command=command)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "command"), [("starlette", "run"), ("uvicorn", "run"), ("opa_client", "test"), ("starlette", "test")]
)
def test_without_the_extra_it_says_what_to_install(module: str, command: str) -> None:
    result = without(module, command)
    assert result.returncode == 2
    assert result.stderr == f"error: {module} is not installed. Install `weighbridge[harness]`: this needs it.\n"


@pytest.mark.parametrize("command", ["check", "compile", "engines", "explain", "verify"])
def test_other_commands_do_without_the_extra(command: str) -> None:
    for module in ("docker", "opa_client", "starlette", "uvicorn"):
        assert without(module, command).returncode == 0


def test_another_module_that_is_missing_is_no_matter_of_the_extra() -> None:
    assert "ModuleNotFoundError" in without("httpx", "run").stderr


def test_marks_are_shown_as_far_as_the_terminal_can() -> None:
    script = (
        "import sys; from weighbridge.cli import main; main.cli = lambda prog_name: print('\\u2713 held'); main.main()"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
    )
    assert result.stdout == "? held\n", result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
@pytest.mark.parametrize("arguments", [["engines", "list", "--format", "json"], ["engines"]])
def test_a_full_disk_behind_the_output_is_told(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "weighbridge", *arguments]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: the output cannot be written: No space left on device.")
    assert "Traceback" not in result.stderr
    assert "Exception" not in result.stderr
