"""The whole agent: one lease, and for each environment a conversation, copies of our resources, and who acts."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.control.agent.environment import EnvironmentAgent
from weighbridge.control.agent.follow import Follower, Trust
from weighbridge.control.agent.lease import Lease
from weighbridge.control.agent.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weighbridge.control.agent.kube import Kube
    from weighbridge.control.agent.place import Place
    from weighbridge.control.agent.receipts import Receipt
    from weighbridge.control.agent.talk import Talk

WRITES_PER_SECOND = 50.0
"""Approvals, and calls about what runs; live state does not wait."""


@dataclass(frozen=True)
class Followed:
    """One environment that the agent follows."""

    talk: Talk
    trust: Trust


class Agent:
    """Everything that runs beside one cluster.

    Args:
        kube: the cluster.
        place: which one, and where the agent lives in it.
        environments: which ones it follows.
        log: takes what happens, a line each.
        writes_per_second: at most, on average.
    """

    def __init__(
        self,
        kube: Kube,
        place: Place,
        environments: Sequence[Followed],
        log: Callable[[str], None],
        *,
        writes_per_second: float = WRITES_PER_SECOND,
    ) -> None:
        identity = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._lease = Lease(kube, place.namespace, identity, log)
        self._leads = False
        pace = Pace(writes_per_second)
        self._agents = [
            EnvironmentAgent(
                kube, place, Follower(each.talk, each.trust, _nothing), acts=self._acts, pace=pace, log=log
            )
            for each in environments
        ]

    @property
    def held(self) -> bool:
        """Whether this is the agent that acts."""
        return self._lease.held

    def start(self) -> None:
        """Begin; returns at once."""
        self._lease.start()
        for agent in self._agents:
            agent.start()

    def stop(self) -> None:
        """End, and give the lease up, so that another one need not wait for it."""
        for agent in self._agents:
            agent.stop()
        self._lease.stop()

    def once(self) -> list[Receipt]:
        """Everything one time, without the lease: fencing by sequence holds all the same.

        Raises:
            KubeError: the cluster cannot be read.
        """
        self._leads = True
        return [agent.once() for agent in self._agents]

    def _acts(self) -> bool:
        return self._leads or self._lease.held


def _nothing() -> None:
    pass
