import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weighbridge.bundle import output as module
from weighbridge.bundle.output import WholeOutput
from weighbridge.errors import OutputError

INDEX = json.dumps({"files": {"prod/a": "", "dev/a": ""}}).encode()


@pytest.fixture(params=["exchange", "two renames"])
def target(request, tmp_path: Path, monkeypatch) -> Path:
    if request.param == "two renames":
        monkeypatch.setattr(module, "_exchange", lambda *_: False)
    return tmp_path / "out"


def _write(target: Path, content: bytes = b"1", meanwhile: Callable[[], object] = lambda: None) -> None:
    with WholeOutput(target) as output:
        output.write("prod/a", content)
        output.write("index.json", INDEX)
        meanwhile()


def _break_off(target: Path, error: type[BaseException]) -> None:
    with WholeOutput(target) as output:
        output.write("prod/a", b"2")
        raise error


def _tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _alone(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] == [target.name]


def test_it_appears_and_is_replaced_as_a_whole(target: Path) -> None:
    _write(target)
    with WholeOutput(target) as output:
        output.write("dev/a", b"2")
        output.write("index.json", INDEX)
        assert _tree(target) == {"prod/a": b"1", "index.json": INDEX}
    assert _tree(target) == {"dev/a": b"2", "index.json": INDEX}
    assert _alone(target)


def test_the_exchange_is_a_single_step_here(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert module._exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "b").exists()
    assert (tmp_path / "b" / "a").exists()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_output_and_nothing_else(target: Path, error: type[BaseException]) -> None:
    _write(target)
    with pytest.raises(error):
        _break_off(target, error)
    assert _tree(target) == {"prod/a": b"1", "index.json": INDEX}
    assert _alone(target)


def test_a_first_run_that_fails_leaves_nothing(target: Path) -> None:
    with pytest.raises(RuntimeError):
        _break_off(target, RuntimeError)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_modes_do_not_follow_the_umask(target: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        _write(target)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (target, target / "prod")] == [0o755, 0o755]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (target / "prod/a", target / "index.json")] == [0o644, 0o644]


def test_an_empty_folder_is_taken(target: Path) -> None:
    target.mkdir()
    _write(target)
    assert _tree(target)["prod/a"] == b"1"


FOREIGN = {
    "no index": {"notes.txt": b"mine"},
    "index of another program": {"index.json": b'{"name": "my-web-site"}'},
    "index that is no JSON": {"index.json": b"hello"},
    "index that is a list": {"index.json": b"[]"},
    "index that nests without end": {"index.json": b"[" * 100_000},
    "a file of the user's beside ours": {"index.json": INDEX, "notes.txt": b"mine"},
}


@pytest.mark.parametrize("files", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_folder_of_somebody_else_is_never_touched(target: Path, files: dict[str, bytes]) -> None:
    target.mkdir()
    for name, content in files.items():
        (target / name).write_bytes(content)
    with pytest.raises(OutputError, match="was not written by Weighbridge"):
        _write(target)
    assert _tree(target) == files
    assert _alone(target)


def test_an_index_that_is_a_link_is_not_ours(target: Path, tmp_path: Path) -> None:
    target.mkdir()
    (tmp_path / "real.json").write_bytes(INDEX)
    (target / "index.json").symlink_to(tmp_path / "real.json")
    with pytest.raises(OutputError, match=r"holds no index\.json"):
        _write(target)


def test_a_link_is_not_followed(target: Path) -> None:
    elsewhere = target.parent / "elsewhere"
    _write(elsewhere)
    target.symlink_to(elsewhere)
    with pytest.raises(OutputError, match="symbolic link"):
        _write(target, b"2")
    assert _tree(elsewhere)["prod/a"] == b"1"


def test_a_dangling_link_is_not_followed_either(target: Path) -> None:
    target.symlink_to(target.parent / "nowhere")
    with pytest.raises(OutputError, match="symbolic link"):
        _write(target)


def test_a_file_is_not_replaced(target: Path) -> None:
    target.write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        _write(target)
    assert target.read_text() == "mine"


def test_what_changed_hands_meanwhile_is_not_replaced(target: Path) -> None:
    def create() -> None:
        target.mkdir()
        (target / "notes").write_text("mine")

    with pytest.raises(OutputError, match="was not written"):
        _write(target, meanwhile=create)
    assert (target / "notes").read_text() == "mine"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", "a//b"])
def test_a_path_that_leaves_the_folder_is_refused(target: Path, path: str) -> None:
    with pytest.raises(ValueError, match="no file name"), WholeOutput(target) as output:
        output.write(path, b"")


def test_a_path_is_written_once(target: Path) -> None:
    with WholeOutput(target) as output:
        output.write("index.json", INDEX)
        with pytest.raises(ValueError, match="twice"):
            output.write("index.json", b"")


def test_an_output_without_index_is_a_mistake(target: Path) -> None:
    with pytest.raises(ValueError, match="needs its"), WholeOutput(target) as output:
        output.write("a", b"")
    assert list(target.parent.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_the_old_output(target: Path) -> None:
    _write(target)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OutputError, match="nothing was written"), WholeOutput(target) as output:
            output.write("prod/a", b"2" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _tree(target) == {"prod/a": b"1", "index.json": INDEX}
    assert _alone(target)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="nothing was written"):
        _write(tmp_path / "file" / "out")


_HANG = """
import sys, time
from pathlib import Path
from weighbridge.bundle.output import WholeOutput
with WholeOutput(Path(sys.argv[1])) as output:
    output.write("prod/a", b"killed")
    print("written", flush=True)
    time.sleep(600)
"""


def _hanging(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HANG, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def test_a_killed_run_leaves_the_old_output_and_the_next_run_cleans_up(target: Path) -> None:
    _write(target)
    process = _hanging(target)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert _tree(target)["prod/a"] == b"1"
    assert not _alone(target)
    _write(target, b"2")
    assert _tree(target)["prod/a"] == b"2"
    assert _alone(target)


def test_a_run_beside_this_one_is_left_alone(target: Path) -> None:
    process = _hanging(target)
    try:
        _write(target)
        assert len(list(target.parent.glob(".out.weighbridge-*.new/prod/a"))) == 1
    finally:
        process.kill()
        process.communicate()


def test_a_run_killed_between_two_renames_is_mended(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "out"
    _write(target)
    target.rename(tmp_path / ".out.weighbridge-old")
    with pytest.raises(RuntimeError), WholeOutput(target):
        raise RuntimeError
    assert _tree(target)["prod/a"] == b"1"
    assert _alone(target)


def test_files_with_like_names_are_no_leftovers(target: Path) -> None:
    for name in (".outer.weighbridge-x.new", ".out.weighbridge-note"):
        (target.parent / name).mkdir()
    _write(target)
    assert {path.name for path in target.parent.iterdir()} == {
        "out",
        ".outer.weighbridge-x.new",
        ".out.weighbridge-note",
    }
