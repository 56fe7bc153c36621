"""Two clocks that watch each other: a wall clock that jumps is noticed within a second."""

from __future__ import annotations

import logging
import time

_JUMP_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


class Clocks:
    """The wall clock, compared with one that cannot be set."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def jumped(self) -> float:
        """By how many seconds the wall clock was set since the last call; 0.0 if it was not."""
        offset = time.time() - time.monotonic()
        by = offset - self._offset
        self._offset = offset
        if abs(by) < _JUMP_SECONDS:
            return 0.0
        _LOG.warning(
            "the clock was set %s by %.0f s: live data is issued anew", "forward" if by > 0 else "back", abs(by)
        )
        return by
