"""`environments.<name>.workloads.exposure`: which ways to a serving pod lead through the gateway."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weighbridge.catalogue.names import Document, form

NamespacedName = Annotated[
    str,
    form(
        r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
        "Write `<namespace>/<name>` of a Gateway, such as ingress/weighbridge.",
    ),
]
Namespace = Annotated[
    str,
    form(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "Write the name of a Kubernetes namespace, such as ingress."),
]
ClassName = Annotated[
    str,
    form(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", "Write the name of an IngressClass, such as weighbridge."),
]
Cidr = Annotated[
    str,
    form(
        r"^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$",
        "Write a network of addresses, such as 10.20.0.0/16 or 2001:db8::/64.",
    ),
]


class Exposure(Document):
    """Where the gateway is. Nothing named: no route, Ingress or other namespace reaches serving pods."""

    gateways: tuple[NamespacedName, ...] = Field(default=(), max_length=100, strict=False)
    """Gateways (of the Gateway API, or of Istio) behind which every call is decided by Weighbridge."""
    gateway_namespaces: tuple[Namespace, ...] = Field(default=(), max_length=100, strict=False)
    """Namespaces that the gateway runs in: NetworkPolicies may let them in, and grants may name them."""
    ingress_classes: tuple[ClassName, ...] = Field(default=(), max_length=100, strict=False)
    """Classes of Ingress whose controller asks Weighbridge about every call."""
    addresses: tuple[Cidr, ...] = Field(default=(), max_length=100, strict=False)
    """Addresses that NetworkPolicies may let in, such as those of nodes."""
    private_by_default: bool = False
    """Whether KServe and Knative here publish nothing by themselves, so that their objects need no label.

    KServe: `disableIngressCreation`. Knative: `svc.cluster.local` as the domain of all services.
    """
