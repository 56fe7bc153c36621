"""What the program says before any command runs."""

import subprocess
import sys

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
