"""Receipts: what has become of live state in this cluster, told to the control plane, and that the agent is alive.

What a receipt means is in `proof`. `gatekeeper`: a replica of Gatekeeper, asked through the API server's webhook by a
dry run, answered that its inventory holds this very version of LiveState, so the next pod is judged by it; further
replicas get it by the same watch within milliseconds, and nobody can ask each of them. `api-server`: only the API
server has acknowledged it. The control plane may be away for as long as it likes: the last receipt is kept and sent
again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.catalogue.names import format_time
from weighbridge.control.agent.talk import TalkError
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.talk import Talk

Proof = Literal["gatekeeper", "api-server", ""]
HEARTBEAT_SECONDS = 10.0
_RETRY_SECONDS = 2.0
_MOST_TEXTS = 8
_MOST_TEXT = 250
"""Characters of one of them."""


@dataclass(frozen=True)
class Receipt:
    """What the agent has brought about, and what it has not."""

    environment: str
    cluster: str
    revision: str
    """Of the release that the cluster's approvals are of; "" while there is none."""
    sequence: int
    """Of the LiveState that the cluster has; 0 while there is none."""
    proof: Proof
    problems: tuple[str, ...] = ()
    """Why not all is as it should be; empty where it is."""
    workloads: tuple[str, ...] = field(default=())
    """What runs of a revoked version, and what was done about it."""

    def document(self, at_ns: int) -> dict[str, Any]:
        """As it is sent."""
        return {
            "environment": self.environment,
            "cluster": self.cluster,
            "revision": self.revision,
            "sequence": self.sequence,
            "at": format_time(at_ns),
            "state": "failing" if self.problems else "ok",
            "detail": {"proof": self.proof, "problems": _few(self.problems), "workloads": _few(self.workloads)},
        }


def _few(texts: tuple[str, ...]) -> list[str]:
    kept = [text[:_MOST_TEXT] for text in texts[:_MOST_TEXTS]]
    return kept if len(texts) <= _MOST_TEXTS else [*kept, f"and {len(texts) - _MOST_TEXTS} more"]


class Sender:
    """Sends the newest receipt at once, and again as a heartbeat.

    Args:
        talk: to the control plane.
        speaks: whether this agent is the one that speaks now.
        log: takes what goes wrong.
        now_ns: the agent's clock.
    """

    def __init__(
        self, talk: Talk, speaks: Callable[[], bool], log: Callable[[str], None], now_ns: Callable[[], int]
    ) -> None:
        self._talk, self._speaks, self._log, self._now_ns = talk, speaks, log, now_ns
        self._receipt: Receipt | None = None
        self._news = threading.Event()
        self._stopping = False
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._stopping = True
        self._news.set()

    def tell(self, receipt: Receipt) -> None:
        """Send this one; the same again only as a heartbeat."""
        if receipt != self._receipt:
            self._receipt = receipt
            self._news.set()

    def send(self) -> bool:
        """Send the newest receipt now; False if the control plane did not take it."""
        receipt = self._receipt
        if receipt is None or not self._speaks():
            return True
        try:
            self._talk.send_receipt(receipt.document(self._now_ns()))
        except (TalkError, InputError) as error:
            self._say(f"the control plane takes no receipt: {error}")
            return False
        self._said = ""
        return True

    def _run(self) -> None:
        fine = True
        while not self._stopping:
            self._news.wait(HEARTBEAT_SECONDS if fine else _RETRY_SECONDS)
            self._news.clear()
            fine = self._stopping or self.send()

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._log(text)
