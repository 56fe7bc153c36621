"""`environments.<name>.workloads`: how strictly the pods of one environment are judged.

Points carry it as `data.weighbridge.registry.limits`, the rules as `request.limits`.
"""

from __future__ import annotations

from typing import Literal

from weighbridge.catalogue.names import Document

PodSecurity = Literal["restricted", "baseline", "privileged"]
"""The levels of Kubernetes' Pod Security Standards, the strictest first."""


class Workloads(Document):
    """What an environment demands of every serving workload, whatever it serves."""

    pod_security: PodSecurity = "restricted"
    """How much of the requirements `POD`."""
    user_namespaces: bool = False
    """Whether every node honours `hostUsers: false`. One that does not know it ignores it, and root stays root."""
