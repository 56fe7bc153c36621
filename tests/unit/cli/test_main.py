"""What the program says before any command runs."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from weighbridge.cli.main import COMMANDS, cli
from weighbridge.cli.options import PRIVATE_KEY

HEAVY = ("cyclonedx", "opa_client", "picklescan", "securesystemslib", "sigstore", "spdx_python_model", "starlette")
"""Each takes from a tenth of a second to seconds to import."""
WITHOUT = """
import sys
sys.modules[{module!r}] = None
sys.argv = ["weighbridge", *{arguments!r}]
from weighbridge.cli.main import main
main()
"""


RUN = ["run", "bundles", "--environment", "prod", "--release-key", "release.pub", "--live-key", "live.pub"]


def without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = WITHOUT.format(module=module, arguments=arguments)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("starlette", RUN), ("uvicorn", RUN), ("opa_client", ["test", "fixtures"]), ("starlette", ["test", "fixtures"])],
)
def test_without_the_extra_it_says_what_to_install(module: str, arguments: list[str]) -> None:
    assert without(module, arguments[0], "--help").returncode == 0
    result = without(module, *arguments)
    assert result.returncode == 2
    assert result.stderr == f"error: {module} is not installed. Install `weighbridge[harness]`: this needs it.\n"


@pytest.mark.parametrize("command", ["check", "compile", "engines", "explain", "verify"])
def test_other_commands_do_without_the_extra(command: str) -> None:
    for module in ("docker", "opa_client", "starlette", "uvicorn"):
        assert without(module, command, "--help").returncode == 0


def test_another_module_that_is_missing_is_no_matter_of_the_extra() -> None:
    assert "ModuleNotFoundError" in without("httpx", "verify", "--help").stderr


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


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_help_waits_for_heavy_libraries(command: str) -> None:
    script = (
        f"import sys; sys.argv = ['weighbridge', {command!r}, '--help']\n"
        "from weighbridge.cli.main import main\n"
        "try: main()\n"
        f"finally: print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "[]\n")


def test_private_keys_are_described_alike_everywhere() -> None:
    context = click.Context(cli)
    found = {}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        parts = command.commands.values() if isinstance(command, click.Group) else [command]
        for option in (given for part in parts if part is not None for given in part.params):
            if isinstance(option, click.Option) and option.metavar == "K":
                found[name, option.name] = option.help or ""
    assert len(found) > 10
    assert [place for place, text in found.items() if PRIVATE_KEY not in text] == []


def test_a_file_that_the_disk_has_no_room_for_does_not_stay(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from weighbridge.cli.new_file import write_new\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "write_new(Path(sys.argv[1]) / 'new' / 'file.json', bytes(1000))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "file.json: cannot be written: File too large. Make room" in result.stderr
    assert list((tmp_path / "new").iterdir()) == []
