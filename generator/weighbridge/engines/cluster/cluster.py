"""A cluster for as long as a `with` block lasts: an API server, Gatekeeper in front of it, and users with few rights.

Order of steps: etcd, the API server, Gatekeeper's own manifests, manager and webhooks. Whoever uses it then installs
objects, and each is waited for until it counts: a kind until it is served, a template until its constraints can be
created, a constraint until Gatekeeper says that it enforces it.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from weighbridge.engines.cluster.client import ApiError, KubeClient, Object, until
from weighbridge.engines.cluster.control_plane import ADMIN, ControlPlane
from weighbridge.engines.cluster.gatekeeper import GROUPS, USER, Gatekeeper, await_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

TEMPLATES = "templates.gatekeeper.sh/v1"
CONSTRAINTS = "constraints.gatekeeper.sh/v1beta1"
_CODE = re.compile(r"(?:^|: |\n)\[[^\]\n]*\] ([A-Z]{3}-[0-9]{3})\b")
_WEBHOOK = re.compile(r'^admission webhook "[^"]*" denied the request')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']*)'")


@dataclass(frozen=True)
class Admission:
    """What became of a request to the API server."""

    allowed: bool
    by: str = ""
    """Who refused: `gatekeeper`, `policy`, or `kubernetes` itself; "" where it was allowed."""
    codes: tuple[str, ...] = ()
    """Codes of the requirements that Gatekeeper names, each once, sorted."""
    message: str = ""


def admission(error: ApiError) -> Admission:
    """Who refused, and with which codes."""
    if _WEBHOOK.match(error.message):
        return Admission(False, "gatekeeper", tuple(sorted(set(_CODE.findall(error.message)))), error.message)
    by = "policy" if _POLICY.search(error.message) else "kubernetes"
    return Admission(False, by, (), f"{error.reason}: {error.message}")


class Cluster:
    """The real thing, without nodes.

    Args:
        users: group names by user, besides `admin`; their rights are what somebody grants them.
        audit_seconds: between two of Gatekeeper's audits; 0 for none.
        webhook: a patch of Gatekeeper's webhooks; they always fail closed unless it says otherwise.

    Attributes:
        plane: etcd and the API server.
        gatekeeper: the manager.
    """

    def __init__(
        self,
        users: Mapping[str, Sequence[str]] | None = None,
        *,
        audit_seconds: int = 0,
        webhook: Object | None = None,
    ) -> None:
        self.plane = ControlPlane({**(users or {}), USER: GROUPS})
        self.gatekeeper = Gatekeeper(self.plane, audit_seconds=audit_seconds)
        self._webhook = webhook
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.plane)
            self.gatekeeper.install()
            self.gatekeeper.start()
            self.gatekeeper.configure_webhook(self._webhook)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def admin(self) -> KubeClient:
        """The API as somebody who may do everything."""
        return self.plane.client(ADMIN)

    def ask(self, obj: Object, user: str = ADMIN, *, keep: bool = False) -> Admission:
        """Create an object as that user, without keeping it unless asked to."""
        try:
            self.plane.client(user).create(obj, dry_run=not keep)
        except ApiError as error:
            return admission(error)
        return Admission(True)

    def install(self, objects: Iterable[Object]) -> None:
        """Apply objects in their order, and wait until each counts."""
        for each in objects:
            kind = each["kind"]
            if each["apiVersion"] == CONSTRAINTS:
                until(lambda k=kind: self.admin.known(CONSTRAINTS, k), f"serving {kind}")  # type: ignore[misc] # no inference for defaults
            applied = self.admin.apply(each)
            if kind == "CustomResourceDefinition":
                await_kinds(self.admin, [each])
            elif kind == "ConstraintTemplate" or each["apiVersion"] == CONSTRAINTS:
                self._await_reported(applied)

    def _await_reported(self, applied: Object) -> None:
        """Wait until Gatekeeper says that it uses this very generation of a template or constraint."""
        name = applied["metadata"]["name"]
        generation = applied["metadata"]["generation"]

        def reported() -> bool:
            present = self.admin.get(applied["apiVersion"], applied["kind"], name) or {}
            pods = (present.get("status") or {}).get("byPod") or []
            errors = [error for pod in pods for error in pod.get("errors") or ()]
            if errors:
                raise TemplateError(applied["kind"], name, errors)
            return any(pod.get("observedGeneration", 0) >= generation for pod in pods)

        until(reported, f"reported by Gatekeeper: {applied['kind']} {name}")

    def namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """A namespace with exactly these labels, besides Kubernetes' own."""
        self.admin.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
        )


class TemplateError(ApiError):
    """Gatekeeper cannot use a template or constraint."""

    def __init__(self, kind: str, name: str, errors: list[Object]) -> None:
        text = "; ".join(str(error.get("message", error)) for error in errors)
        super().__init__(422, "Invalid", f"Gatekeeper cannot use {kind} {name}: {text}")
