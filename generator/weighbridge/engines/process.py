"""Starting engines as processes: with an environment of our choosing, tied to our own life, ending with a typed error.

Every long-lived engine is started by one thread that never ends. Linux ties `PR_SET_PDEATHSIG` to the *thread* that
forked, so an engine started by a worker thread would die with that worker, not with the program.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import IO, TYPE_CHECKING

from weighbridge.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 5.0
_DETAIL_BYTES = 8192
"""How much of what an engine printed goes into an error."""
_PORTS = (15000, 32768)
"""Above what services are wont to use, below where Linux (32768) and the others (49152) take outgoing ports from."""
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def run(
    arguments: Sequence[str | Path], *, timeout: float, environment: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run an engine to its end, with an empty environment unless one is given. The caller judges its exit status.

    Raises:
        EngineError: it could not be started, or took longer than `timeout` seconds.
    """
    command = [str(argument) for argument in arguments]
    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, timeout=timeout, env=dict(environment or {}), check=False
        )
    except OSError as error:
        raise EngineError(f"{command[0]} could not be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"{Path(command[0]).name} took longer than {timeout:g} s", _text((error.stderr or b"")[-_DETAIL_BYTES:])
        ) from error


class Started:
    """An engine that has been started ahead of its question, which comes by standard input.

    It loads while its caller does something else. Should the caller die, the end of its input ends it.

    Raises:
        EngineError: it could not be started.
    """

    def __init__(self, arguments: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> None:
        self._command = [str(argument) for argument in arguments]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environment or {})
            )
        except OSError as error:
            raise EngineError(f"{self._command[0]} could not be started: {error.strerror}") from error

    def ask(self, stdin: bytes, *, timeout: float) -> subprocess.CompletedProcess[bytes]:
        """Give it its input, and wait for its end. The caller judges its exit status.

        Raises:
            EngineError: it took longer than `timeout` seconds.
        """
        try:
            stdout, stderr = self._process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise EngineError(f"{Path(self._command[0]).name} took longer than {timeout:g} s") from error
        return subprocess.CompletedProcess(self._command, self._process.returncode, stdout, stderr)

    def stop(self) -> None:
        """End it without a question; may be called twice, and after `ask`."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def free_port() -> int:
    """A loopback TCP port that nobody uses, for an engine that cannot say which one it took.

    It lies below the range from which the kernel serves outgoing connections (and `bind` to port 0): from inside that
    range, a connection of any other process could take the port before the engine does.

    Raises:
        EngineError: a hundred tries found none.
    """
    for port in random.SystemRandom().sample(range(*_PORTS), 100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise EngineError(f"no free port between {_PORTS[0]} and {_PORTS[1]} on 127.0.0.1")


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()


class EngineProcess:
    """A running engine. What it prints goes to a file, so that a full pipe never stops it.

    Attributes:
        name: what errors call it.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.name = name
        self._log: IO[bytes] = log.open("w+b") if log else tempfile.TemporaryFile()  # noqa: SIM115 -- stop() closes it
        command = [str(argument) for argument in arguments]
        try:
            self._process = _start(command, dict(environment or {}), self._log)
        except OSError as error:
            self._log.close()
            raise EngineError(f"{name} could not be started from {command[0]}: {error.strerror}") from error

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def output(self) -> str:
        """What it printed so far, without the middle of very much."""
        if self._log.closed:
            return ""
        log, size = self._log.fileno(), os.fstat(self._log.fileno()).st_size
        if size <= _DETAIL_BYTES:
            return _text(os.pread(log, _DETAIL_BYTES, 0))
        # Envoy says first what is wrong, and then repeats its whole configuration.
        half = _DETAIL_BYTES // 2
        return f"{_text(os.pread(log, half, 0))}\n…\n{_text(os.pread(log, half, size - half))}"

    def wait_until(self, ready: Callable[[], bool], *, timeout: float, what: str = "ready") -> None:
        """Poll until `ready` says so.

        Raises:
            EngineError: the engine ended before, or `timeout` seconds went by; with what it printed.
        """
        deadline = time.monotonic() + timeout
        pause = 0.005
        while not ready():
            if not self.running:
                raise EngineError(
                    f"{self.name} ended with status {self._process.returncode} before it was {what}", self.output()
                )
            if time.monotonic() > deadline:
                raise EngineError(f"{self.name} was not {what} within {timeout:g} s", self.output())
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def stop(self) -> None:
        """End it: politely, then by force."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()


def _start(command: list[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def die_with_parent() -> None:
        # Runs between fork and exec. The parent may have died before the kernel heard of our wish.
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=die_with_parent,  # noqa: PLW1509 -- it calls prctl and getppid, no more
            start_new_session=True,
        )

    return _Starter.shared().call(start)


class _Starter:
    """The thread that starts engines, one a process."""

    _lock = threading.Lock()
    _instance: _Starter | None = None

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._calls: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="weighbridge-engines", daemon=True).start()

    @classmethod
    def shared(cls) -> _Starter:
        with cls._lock:
            # A forked child inherits the object, but not its thread.
            if cls._instance is None or cls._instance.pid != os.getpid():
                cls._instance = cls()
            return cls._instance

    def call(self, function: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        future: Future[subprocess.Popen[bytes]] = Future()
        self._calls.put((function, future))
        return future.result()

    def _serve(self) -> None:
        while True:
            function, future = self._calls.get()
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
