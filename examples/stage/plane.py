"""A control plane as its own process, and gateways beside it: OPA as it is deployed, with Envoy in front."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from builder.material import Material, private_pem
from stage.pipeline import COMMAND
from weighbridge.control.server.clients import make_token
from weighbridge.engines.envoy import EnvoyServer
from weighbridge.engines.process import EngineProcess, free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.keys import public_pem
from weighbridge.points.envoy import relocate

CLUSTERS = ("eu-1", "us-1")
START_SECONDS = 60.0
PEOPLE = ("oncall", "mlsec", "product")


@dataclass(frozen=True)
class Plane:
    """`weighbridge serve`, once `start` was called."""

    folder: Path
    """Of its own, existing: keys, tokens, the database, what it publishes, logs."""
    bundles: Path
    """What `compile` wrote."""
    environment: str
    """Where the gateways are."""
    material: Material
    listen: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")

    @property
    def variables(self) -> dict[str, str]:
        """What people have in their shells, so that they need not type it."""
        return {
            **os.environ,
            "NO_COLOR": "1",
            "WEIGHBRIDGE_SERVER": self.url,
            "WEIGHBRIDGE_RELEASE_KEY_FILE": str(self.public("release")),
            "WEIGHBRIDGE_LIVE_KEY_FILE": str(self.public("live")),
            "XDG_STATE_HOME": str(self.folder),
        }

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{self.listen}"

    @property
    def published(self) -> Path:
        """The folder in which what it serves lies, too."""
        return self.folder / "published"

    def key(self, name: str) -> Path:
        """Somebody's private key."""
        return self.folder / f"{name}.pem"

    def public(self, name: str) -> Path:
        """The public key to it."""
        return self.folder / f"{name}.pub"

    def start(self, running: ExitStack) -> None:
        """Write its files and start it; it is ready when this returns."""
        for name in ("release", "live", *PEOPLE):
            key = self.material.keys[name]
            self.public(name).write_text(public_pem(key.public_key()), "utf-8")
            # The release key stays where releases are made.
            if name != "release":
                self.key(name).write_bytes(private_pem(key))
                self.key(name).chmod(0o600)
        self.published.mkdir()
        clients = {"clients": [self._client(name) for name in CLUSTERS]}
        (self.folder / "clients.yaml").write_text(json.dumps(clients), "utf-8")
        arguments: list[str | Path] = [
            "serve", "--listen", self.listen, "--bundles", self.bundles,
            "--release-key", self.public("release"), "--live-key", self.key("live"),
            "--clients", self.folder / "clients.yaml", "--database", self.folder / "control.db",
            "--decision-logs", self.folder / "decisions", "--publish", f"dir:{self.published}",
        ]  # fmt: skip
        process = EngineProcess(
            "weighbridge serve", [COMMAND, *arguments], environment=dict(os.environ), log=self.folder / "serve.log"
        )
        running.callback(process.stop)
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            process.wait_until(lambda: _ready(client), timeout=START_SECONDS)

    def _client(self, cluster: str) -> dict[str, Any]:
        """An entry for a cluster's gateways, whose token goes to them."""
        fields = {"name": cluster, "role": "sidecar", "environment": self.environment, "cluster": cluster}
        token, entry = make_token(fields)
        file = self.folder / f"{cluster}.token"
        file.touch(0o600)
        file.write_text(token, "utf-8")
        return entry

    def gateway(self, cluster: str, running: ExitStack) -> str:
        """Start OPA and Envoy in a cluster; where calls are sent. It denies until it has its bundles."""
        folder = self.folder / cluster
        (folder / "state").mkdir(parents=True)
        settings = SidecarSettings(
            environment=self.environment,
            service_url=self.url,
            token_file=self.folder / f"{cluster}.token",
            release_key=self.material.keys["release"].public_key(),
            live_key=self.material.keys["live"].public_key(),
            grpc_address=f"127.0.0.1:{free_port()}",
            state=folder / "state",
        )
        compiled = self.bundles / self.environment
        running.enter_context(Sidecar(settings, compiled / "guard", folder=folder))
        listen = f"127.0.0.1:{free_port()}"
        bootstrap = relocate(
            (compiled / "envoy" / "envoy.yaml").read_text("utf-8"),
            listen=listen,
            opa_address=settings.grpc_address,
            admin=f"127.0.0.1:{free_port()}",
            access_log=str(folder / "access.log"),
        )
        running.enter_context(EnvoyServer(bootstrap, folder=folder))
        return f"http://{listen}"


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
