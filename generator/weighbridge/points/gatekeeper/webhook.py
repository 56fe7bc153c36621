"""Gatekeeper's webhook as Weighbridge needs it: as a patch, and as values of Gatekeeper's Helm chart.

By default the webhook lets everything through while Gatekeeper is away. With `failurePolicy: Fail` nothing passes then,
so what the cluster needs to live, and Gatekeeper to come back, must not be asked about: kinds that start no pod and
expose none, and the namespaces of Gatekeeper itself, of the control plane and of the nodes' heartbeats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.points.gatekeeper.names import GATEKEEPER_NAMESPACE, IGNORE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "gatekeeper-validating-webhook-configuration"
WEBHOOK = "validation.gatekeeper.sh"
TIMEOUT_SECONDS = 5
_SYSTEM_NAMESPACES = ("kube-node-lease", "kube-system")
SUBRESOURCES = ("pods/ephemeralcontainers", "pods/resize")
"""What changes the containers of a pod that runs."""
_LEFT_OUT_GROUPS = (
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io",
    "authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io",
    "flowcontrol.apiserver.k8s.io", "metrics.k8s.io", "node.k8s.io", "policy", "scheduling.k8s.io",
    "status.gatekeeper.sh", "storage.k8s.io", "weighbridge.dev",
)  # fmt: skip
_LEFT_OUT_CORE = (
    "bindings", "componentstatuses", "configmaps", "endpoints", "events", "limitranges", "nodes",
    "persistentvolumeclaims", "persistentvolumes", "resourcequotas", "secrets", "serviceaccounts",
)  # fmt: skip


def exempt(exempt_namespaces: Iterable[str]) -> list[str]:
    """The namespaces that the webhook does not ask about: the catalogue's, and those that it could not live without."""
    return sorted({*exempt_namespaces, *_SYSTEM_NAMESPACES, GATEKEEPER_NAMESPACE})


def webhook_patch(exempt_namespaces: Iterable[str]) -> dict[str, Any]:
    """The fields of Gatekeeper's ValidatingWebhookConfiguration that must be other than its defaults."""
    rule = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["*", *SUBRESOURCES],
        "scope": "*",
    }
    selector = [
        {"key": IGNORE_LABEL, "operator": "DoesNotExist"},
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt(exempt_namespaces)},
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": WEBHOOK,
                "failurePolicy": "Fail",
                "timeoutSeconds": TIMEOUT_SECONDS,
                "namespaceSelector": {"matchExpressions": selector},
                "matchConditions": match_conditions(),
                "rules": [rule],
            }
        ],
    }


def match_conditions() -> list[dict[str, str]]:
    """CEL that the API server itself evaluates: what is asked about at all."""
    groups = ", ".join(f"'{group}'" for group in _LEFT_OUT_GROUPS)
    core = ", ".join(f"'{resource}'" for resource in _LEFT_OUT_CORE)
    return [
        {"name": "no-kinds-that-start-nothing", "expression": f"!(request.resource.group in [{groups}])"},
        {
            "name": "no-core-kinds-that-start-nothing",
            "expression": f"!(request.resource.group == '' && request.resource.resource in [{core}])",
        },
    ]


def helm_values(exempt_namespaces: Iterable[str]) -> dict[str, Any]:
    """The same as values of Gatekeeper's chart."""
    return {
        "validatingWebhookFailurePolicy": "Fail",
        "validatingWebhookTimeoutSeconds": TIMEOUT_SECONDS,
        "validatingWebhookExemptNamespacesLabels": {"kubernetes.io/metadata.name": exempt(exempt_namespaces)},
        "validatingWebhookMatchConditions": match_conditions(),
        "validatingWebhookSubResources": list(SUBRESOURCES),
        "enableDeleteOperations": False,
    }
