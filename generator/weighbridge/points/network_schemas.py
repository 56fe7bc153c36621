"""Schemas of what the requirements TLS and NET read: their settings, and the fields of objects that make no pods."""

from __future__ import annotations

from weighbridge.points.schema_parts import ANY, FLAG, TEXT, Schema, listing, nullable, record

MUTUAL_TLS = nullable(record(by=TEXT, mesh_wide=FLAG, revisions=listing(TEXT)))
"""`limits.mutual_tls`."""
EXPOSURE = record(
    gateways=listing(TEXT),
    gateway_namespaces=listing(TEXT),
    ingress_classes=listing(TEXT),
    addresses=listing(TEXT),
    private_by_default=FLAG,
)
"""`limits.exposure`."""
FIELDS: dict[str, Schema] = dict.fromkeys(
    (
        # Of routes and grants.
        *("name", "namespace", "group", "kind", "enabled"),
        # Of NetworkPolicies.
        *("podSelector", "policyTypes", "from", "namespaceSelector", "ipBlock", "cidr", "action"),
        *("matchLabels", "matchExpressions", "key", "operator", "values", "selector", "kubernetes.io/metadata.name"),
        # Of roles.
        *("apiGroups", "resources", "verbs", "nonResourceURLs"),
        # Of the meshes' policies, and of what they read of namespaces and pods.
        *("mtls", "mode", "portLevelMtls", "insecureSkipVerify", "meshTLS", "unauthenticated", "unauthenticatedTLS"),
        *("source", "istio-injection", "istio.io/rev", "istio.io/dataplane-mode", "sidecar.istio.io/inject"),
        "config.linkerd.io/default-inbound-policy",
        # Of pods.
        *("csi", "driver", "secret", "projected", "mountPath", "scheme", "hostNetwork", "restartPolicy"),
        # Of the namespace, where a cluster shows it.
        *("network_policies", "peer_authentications"),
    ),
    ANY,
)
"""Every name that these rules look at, wherever in an object it stands."""
