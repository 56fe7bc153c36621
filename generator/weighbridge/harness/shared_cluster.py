"""One cluster for all settings of a run: started when somebody first needs it, lent to one at a time.

Every setting brings a template with a clock of its own, and a cluster has one template of a name, so settings take
turns; what the one before installed is taken away.
"""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

from weighbridge.engines.cluster.client import ApiError, until
from weighbridge.engines.cluster.cluster import CONSTRAINTS, TEMPLATES, Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from weighbridge.engines.cluster.client import Object

_KEPT = ("CustomResourceDefinition", "ConstraintTemplate", "SyncSet", "Namespace")
"""What costs seconds to make and says nothing by itself."""
_PROBE = "weighbridge-probe"
_REGO = """package probe

violation contains {"msg": sprintf("<%s>", [json.marshal(all)])} if {
	input.review.object.metadata.name == "weighbridge-probe"
	here := {sprintf("/%s/%s", [kind, name]): found.metadata.resourceVersion |
		found := data.inventory.cluster[_][kind][name]
	}
	there := {sprintf("%s/%s/%s", [namespace, kind, name]): found.metadata.resourceVersion |
		found := data.inventory.namespace[namespace][_][kind][name]
	}
	all := object.union(here, there)
}
"""


class SharedCluster:
    """A cluster on demand.

    Args:
        given: one that runs already, and goes on running.
    """

    def __init__(self, given: Cluster | None = None) -> None:
        self._cluster = given
        self._probed = False
        self._webhook: Object = {}
        self._installed: dict[tuple[str, str, str], Object] = {}
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def lent(self) -> Iterator[Cluster]:
        """The cluster, for one at a time."""
        with self._lock:
            if self._cluster is None:
                self._cluster = self._stack.enter_context(Cluster())
            if not self._probed:
                self._cluster.install(_probe())
                self._probed = True
            yield self._cluster

    def install(self, cluster: Cluster, objects: Sequence[Object], webhook: Object) -> None:
        """Make these the only objects of ours in the cluster, and wait until Gatekeeper knows them.

        Args:
            cluster: the one that was lent.
            objects: in the order in which they are applied.
            webhook: a patch of Gatekeeper's `ValidatingWebhookConfiguration`.
        """
        if webhook != self._webhook:
            cluster.gatekeeper.configure_webhook(webhook)
            self._webhook = webhook
        wanted = {_identity(each): each for each in objects}
        for identity, each in self._installed.items():
            if identity not in wanted and each["kind"] not in _KEPT:
                cluster.admin.delete(each)
        changed = [each for identity, each in wanted.items() if self._installed.get(identity) != each]
        cluster.install(changed)
        kept = {key: each for key, each in self._installed.items() if each["kind"] in _KEPT}
        self._installed = {**kept, **wanted}
        self.await_synced(cluster)

    def put(self, cluster: Cluster, obj: Object) -> None:
        """Put one object in place of the one of that name, and wait until Gatekeeper knows it."""
        self._installed[_identity(obj)] = obj
        cluster.admin.apply(obj)
        self.await_synced(cluster)

    def await_synced(self, cluster: Cluster) -> None:
        """Wait until Gatekeeper's inventory holds exactly what the API server holds of the kinds that are synced."""
        syncset = cluster.admin.get("syncset.gatekeeper.sh/v1alpha1", "SyncSet", "weighbridge") or {
            "spec": {"gvks": []}
        }
        stored: dict[str, str] = {}
        for each in syncset["spec"]["gvks"]:
            group_version = f"{each['group']}/{each['version']}"
            for obj in cluster.admin.list(group_version, each["kind"]):
                metadata = obj["metadata"]
                name = f"{metadata.get('namespace', '')}/{each['kind']}/{metadata['name']}"
                stored[name] = metadata["resourceVersion"]
        until(lambda: inventory(cluster) == stored, "in step with Gatekeeper's inventory")


def inventory(cluster: Cluster) -> dict[str, Any]:
    """What Gatekeeper has of synced kinds: versions by `<namespace>/<kind>/<name>`, as a review has them."""
    # A kind that starts nothing, and about which the webhook asks all the same.
    metadata = {"name": _PROBE, "namespace": "default"}
    probe = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": 1, "data": {}}
    try:
        cluster.admin.create(probe, dry_run=True)
    except ApiError as error:
        start, end = error.message.find("<{"), error.message.rfind("}>")
        if start < 0 or end < 0:
            raise
        found: dict[str, Any] = json.loads(error.message[start + 1 : end + 1])
        return found
    # Right after its configuration the API server may not ask the webhook yet.
    raise ApiError(200, "Unasked", "Gatekeeper let the harness's probe through")


def _probe() -> list[Object]:
    code = {"engine": "Rego", "source": {"version": "v1", "rego": _REGO}}
    template = {
        "apiVersion": TEMPLATES,
        "kind": "ConstraintTemplate",
        "metadata": {"name": "weighbridgeprobe"},
        "spec": {
            "crd": {"spec": {"names": {"kind": "WeighbridgeProbe"}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "code": [code]}],
        },
    }
    match = {"kinds": [{"apiGroups": ["apps"], "kinds": ["ControllerRevision"]}], "namespaces": ["default"]}
    constraint = {
        "apiVersion": CONSTRAINTS,
        "kind": "WeighbridgeProbe",
        "metadata": {"name": "probe"},
        "spec": {"match": match},
    }
    return [template, constraint]


def _identity(obj: Object) -> tuple[str, str, str]:
    return obj["apiVersion"], obj["kind"], obj["metadata"]["name"]
