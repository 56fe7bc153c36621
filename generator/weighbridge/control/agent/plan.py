"""Which writes bring a cluster's LiveState and ModelApprovals to what was signed: pure, so that it can be tried out.

Order of things. Live state comes first, since it restricts, and since it announces a release before anything of that
release counts. An approval of a release follows once Gatekeeper has the live state that announces it; until then the
approval before stays, which that same live state still announces. So no pod of a version that both releases approve
is refused in between. One whose present approval counts no more is replaced at once: it can only get better. An
approval that nothing lists any more goes when its own release is announced no longer, and only if signed control data
of the current release says that the version is gone: who merely withholds approvals takes none away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weighbridge.control.agent.signed import Approval, Live


@dataclass(frozen=True)
class Stored:
    """One of our resources as the API server has it."""

    name: str
    version: str
    """Its `resourceVersion`."""
    spec: Mapping[str, Any] = field(repr=False)
    uid: str = ""

    @property
    def token(self) -> str:
        """The signed text that it holds; "" if there is none."""
        return str(self.spec.get("token", ""))

    def holds(self, resource: Mapping[str, Any]) -> bool:
        """Whether it says what that resource does; the label is what it was found by."""
        return bool(self.spec == resource["spec"])


@dataclass(frozen=True)
class Change:
    """One write."""

    operation: Literal["create", "update", "delete"]
    kind: str
    name: str
    resource: Mapping[str, Any] | None = field(default=None, repr=False)
    """What is to be there; None where it goes."""
    version: str = ""
    """The `resourceVersion` that it takes the place of; "" where there is none."""
    uid: str = ""


@dataclass(frozen=True)
class LivePlan:
    """What is to become of live state."""

    change: Change | None
    """None where the cluster has it already, or has something newer."""
    problem: str = ""
    """Why what the control plane offers is not taken."""


def plan_live(offered: Live, present: Stored | None, known: Live | None) -> LivePlan:
    """The write that brings live state.

    Args:
        offered: verified, from the control plane.
        present: what the cluster has.
        known: the same, verified; None where it does not verify.
    """
    resource = offered.resource()
    name = offered.environment
    if present is None:
        return LivePlan(Change("create", "LiveState", name, resource))
    update = LivePlan(Change("update", "LiveState", name, resource, present.version, present.uid))
    if known is None:
        return update
    if known.sequence > offered.sequence:
        problem = f"the control plane offers live state {offered.sequence}, and the cluster has {known.sequence}"
        return LivePlan(None, problem)
    if known.sequence == offered.sequence and known.token != offered.token:
        return LivePlan(None, f"there are two live states {known.sequence} that differ")
    return LivePlan(None) if present.holds(resource) else update


@dataclass(frozen=True)
class Cluster:
    """What the cluster has of one environment's approvals."""

    live: Live
    """That the API server has."""
    settled: bool
    """Whether Gatekeeper has it, too."""
    stored: Mapping[str, Stored]
    """Approvals by name."""
    known: Mapping[str, Approval]
    """Those of them that verify."""


def plan_approvals(
    wanted: Mapping[str, Approval], cluster: Cluster, listed: Iterable[str] | None, now_ns: int
) -> list[Change]:
    """The writes that bring approvals, those that approve first.

    Args:
        wanted: verified, from the control plane, by name.
        cluster: what is there.
        listed: names that the signed control data of the current release has approvals for; None if there is none.
        now_ns: the agent's clock.
    """
    changes = []
    for name in sorted(wanted):
        approval, stored = wanted[name], cluster.stored.get(name)
        if stored is not None and stored.holds(approval.resource()):
            continue
        if not cluster.live.announced(approval.revision, now_ns):
            continue
        before = cluster.known.get(name)
        held = before is not None and cluster.live.announced(before.revision, now_ns)
        if held and before is not None and before.revision != approval.revision and not cluster.settled:
            continue
        if stored is None:
            changes.append(Change("create", "ModelApproval", name, approval.resource()))
        else:
            changes.append(Change("update", "ModelApproval", name, approval.resource(), stored.version, stored.uid))
    return changes + _deletions(wanted, cluster, listed, now_ns)


def _deletions(
    wanted: Mapping[str, Approval], cluster: Cluster, listed: Iterable[str] | None, now_ns: int
) -> list[Change]:
    if listed is None:
        return []
    kept = {*wanted, *listed}
    changes = []
    for name in sorted(set(cluster.stored) - kept):
        stored, before = cluster.stored[name], cluster.known.get(name)
        if before is None or not cluster.live.announced(before.revision, now_ns):
            changes.append(Change("delete", "ModelApproval", name, None, stored.version, stored.uid))
    return changes


def withheld(wanted: Mapping[str, Approval], listed: Iterable[str], revision: str) -> list[str]:
    """Names that the control data of a release has approvals for, and the control plane does not offer them."""
    return sorted(name for name in listed if name not in wanted or wanted[name].revision != revision)
