"""Reading beside a server that answers requests: little of the disk, little of the CPU, little memory."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.catalogue.names import SIZE_PATTERN
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(SIZE_PATTERN.removesuffix("$") + r"/s$")
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "ppc64le": 273, "s390x": 282}
"""The system call's number by machine: glibc has no function for it."""
_WHO_PROCESS = 1
_BEST_EFFORT_LOWEST = (2 << 13) | 7
_NICE = 10
CHUNK = 1024 * 1024
"""Most bytes that are read at once, and so all the memory that reading takes."""


def parse_rate(text: str) -> int:
    """Bytes a second from a text such as `50MiB/s`.

    Raises:
        InputError: it is no rate.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise InputError.single("", f"{text!r:.40} is no rate", "Write one such as 50MiB/s.", field="--rate-limit")
    return int(match.group(1)) * _UNITS[match.group(2)]


@dataclass
class Pace:
    """Bounds how fast is read; without a rate it bounds nothing."""

    rate: int | None = None
    """Bytes a second, on average from the first byte on: time that was lost is not made up for by a burst."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float | None = field(default=None, init=False)

    @property
    def chunk(self) -> int:
        """How much to read at once: at most a tenth of a second's share, so that the disk is free in between."""
        return CHUNK if self.rate is None else max(4096, min(CHUNK, self.rate // 10))

    def account(self, count: int) -> None:
        """Wait until `count` bytes, just read, were allowed to be read."""
        if self.rate is None:
            return
        now = self.clock()
        # Not before now: else a pause would save up an allowance.
        self._free_at = max(now, self._free_at or now) + count / self.rate
        if self._free_at > now:
            self.sleep(self._free_at - now)


def lower_priority() -> list[str]:
    """Give this process the lowest priority that still gets on, for CPU and disk; what could not be lowered.

    The best-effort class is taken and not the idle one: a process in that one never runs on a disk that somebody keeps
    busy, so whoever wants to hide a change would only have to read.
    """
    failed = []
    try:
        os.nice(_NICE)
    except OSError as error:
        failed.append(f"nice: {error.strerror}")
    number = _IOPRIO_SET.get(platform.machine())
    if platform.system() != "Linux" or number is None:
        return [*failed, "ioprio: not known on this system"]
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(number, _WHO_PROCESS, 0, _BEST_EFFORT_LOWEST) != 0:
        failed.append(f"ioprio: {os.strerror(ctypes.get_errno())}")
    return failed
