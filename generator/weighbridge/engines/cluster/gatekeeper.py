"""The real Gatekeeper beside an API server: its own manifests, its own rights, its manager as a process."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from weighbridge.engines.cluster.client import Object, until
from weighbridge.engines.module_files import module_file
from weighbridge.engines.process import free_port

if TYPE_CHECKING:
    from weighbridge.engines.cluster.client import KubeClient
    from weighbridge.engines.cluster.control_plane import ControlPlane
    from weighbridge.engines.process import EngineProcess

NAMESPACE = "gatekeeper-system"
USER = f"system:serviceaccount:{NAMESPACE}:gatekeeper-admin"
"""Its manager's service account, whose rights upstream's manifests give."""
GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated")
_INSTALLED = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "Role", "ClusterRole", "RoleBinding",
              "ClusterRoleBinding")  # fmt: skip
_START_SECONDS = 60.0
_WEBHOOK_SECONDS = 20
"""A busy machine may need longer than a cluster should wait."""


def manifests() -> list[Object]:
    """What Gatekeeper's own release installs, in the version that `tools/` pins."""
    return [each for each in yaml.load_all(module_file("gatekeeper", "deploy/gatekeeper.yaml"), _loader()) if each]


def _loader() -> Any:
    # libyaml needs a tenth of the time; the file is large.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Gatekeeper:
    """The manager, as a process that can be stopped and started again.

    Args:
        plane: the cluster that it judges.
        audit_seconds: between two audits of what runs; 0 for none.

    Attributes:
        audit_seconds: the same; a change counts from the next start.
    """

    def __init__(self, plane: ControlPlane, *, audit_seconds: int = 0) -> None:
        self._plane = plane
        self.audit_seconds = audit_seconds
        self._port, self._health = free_port(), free_port()
        self._process: EngineProcess | None = None

    def install(self) -> None:
        """Put Gatekeeper's own manifests in place, but for what would run inside the cluster, and its webhooks."""
        admin = self._plane.client()
        wanted = [each for each in manifests() if each["kind"] in _INSTALLED]
        for each in wanted:
            admin.apply(each)
        await_kinds(admin, wanted)

    def configure_webhook(self, patch: Object | None = None) -> None:
        """Send reviews to the manager.

        Args:
            patch: of Gatekeeper's own `ValidatingWebhookConfiguration`, webhooks told by their names; by default one
                that fails closed.
        """
        found = next(each for each in manifests() if each["kind"] == "ValidatingWebhookConfiguration")
        changes = {each["name"]: each for each in patch["webhooks"]} if patch else {}
        webhooks = [
            {**each, "failurePolicy": "Fail", **changes.get(each["name"], {}), **self._ours(each)}
            for each in found["webhooks"]
        ]
        self._plane.client().apply({**found, "webhooks": webhooks})

    def _ours(self, webhook: Object) -> Object:
        return {"clientConfig": self._address(webhook), "timeoutSeconds": _WEBHOOK_SECONDS}

    def _address(self, webhook: Object) -> Object:
        path = webhook["clientConfig"]["service"].get("path", "/v1/admit")
        authority = base64.b64encode(self._plane.certificates.authority.read_bytes()).decode()
        return {"url": f"https://127.0.0.1:{self._port}{path}", "caBundle": authority}

    def start(self) -> None:
        """Start the manager, and wait until it says that it is ready."""
        folder = self._plane.folder
        config = folder / "gatekeeper.kubeconfig"
        config.write_text(json.dumps(kubeconfig(self._plane, USER)), encoding="utf-8")
        config.chmod(0o600)
        # Without it an audit fails, and says so in its log alone.
        audited = folder / "audit"
        audited.mkdir(exist_ok=True)
        arguments = [
            f"--kubeconfig={config}",
            "--debug-use-fake-pod",
            "--disable-cert-rotation",
            f"--cert-dir={folder}",
            "--host=127.0.0.1",
            f"--port={self._port}",
            f"--health-addr=127.0.0.1:{self._health}",
            f"--prometheus-port={free_port()}",
            f"--api-cache-dir={audited}",
            f"--audit-interval={self.audit_seconds}",
            f"--exempt-namespace={NAMESPACE}",
            "--shutdown-delay=0",
            "--disable-opa-builtin={http.send}",
            *(f"--operation={each}" for each in ("webhook", "status", "audit", "generate")),
        ]
        self._process = self._plane.run("gatekeeper", arguments, {"POD_NAMESPACE": NAMESPACE})
        self._process.wait_until(self._ready, timeout=_START_SECONDS)

    def stop(self) -> None:
        """End the manager; the webhook's configuration stays."""
        if self._process is not None:
            self._process.stop()

    def output(self) -> str:
        """What the manager printed."""
        return self._process.output() if self._process else ""

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._health}/readyz", trust_env=False).is_success
        except httpx.HTTPError:
            return False


def kubeconfig(plane: ControlPlane, user: str) -> Object:
    """What `kubectl` and Gatekeeper need to reach the API server as that user."""
    authority = base64.b64encode(plane.certificates.authority.read_bytes()).decode()
    cluster = {"server": plane.url, "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": plane.token(user)}}],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": user}}],
        "current-context": "cluster",
    }


def await_kinds(client: KubeClient, objects: list[Object]) -> None:
    """Wait until the API server serves the kinds that these definitions define."""
    for each in objects:
        if each["kind"] == "CustomResourceDefinition":
            spec = each["spec"]
            version = f"{spec['group']}/{spec['versions'][0]['name']}"
            kind = spec["names"]["kind"]
            until(lambda v=version, k=kind: client.known(v, k), f"serving {kind}")  # type: ignore[misc] # mypy does not infer defaults of a lambda
