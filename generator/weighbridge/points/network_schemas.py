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
        # Of Services, Ingresses, routes and grants.
        *("type", "externalIPs", "ingressClassName", "parentRefs", "useDefaultGateways", "gateways", "group", "from_"),
        *("sectionName", "visibility", "router", "expose"),
        # Of NetworkPolicies.
        *("podSelector", "policyTypes", "ingress", "egress", "from", "namespaceSelector", "ipBlock", "cidr"),
        *("matchLabels", "matchExpressions", "key", "operator", "values"),
        # Of roles and bindings.
        *("rules", "apiGroups", "resources", "verbs", "roleRef", "aggregationRule"),
        # Of the meshes' policies.
        *("mtls", "mode", "portLevelMtls", "trafficPolicy", "tls", "portLevelSettings", "subsets", "action"),
        *(
            "insecureSkipVerify",
            "source",
            "sources",
            "principals",
            "accessPolicy",
            "client",
            "unauthenticated",
            "meshTLS",
        ),
        *("unauthenticatedTLS", "requiredAuthenticationRefs", "targetRef", "selector"),
        # Of pods.
        *("csi", "driver", "secret", "podCertificate", "mountPath", "httpGet", "scheme", "grpc", "hostNetwork"),
        *("network_policies", "peer_authentications"),
    ),
    ANY,
)
"""Every name that these rules look at, wherever in an object it stands."""
