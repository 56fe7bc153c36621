"""The reference of commands is what the commands say of themselves."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from weighbridge.cli.main import COMMANDS, cli
from weighbridge.cli.reference import page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "commands.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS), ["trust", "sign"], ["engines", "install"]])
def test_it_shows_what_help_shows(arguments: list[str]) -> None:
    shown = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="weighbridge", terminal_width=100)
    assert shown.exit_code == 0
    assert f"```text\n{shown.output}```\n" in page()
