"""`environments.<name>.workloads`: how strictly the pods of one environment are judged.

Points carry it as `data.weighbridge.registry.limits`, the rules as `request.limits`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from weighbridge.catalogue.accelerators import Accelerators
from weighbridge.catalogue.exposure import Exposure
from weighbridge.catalogue.mutual_tls import MutualTls
from weighbridge.catalogue.names import Document
from weighbridge.catalogue.serving_images import ServingImages

Documented = Literal["dependencies", "environment-variables", "license", "lineage", "sbom", "threat-model"]
"""What of `release.requires` a workload may be asked for; the rest is the gate's."""
PodSecurity = Literal["restricted", "baseline", "privileged"]
"""The levels of Kubernetes' Pod Security Standards, the strictest first."""
OnRevoked = Literal["report", "cordon", "scale-to-zero", "rollback"]
"""What a cluster's agent does about running workloads of a revoked version."""


class Workloads(Document):
    """What an environment demands of every serving workload, whatever it serves."""

    pod_security: PodSecurity = "restricted"
    """How much of the requirements `POD`."""
    user_namespaces: bool = False
    """Whether every node honours `hostUsers: false`. One that does not know it ignores it, and root stays root."""
    images: ServingImages = Field(default_factory=ServingImages)
    """What the images of serving pods must be."""
    documented: tuple[Documented, ...] = Field(default=(), strict=False)
    """What the card of every version that is served must document, as in `release.requires`."""
    mutual_tls: MutualTls | None = None
    """By what mutual TLS between gateway and serving pods is enforced; nothing is demanded where nothing is said."""
    exposure: Exposure = Field(default_factory=Exposure)
    """Which ways to serving pods lead through the gateway."""
    accelerators: Accelerators = Field(default_factory=Accelerators)
    """What accelerators are called here, and how far apart tenants are kept on them."""
    on_revoked: OnRevoked = "report"
    """What happens to running workloads of a version that an order revokes; no new ones start in any case."""
