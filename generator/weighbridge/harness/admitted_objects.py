"""Fixtures' objects as they reach an API server: what `kubectl` does to them before, and what a cluster must hold.

The harness knows no more of Kubernetes than that: namespaces bear the environment's label unless they are exempt, kinds
that nobody serves are defined without a schema, a list is sent item by item.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from weighbridge.points.gatekeeper.names import ENVIRONMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from weighbridge.engines.cluster.client import Object

CLUSTER_SCOPED = frozenset({
    "APIService", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "DeviceClass", "IngressClass",
    "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass", "RuntimeClass",
    "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
})  # fmt: skip
_WITH_SELECTOR = frozenset({"DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"})
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_GROUP_VERSION = re.compile(r"((?:[a-z0-9][a-z0-9-]*\.)+[a-z][a-z0-9-]*)/(v[0-9]+(?:(?:alpha|beta)[0-9]+)?)")
_BUILT_IN = re.compile(r"(?:[a-z]+\.)?k8s\.io")
"""Kubernetes' own groups; those of its projects have names of three parts or `x-k8s.io`."""


def items(objects: Iterable[Object]) -> list[Any]:
    """The objects one by one: a list is sent item by item, as `kubectl` does."""
    found: list[Any] = []
    for each in objects:
        kind = each.get("kind")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(each.get("items"), list):
            found += items(item for item in each["items"] if isinstance(item, dict))
            found += [item for item in each["items"] if not isinstance(item, dict)]
        else:
            found.append(each)
    return found


def namespace_of(obj: Any) -> str:
    """The namespace where `kubectl` would put it; "" for what lies in none, or where nothing readable is said."""
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    if not isinstance(metadata, dict) or str(obj.get("kind")) in CLUSTER_SCOPED:
        return ""
    said = metadata.get("namespace", "default")
    return said if isinstance(said, str) else ""


def namespaces(objects: Iterable[Any], environment: str, exempt: Collection[str]) -> list[Object]:
    """The namespaces that these objects name, bound to the environment unless they are exempt."""
    names = {name for each in objects if (name := namespace_of(each))}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {
                    "kubernetes.io/metadata.name": name,
                    **({} if name in exempt else {ENVIRONMENT_LABEL: environment}),
                },
            },
        }
        for name in sorted(names)
    ]


def closed(namespace: Object) -> list[Object]:
    """A namespace as whoever runs a cluster should leave it: in the mesh, with no calls in clear, and closed to others.

    Only a cluster shows any of this, so fixtures say nothing about it.
    """
    name = namespace["metadata"]["name"]
    labels = {"istio-injection": "enabled", "istio.io/dataplane-mode": "ambient", **namespace["metadata"]["labels"]}
    metadata = {"name": "harness", "namespace": name}
    ingress = {"podSelector": {}, "policyTypes": ["Ingress"]}
    return [
        {**namespace, "metadata": {"name": name, "labels": labels}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": ingress},
        {
            "apiVersion": "security.istio.io/v1",
            "kind": "PeerAuthentication",
            "metadata": metadata,
            "spec": {"mtls": {"mode": "STRICT"}},
        },
    ]


def possible(namespace: Object) -> bool:
    """Whether an API server would take a namespace of that name; gator takes any."""
    return bool(_NAMESPACE.fullmatch(namespace["metadata"]["name"]))


def definitions(objects: Iterable[Any]) -> list[Object]:
    """Definitions, without a schema, of every kind among them that is not Kubernetes' own."""
    versions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in objects:
        kind, api_version = (str(each.get(key)) if isinstance(each, dict) else "" for key in ("kind", "apiVersion"))
        found = _GROUP_VERSION.fullmatch(api_version)
        if found and _KIND.fullmatch(kind) and not _BUILT_IN.fullmatch(found.group(1)):
            versions[found.group(1), kind].add(found.group(2))
    return [_definition(group, kind, sorted(named)) for (group, kind), named in sorted(versions.items())]


def _definition(group: str, kind: str, versions: list[str]) -> Object:
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # Groups of Kubernetes' projects want to be told that nobody approved this.
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a harness's"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {"name": name, "served": True, "storage": number == 0, "schema": schema}
                for number, name in enumerate(versions)
            ],
        },
    }


def completed(obj: Any) -> Any:
    """The object with the selector that an API server demands of what makes pods, where a fixture leaves it out.

    A fixture shows what a rule looks at; without this the server would refuse it for what has nothing to do with that.
    """
    spec = obj.get("spec") if isinstance(obj, dict) else None
    if not isinstance(spec, dict) or "selector" in spec or str(obj.get("kind")) not in _WITH_SELECTOR:
        return obj
    template = spec.get("template")
    metadata = template.get("metadata") if isinstance(template, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {**obj, "spec": {**spec, "selector": {"matchLabels": labels}}} if labels else obj


def marked(obj: Mapping[str, Any], number: int) -> Object:
    """The object as a cluster would hand it on: named, in a namespace, with an identity, by which it is known again."""
    metadata = {**obj["metadata"], "uid": f"fixture-{number}"}
    if "name" not in metadata and "generateName" in metadata:
        metadata["name"] = f"{metadata['generateName']}x7k2p"
    namespace = namespace_of(obj)
    return {**obj, "metadata": {**metadata, **({"namespace": namespace} if namespace else {})}}
