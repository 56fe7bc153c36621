"""The kinds that the agent knows, and where the API has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Where the API has a kind."""

    name: str
    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of the collection, of one object, or of its subresource; no namespace means all of them."""
        root = "/apis/" if "/" in self.api_version else "/api/"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        parts = [root + self.api_version + place, self.plural, name, subresource]
        return "/".join(part for part in parts if part)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("ModelApproval", "weighbridge.dev/v1", "modelapprovals", namespaced=False),
        Kind("LiveState", "weighbridge.dev/v1", "livestates", namespaced=False),
        Kind("Namespace", "v1", "namespaces", namespaced=False),
        Kind("Lease", "coordination.k8s.io/v1", "leases"),
        Kind("ConfigMap", "v1", "configmaps"),
        Kind("Event", "v1", "events"),
        Kind("Pod", "v1", "pods"),
        Kind("Deployment", "apps/v1", "deployments"),
        Kind("StatefulSet", "apps/v1", "statefulsets"),
        Kind("ReplicaSet", "apps/v1", "replicasets"),
        Kind("DaemonSet", "apps/v1", "daemonsets"),
        Kind("ControllerRevision", "apps/v1", "controllerrevisions"),
        Kind("Job", "batch/v1", "jobs"),
        Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
    )
}
"""Every kind that the agent reads or writes, by its name."""
