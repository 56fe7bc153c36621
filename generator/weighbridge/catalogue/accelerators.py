"""`environments.<name>.workloads.accelerators`: how far tenants are kept apart on accelerators, and what names mean.

No manifest shows whether a device plugin lets several pods share what it calls `nvidia.com/gpu`, nor what stands behind
the name of a runtime class. So the environment says it, name by name, and the requirements `GPU` believe nobody else:
what is not named here counts as shared, and as no boundary at all.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from weighbridge.catalogue.names import Digest, Document, form

Device = Literal["shared", "partition", "exclusive"]
"""How much of a device is the pod's own, the least first.

`shared`: other pods compute on it, by time slices, MPS or a scheduler's promise. `partition`: memory and compute units
of its own, cut out by the hardware (MIG). `exclusive`: the whole device.
"""
Meaning = Literal["shared", "partition", "exclusive", "none"]
"""What a name of a resource stands for; `none`: no accelerator, such as a network device."""
Boundary = Literal["container", "sandbox", "vm", "confidential"]
"""What stands between the pod and the node's kernel and driver, the weakest first.

`container`: nothing, the kernel and its driver are shared. `sandbox`: system calls end in another kernel, calls to the
driver still reach the node's (gVisor with nvproxy: no IOMMU between). `vm`: a kernel and a driver of its own, the
device behind the IOMMU (Kata with VFIO). `confidential`: a machine whose memory the node cannot read either.
"""

ResourceName = Annotated[
    str,
    form(
        r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
        r"|^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9][A-Za-z0-9_.-]{1,61}\*$",
        "Write the name of an extended resource, such as nvidia.com/gpu, or its beginning and a `*` for the rest, "
        "such as nvidia.com/mig-*.",
    ),
]
ObjectName = Annotated[
    str,
    form(
        r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
        "Write the name of a Kubernetes object, such as kata-qemu-nvidia-gpu or gpu.nvidia.com.",
    ),
]


class Isolation(Document):
    """One grade that suffices: so much of the device, behind such a boundary. Either may be better than this."""

    device: Literal["partition", "exclusive"]
    boundary: Boundary = "container"


class Caches(Document):
    """What is known of caches of prompts, beyond what a manifest shows."""

    per_tenant: bool = False
    """Whether no tenant can meet what another one's prompts left in a cache: the gateway salts each call (vLLM's
    `cache_salt`) and cache servers honour it, or every tenant has pods and volumes of its own."""
    without: tuple[Digest, ...] = Field(default=(), strict=False)
    """Serving images whose server keeps nothing of a call that it has answered, such as one for embeddings."""


def _any_partition() -> tuple[Isolation, ...]:
    return (Isolation(device="partition"),)


class Accelerators(Document):
    """What an environment whose tenants share machines demands of pods that ask for accelerators."""

    isolation: tuple[Isolation, ...] = Field(default_factory=_any_partition, min_length=1, strict=False)
    """The grades that suffice: a pod needs one of them for each device."""
    resources: dict[ResourceName, Meaning] = Field(default_factory=dict)
    """By name of an extended resource, or by the beginning of names, how much of a device it is."""
    device_classes: dict[ObjectName, Meaning] = Field(default_factory=dict)
    """The same, by DeviceClass."""
    claim_templates: dict[ObjectName, Meaning] = Field(default_factory=dict)
    """The same, by ResourceClaimTemplate, as pods name them."""
    runtime_classes: dict[ObjectName, Boundary] = Field(default_factory=dict)
    """By RuntimeClass what stands between pod and node; a pod that names none is in a container."""
    caches: Caches = Field(default_factory=Caches)
