"""`environments.<name>.workloads.mutual_tls`: what keeps the way from the gateway to a pod private.

Without a word of the environment nothing is demanded, since no manifest tells which mesh a cluster runs; `compile` and
`verify` then warn. `by: none` says so on purpose, and ends the warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from weighbridge.catalogue.names import Document, form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.catalogue.configuration import Environment

By = Literal["istio", "istio-ambient", "linkerd", "certificates", "none"]
"""`istio`: a sidecar; `istio-ambient`: ztunnel; `certificates`: the server itself; `none`: nothing, on purpose."""

Revision = Annotated[
    str,
    form(
        r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
        "Write the name of an Istio revision or of a tag of one, such as 1-27-0 or stable.",
    ),
]


class MutualTls(Document):
    """By what mutual TLS between the gateway and serving pods is enforced."""

    by: By
    """What does it."""
    mesh_wide: bool = False
    """Whether the mesh itself refuses plain calls everywhere.

    Istio: a PeerAuthentication `STRICT` in its root namespace. Linkerd: `proxy.defaultInboundPolicy` is
    `all-authenticated` or `cluster-authenticated`. Otherwise namespace or pod must say so where that can be seen.
    """
    revisions: tuple[Revision, ...] = Field(default=(), max_length=100, strict=False)
    """Revisions of Istio that a pod or namespace may choose by `istio.io/rev`; any other would inject nothing."""

    @model_validator(mode="after")
    def _applicable(self) -> MutualTls:
        if self.mesh_wide and self.by in ("certificates", "none"):
            raise ValueError(f"`mesh_wide` says nothing where it is done by `{self.by}`. Leave it out.")
        if self.revisions and self.by not in ("istio", "istio-ambient"):
            raise ValueError(f"`revisions` are Istio's, and it is done by `{self.by}`. Leave them out.")
        return self


def unsaid(environments: Mapping[str, Environment]) -> list[str]:
    """A warning for each environment that says nothing about mutual TLS."""
    return [
        f"environment {name} says nothing about mutual TLS between gateway and serving pods, so none is demanded. "
        "Set `workloads.mutual_tls.by` to what enforces it, or to none."
        for name, environment in sorted(environments.items())
        if environment.workloads.mutual_tls is None
    ]
