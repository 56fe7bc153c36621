"""Output appears whole or not at all: killed, out of space, or without permission."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from weighbridge.bundle.output import WholeOutput
from weighbridge.canonical import parse_json, sha256_hex
from weighbridge.errors import OutputError

pytestmark = pytest.mark.engines
Workshop = Any
_COMPILE = """
import sys, time
from pathlib import Path
from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.bundle.output import WholeOutput
from weighbridge.keys import load_private_key
root, key, output, after = sys.argv[1:]
write = WholeOutput.write
written = 0
def slowly(self, path, data):
    global written
    write(self, path, data)
    written += 1
    if written == int(after):
        print("now", flush=True)
        time.sleep(60)
WholeOutput.write = slowly
options = CompileOptions(output=Path(output), release_key=load_private_key(key), at_ns=1768435200 * 10**9)
compile_catalogue(Path(root), options)
print("done", flush=True)
"""


def assert_whole(folder: Path) -> None:
    """Exactly the files that its index lists, each with the listed hash."""
    index = parse_json((folder / "index.json").read_bytes(), "index.json")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"index.json"}
    assert there == set(index["files"])
    for path, expected in index["files"].items():
        assert f"sha256:{sha256_hex((folder / path).read_bytes())}" == expected


def start(workshop: Workshop, after: int, **settings: Any) -> subprocess.Popen[str]:
    key = workshop.folder / "release.pem"
    key.write_bytes(workshop.pem("release"))
    arguments = [sys.executable, "-c", _COMPILE, str(workshop.root), str(key), str(workshop.folder / "out"), str(after)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)


@pytest.mark.parametrize("after", [1, 20, 50])
@pytest.mark.parametrize("before", [False, True])
def test_killed_between_two_files(workshop: Workshop, after: int, before: bool) -> None:
    if before:
        workshop.compile()
    process = start(workshop, after)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n", process.communicate()[1]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if before:
        assert_whole(workshop.folder / "out")
    else:
        assert not (workshop.folder / "out").exists()
    workshop.compile()
    assert_whole(workshop.folder / "out")
    # What the killed run left behind is gone, too.
    assert not [path for path in workshop.folder.iterdir() if ".weighbridge-" in path.name]


def test_killed_at_any_moment(workshop: Workshop) -> None:
    workshop.compile()
    for delay in (0.5, 0.9, 1.3):
        process = start(workshop, 0)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert_whole(workshop.folder / "out")


def test_a_file_too_large_for_the_limit(workshop: Workshop) -> None:
    """RLIMIT_FSIZE makes write fail with EFBIG as a full disk does with ENOSPC."""
    workshop.compile()
    size = (workshop.folder / "out/prod/envoy/release.tar.gz").stat().st_size

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    before = (workshop.folder / "out/index.json").read_bytes()
    process = start(workshop, 0, preexec_fn=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "nothing was written" in errors
    assert (workshop.folder / "out/index.json").read_bytes() == before
    assert_whole(workshop.folder / "out")
    assert not [path for path in workshop.folder.iterdir() if ".weighbridge-" in path.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount: run the tests as root to try a full disk")
def test_a_full_disk(workshop: Workshop) -> None:
    disk = workshop.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        with pytest.raises(OutputError, match="No space left"):
            workshop.compile("disk/out")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_two_at_once_leave_one_whole_output(workshop: Workshop) -> None:
    processes = [start(workshop, 0) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert_whole(workshop.folder / "out")


def test_an_error_in_the_middle_writes_nothing(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: WholeOutput, path: str, data: bytes) -> None:
        raise OutputError("no room")

    monkeypatch.setattr(WholeOutput, "write", fail)
    with pytest.raises(OutputError):
        workshop.compile()
    assert not (workshop.folder / "out").exists()
