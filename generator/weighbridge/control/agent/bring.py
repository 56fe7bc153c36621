"""Bringing one environment's LiveState and ModelApprovals to a cluster, and asking Gatekeeper whether it has them.

Every write names the version that it takes the place of, so of two agents that both believe to act none can put a lower
sequence over a higher one: the API server refuses, the copy is read anew, and the plan is made again.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.control.agent.kube import KubeError
from weighbridge.control.agent.plan import Cluster, LivePlan, plan_approvals, plan_live, withheld
from weighbridge.control.agent.signed import Approval, Live, UnverifiedError, read_approval, read_live
from weighbridge.points.gatekeeper.names import approval_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.control.agent.follow import Release, Trust
    from weighbridge.control.agent.kube import Kube, Object
    from weighbridge.control.agent.pace import Pace
    from weighbridge.control.agent.place import Place
    from weighbridge.control.agent.plan import Change, Stored
    from weighbridge.control.agent.receipts import Proof
    from weighbridge.control.agent.watched import Watched

PROBE = "weighbridge-synced"
"""The name of what Gatekeeper refuses with what it knows (policies/points/gatekeeper/decision.rego)."""
_ANSWER = re.compile(rf"{PROBE} (\S+) (\S+)")
_PROBE_SECONDS = 2.0
_SETTLE_SECONDS = 1.0
"""After one replica of Gatekeeper has live state, the others have so long to get it before approvals rest on it."""
_UNPROVEN_SECONDS = 10.0
"""The same where Gatekeeper cannot be asked."""


@dataclass(frozen=True)
class Brought:
    """What has become of live state."""

    live: Live | None
    """That the cluster has now, verified."""
    proof: Proof = ""
    problem: str = ""


class Bringer:
    """One environment's resources in one cluster.

    Args:
        kube: the cluster.
        trust: whose signatures count.
        lives: the copy of LiveState.
        approvals: the copy of ModelApprovals.
        place: which cluster; in the agent's own namespace Gatekeeper is asked.
        pace: of writes; live state does not wait for it.
    """

    def __init__(
        self, kube: Kube, trust: Trust, lives: Watched, approvals: Watched, *, place: Place, pace: Pace
    ) -> None:
        self._kube, self._trust, self._lives, self._approvals = kube, trust, lives, approvals
        self._place, self._pace = place, pace
        self._read: dict[str, tuple[str, Approval | None]] = {}
        self._proven: tuple[str, Proof, float] = ("", "", 0.0)

    def bring_live(self, offered: Live | None, newer: Callable[[], bool]) -> Brought:
        """Write live state if it is newer than what is there, and find out whether it counts.

        Args:
            offered: verified, from the control plane; None before its first answer.
            newer: whether something more urgent has come.

        Raises:
            KubeError: refused, or no answer.
        """
        present = self._lives.objects().get(self._trust.environment)
        known = self._known_live(present)
        plan = LivePlan(None) if offered is None else plan_live(offered, present, known)
        if plan.change is not None:
            present, known = self._write(plan.change, self._lives), offered
        if present is None or known is None:
            return Brought(None, problem=plan.problem or "there is no live state that verifies")
        return Brought(known, self._prove(present.version, newer), plan.problem)

    def bring_approvals(self, live: Live, release: Release, newer: Callable[[], bool]) -> tuple[bool, list[str]]:
        """Write the approvals that may be written now; whether none is left, and what is wrong.

        Args:
            live: that the cluster has.
            release: from the control plane.
            newer: whether something more urgent has come.

        Raises:
            KubeError: refused, or no answer.
        """
        now_ns = self._place.now_ns()
        listed, problems = self._listed(live, release)
        for change in plan_approvals(release.approvals, self._cluster(live), listed, now_ns):
            if newer():
                return False, problems
            self._pace.take()
            self._write(change, self._approvals)
        left = plan_approvals(release.approvals, self._settled(live), listed, now_ns)
        return not left, problems

    def _listed(self, live: Live, release: Release) -> tuple[list[str] | None, list[str]]:
        control = release.control
        # Announced without an end: the current release. One that is about to end says nothing about what may go.
        if control is None or live.releases.get(control.revision, 0) is not None:
            return None, ["control data of the current release are missing"]
        parts = (name.partition("@") for name in control.versions)
        listed = [approval_name(self._trust.environment, model, version) for model, _, version in parts]
        lacking = withheld(release.approvals, listed, control.revision)
        said = f"the control plane withholds {len(lacking)} approvals, such as {lacking[0]}" if lacking else ""
        return listed, [said] if said else []

    def _known_live(self, present: Stored | None) -> Live | None:
        if present is None:
            return None
        try:
            return read_live(present.token, self._trust.live_keys, self._trust.environment)
        except UnverifiedError:
            return None

    def _cluster(self, live: Live) -> Cluster:
        _, proof, since = self._proven
        waited = time.monotonic() - since > (_SETTLE_SECONDS if proof == "gatekeeper" else _UNPROVEN_SECONDS)
        stored = self._approvals.objects()
        self._read = {name: self._verified(name, each.token) for name, each in stored.items()}
        known = {name: approval for name, (_, approval) in self._read.items() if approval is not None}
        return Cluster(live, waited, stored, known)

    def _settled(self, live: Live) -> Cluster:
        found = self._cluster(live)
        return Cluster(live, True, found.stored, found.known)

    def _verified(self, name: str, token: str) -> tuple[str, Approval | None]:
        before = self._read.get(name)
        if before is not None and before[0] == token:
            return before
        try:
            approval = read_approval(token, self._trust.release_keys, self._trust.environment)
        except UnverifiedError:
            return token, None
        return token, approval if approval.name == name else None

    def _write(self, change: Change, watched: Watched) -> Stored | None:
        try:
            if change.resource is None:
                self._kube.delete(change.kind, change.name, uid=change.uid)
                watched.forget(change.name)
                return None
            return watched.wrote(self._written(change, dict(change.resource)))
        except KubeError as error:
            if error.conflict:
                # Somebody else wrote meanwhile: look again before anything else is decided.
                watched.refresh()
            raise

    def _written(self, change: Change, resource: Object) -> Object:
        if change.operation == "create":
            # Not applied: were two agents to create it at once, the second would overwrite the first unseen.
            return self._kube.create(resource)
        metadata = {**resource["metadata"], "resourceVersion": change.version}
        return self._kube.apply({**resource, "metadata": metadata})

    def _prove(self, version: str, newer: Callable[[], bool]) -> Proof:
        """Whether Gatekeeper has this version of LiveState; asked until it has, for two seconds at most."""
        if self._proven[0] == version and self._proven[1] == "gatekeeper":
            return "gatekeeper"
        deadline = time.monotonic() + _PROBE_SECONDS
        proof: Proof = "api-server"
        pause = 0.002
        while time.monotonic() < deadline and not newer():
            answered = self._asked()
            if answered == version:
                proof = "gatekeeper"
            if answered is None or answered == version:
                break
            time.sleep(pause)
            pause = min(2 * pause, 0.1)
        since = self._proven[2] if self._proven[:2] == (version, proof) else time.monotonic()
        self._proven = (version, proof, since)
        return proof

    def _asked(self) -> str | None:
        """The version of LiveState that Gatekeeper has ("" if none); None if it does not answer."""
        name = self._trust.environment
        metadata = {
            "name": PROBE,
            "namespace": self._place.namespace,
            "annotations": {"weighbridge.dev/environment": name},
        }
        probe = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": 1, "data": {}}
        try:
            self._kube.create(probe, dry_run=True)
        except KubeError as error:
            found = _ANSWER.search(error.message)
            return found.group(2).strip('"') if found and found.group(1) == name else None
        return None
