"""Which of several agents acts: a Lease, renewed by its holder (as Kubernetes' own components do it).

A holder is believed to be alive as long as its Lease changes, judged by this process's own monotonic clock from when
the change was seen: no two clocks are ever compared, and a clock that jumps changes nothing. Two may still believe to
hold it for a moment. That is why every write names the version that it replaces, and no lower sequence ever replaces a
higher one.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weighbridge.control.agent.kube import KubeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.kube import Kube, Object

NAME = "weighbridge-agent"
DURATION_SECONDS = 15
"""So long a Lease that does not change is respected."""
_RENEW_SECONDS = 4.0
"""Between two attempts to take or renew it."""
_GIVE_UP_SECONDS = 10.0
"""A holder that could not renew for so long stops acting, before another one begins."""


class Lease:
    """One agent's view of the Lease.

    Args:
        kube: the cluster.
        namespace: where the Lease lies.
        identity: of this agent; no two have the same.
        log: takes what changes.
    """

    def __init__(self, kube: Kube, namespace: str, identity: str, log: Callable[[str], None]) -> None:
        self._kube, self._namespace, self._identity, self._log = kube, namespace, identity, log
        self._seen: tuple[str, float] = ("", 0.0)
        self._renewed: float | None = None
        self._said = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    @property
    def held(self) -> bool:
        """Whether this agent is to act."""
        return self._renewed is not None and time.monotonic() - self._renewed < _GIVE_UP_SECONDS

    def start(self) -> None:
        """Begin to try for it."""
        self._thread.start()

    def stop(self) -> None:
        """Give it up, so that another agent need not wait."""
        self._stopping.set()
        self._thread.join(timeout=_GIVE_UP_SECONDS)
        if self.held:
            self._renewed = None
            try:
                present = self._kube.get("Lease", NAME, self._namespace)
                if present is not None and _holder(present) == self._identity:
                    self._kube.replace({**present, "spec": {**present["spec"], "holderIdentity": ""}})
            except KubeError as error:
                self._say(f"the lease could not be given up: {error}")

    def _run(self) -> None:
        while not self._stopping.is_set():
            before = self.held
            try:
                self.attempt()
            except KubeError as error:
                self._say(f"the lease cannot be taken: {error}")
            if self.held != before:
                self._log("holds the lease" if self.held else "does not hold the lease any more")
            self._stopping.wait(_RENEW_SECONDS)

    def attempt(self) -> None:
        """Take or renew it once, if that is possible now.

        Raises:
            KubeError: refused for another reason than that somebody else was faster, or no answer.
        """
        begun = time.monotonic()
        present = self._kube.get("Lease", NAME, self._namespace)
        if present is not None and _holder(present) not in {"", self._identity} and not self._ended(present):
            self._renewed = None
            return
        try:
            if present is None:
                self._kube.create(self._object({}, 0))
            else:
                self._kube.replace(self._object(present["metadata"], _transitions(present, self._identity)))
        except KubeError as error:
            if not error.conflict:
                raise
            self._renewed = None
            return
        self._renewed, self._said = begun, ""

    def _ended(self, present: Object) -> bool:
        version, now = present["metadata"]["resourceVersion"], time.monotonic()
        if version != self._seen[0]:
            self._seen = (version, now)
        return now - self._seen[1] > DURATION_SECONDS

    def _object(self, metadata: Object, transitions: int) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        kept = {key: metadata[key] for key in ("resourceVersion", "uid") if key in metadata}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**kept, "name": NAME, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": DURATION_SECONDS,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    def _say(self, text: str) -> None:
        # An API server that is away for an hour is told once.
        if text != self._said:
            self._said = text
            self._log(text)


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _transitions(lease: Object, identity: str) -> int:
    before = (lease.get("spec") or {}).get("leaseTransitions")
    count = before if isinstance(before, int) else 0
    return count if _holder(lease) == identity else count + 1
