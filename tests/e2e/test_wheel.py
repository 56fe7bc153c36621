"""The wheel works with no checkout beside it: rules, engines' pins and the sidecar's configuration travel in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which the wheel, and nothing else of ours, was installed."""
    built = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built), str(REPOSITORY)]
    subprocess.run(wheel, check=True)
    target = built / "site"
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(target), *map(str, built.glob("*.whl"))],
        check=True,
    )
    return target


def python(installed: Path, code: str) -> str:
    """Run code with the wheel's package in front, in a folder where no checkout is."""
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=installed, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_resources_come_from_inside_the_wheel(installed):
    out = python(
        installed,
        "from weighbridge import resources as r; print(r.policies(), r.tools(), r.opa_config(), sep='\\n')",
    )
    for line in out.splitlines():
        path = Path(line)
        assert path.is_relative_to(installed)
        assert path.exists()


def test_the_wheel_carries_every_rule_pin_and_template(installed):
    shipped = installed / "weighbridge" / "shipped"
    for folder in ("policies", "tools"):
        ours = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / folder).rglob("*") if path.is_file()}
        assert ours
        assert ours == {str(path.relative_to(shipped)) for path in (shipped / folder).rglob("*") if path.is_file()}
    assert (shipped / "opa-config.yaml").read_bytes() == (REPOSITORY / "opa-config.yaml").read_bytes()
    templates = {path.name for path in (REPOSITORY / "generator/weighbridge/points/templates").glob("*")}
    assert templates == {path.name for path in (installed / "weighbridge/points/templates").glob("*")}


EVERY_HELP = """
from click.testing import CliRunner
from weighbridge.cli.main import COMMANDS, cli
for name in COMMANDS:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    print(name)
"""


def test_every_command_of_the_wheel_shows_its_help(installed):
    assert "compile" in python(installed, EVERY_HELP).split()
