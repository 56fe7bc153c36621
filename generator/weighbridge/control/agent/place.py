"""Where the agent acts, as whom, and by which clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Place:
    """One cluster."""

    cluster: str
    """Its name, as the control plane knows it."""
    namespace: str
    """The agent's own."""
    now_ns: Callable[[], int] = time.time_ns
    """The only clock, for what is compared with signed times; pauses go by one that nobody sets."""
