"""A gateway on this machine: a bundle server, OPA with guard and signed bundles, and Envoy, on what `compile` wrote."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from weighbridge.bundle.archive import read_archive
from weighbridge.engines.envoy import EnvoyServer
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.harness.bundle_server import BundleServer
from weighbridge.keys import PublicKey
from weighbridge.points.envoy import relocate

ACTIVATION_SECONDS = 30.0


class Site:
    """One environment, enforced on loopback ports for as long as a `with` block lasts.

    Args:
        bundles: what `compile` wrote.
        environment: which environment of it.
        keys: release and live key.
        folder: existing folder for state and logs.
    """

    def __init__(self, bundles: Path, environment: str, keys: tuple[PublicKey, PublicKey], folder: Path) -> None:
        self._bundles = bundles / environment
        self._environment = environment
        self._keys = keys
        self._folder = folder
        self._engines = ExitStack()
        self.server = BundleServer(folder)
        self.port = free_port()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._engines.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._engines.close()

    @property
    def url(self) -> str:
        """Where calls are sent."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def access_log(self) -> Path:
        """Envoy's access log, a JSON object a line."""
        return self._folder / "access.log"

    def _start(self) -> None:
        self._engines.enter_context(self.server)
        release = (self._bundles / "envoy" / "release.tar.gz").read_bytes()
        self.server.publish(f"{self._environment}/envoy/release.tar.gz", release)
        state = self._folder / "state"
        state.mkdir()
        opa_address = f"127.0.0.1:{free_port()}"
        settings = SidecarSettings(
            environment=self._environment,
            service_url=self.server.url,
            token_file=self.server.token_file,
            release_key=self._keys[0],
            live_key=self._keys[1],
            grpc_address=opa_address,
            state=state,
        )
        self.sidecar = Sidecar(settings, self._bundles / "guard", folder=self._folder)
        self._engines.enter_context(self.sidecar)
        self.publish_live((self._bundles / "live.tar.gz").read_bytes())
        self._wait("release", release)
        bootstrap = relocate(
            (self._bundles / "envoy" / "envoy.yaml").read_text("utf-8"),
            listen=f"127.0.0.1:{self.port}",
            opa_address=opa_address,
            admin=f"127.0.0.1:{free_port()}",
            access_log=str(self.access_log),
        )
        self._engines.enter_context(EnvoyServer(bootstrap, folder=self._folder))

    def publish_live(self, bundle: bytes) -> None:
        """Hand out another live bundle, and wait until OPA has activated it."""
        self.server.publish(f"{self._environment}/live.tar.gz", bundle)
        self._wait("live", bundle)

    def _wait(self, name: str, bundle: bytes) -> None:
        revision = json.loads(read_archive(bundle, name)[".manifest"])["revision"]
        self.server.wait_for_revision(name, revision, labels={"point": "envoy"}, timeout=ACTIVATION_SECONDS)

    def wait_for_decisions(self, count: int) -> str:
        """The decision log as text, one event a line, once it holds so many events."""
        self.server.wait_for(lambda server: len(server.decisions) >= count, timeout=ACTIVATION_SECONDS)
        return "".join(f"{json.dumps(event)}\n" for event in self.server.decisions)
