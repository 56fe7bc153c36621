"""How fast the agent writes: at most so many requests a second on average, with a little burst."""

from __future__ import annotations

import threading
import time


class Pace:
    """A token bucket that makes its users wait.

    Args:
        per_second: requests a second.
        burst: how many at once after a rest.
    """

    def __init__(self, per_second: float, burst: int = 10) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = float(burst), time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait until another request may go."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - 1
            self._at = now
            wait = max(0.0, -self._left / self._per_second)
        if wait:
            time.sleep(wait)
