"""Engines as processes: tied to our life, loud when they fail."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weighbridge.engines import process
from weighbridge.engines.process import EngineProcess, free_port, run
from weighbridge.errors import EngineError


def test_the_environment_is_empty_unless_given():
    assert (
        run([sys.executable, "-c", "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"], timeout=20).stdout
        == b"[]\n"
    )
    result = run(["/usr/bin/env"], timeout=20, environment={"A": "1"})
    assert result.stdout == b"A=1\n"


def test_one_that_takes_too_long_is_an_error():
    with pytest.raises(EngineError, match="longer than"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.5)


def test_one_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(EngineError, match="could not be started"):
        run([tmp_path / "missing"], timeout=1)
    with pytest.raises(EngineError, match="could not be started"):
        EngineProcess("x", [tmp_path / "missing"])


def test_one_that_ends_early_is_told_with_what_it_said():
    process = EngineProcess("x", [sys.executable, "-c", "print('first' + 'y' * 20000 + 'last'); raise SystemExit(3)"])
    with pytest.raises(EngineError, match="ended with status 3") as caught:
        process.wait_until(lambda: False, timeout=20)
    assert caught.value.detail.startswith("first")
    assert caught.value.detail.endswith("last")
    process.stop()
    process.stop()
    assert process.output() == ""


def test_one_that_never_gets_ready_is_told():
    process = EngineProcess("x", [sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(EngineError, match="was not ready within"):
        process.wait_until(lambda: False, timeout=0.2)
    process.stop()
    assert not process.running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_it_dies_with_us_even_if_we_are_killed():
    code = (
        "import os, sys; from weighbridge.engines.process import EngineProcess;"
        "p = EngineProcess('x', [sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(p.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).stdout)
    deadline = time.monotonic() + 10
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_port_is_free():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port


def test_a_free_port_lies_where_the_kernel_takes_none_for_outgoing_connections():
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < free_port() < lowest for _ in range(50))


def test_a_port_in_use_is_not_free(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(process, "_PORTS", (taken, taken + 100))
        assert all(free_port() != taken for _ in range(20))
