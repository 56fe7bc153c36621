import json
from pathlib import Path

import pytest

from weighbridge.bundle.guard import fix_clock, guard_files

REGO = "package weighbridge.guard\n\nnow_ns := time.now_ns()\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "guard.rego").write_text(REGO)
    (tmp_path / "guard_test.rego").write_text("package weighbridge.guard_test\n")
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "mask.rego").write_text("package system.log\n")
    return tmp_path


def test_it_owns_exactly_its_roots_and_knows_its_environment(source: Path) -> None:
    files = guard_files("prod", source=source)
    assert sorted(files) == [".manifest", "data.json", "guard.rego", "log/mask.rego"]
    assert json.loads(files[".manifest"])["roots"] == ["system", "weighbridge/guard"]
    assert json.loads(files["data.json"]) == {"weighbridge": {"guard": {"settings": {"environment": "prod"}}}}


def test_guards_of_two_environments_are_two_revisions(source: Path) -> None:
    prod, dev = (json.loads(guard_files(name, source=source)[".manifest"])["revision"] for name in ("prod", "dev"))
    assert prod != dev


def test_the_clock_can_stand_still(source: Path) -> None:
    assert b"now_ns := 17\n" in guard_files("prod", source=source, fixed_ns=17)["guard.rego"]


def test_a_guard_without_a_clock_or_with_two_is_refused(source: Path) -> None:
    (source / "more.rego").write_text(REGO)
    with pytest.raises(ValueError, match="exactly one file"):
        guard_files("prod", source=source)
    (source / "more.rego").unlink()
    (source / "guard.rego").write_text("package weighbridge.guard\n")
    with pytest.raises(ValueError, match="exactly one file"):
        guard_files("prod", source=source)


def test_a_second_look_at_the_clock_is_noticed(source: Path) -> None:
    (source / "log" / "mask.rego").write_text("package system.log\n\nx := time.now_ns()\n")
    with pytest.raises(ValueError, match="elsewhere"):
        guard_files("prod", source=source, fixed_ns=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "package a\n",
        "now_ns := time.now_ns()\nnow_ns := time.now_ns()\n",
        "# now_ns := time.now_ns()\n",
        " now_ns := time.now_ns()\n",
        "now_ns := time.now_ns() + 1\n",
        "now_ns := time.now_ns()\nx := time.now_ns()\n",
    ],
)
def test_only_the_one_line_is_replaced(text: str) -> None:
    with pytest.raises(ValueError, match="exactly once"):
        fix_clock(text, 1)
