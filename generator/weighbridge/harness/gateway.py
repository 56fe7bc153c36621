"""A gateway on this machine, on what `compile` wrote: bundle server, OPA with the guard, Envoy.

For trying things out. Where it counts, a control plane serves the bundles and keeps live data fresh; here live data is
issued anew from the compiled one for as long as its private key is at hand, and expires without it.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from weighbridge.bundle.archive import read_archive
from weighbridge.bundle.live import live_bundle
from weighbridge.bundle.signing import DATA, MANIFEST
from weighbridge.engines.envoy import EnvoyServer
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.errors import InputError, Problem
from weighbridge.harness.bundle_server import BundleServer
from weighbridge.points.envoy import relocate
from weighbridge.points.envoy_address import listener_address

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from weighbridge.keys import PrivateKey, PublicKey

ACTIVE_SECONDS = 60.0
_COMPILE = "Compile with --release-key and --live-key first."
_OTHER_KEY = "Give the key that `compile` was given."
_SIGNATURE = "failed to verify JWT signature"
"""What OPA reports of a bundle that another key signed."""


@dataclass(frozen=True)
class GatewayKeys:
    """Whose bundles are believed."""

    release: PublicKey
    live: PublicKey
    live_private: PrivateKey | None = None
    """To keep live data fresh."""


class Gateway:
    """One environment, enforced on this machine for as long as a `with` block lasts.

    Args:
        bundles: the folder that `compile` wrote.
        environment: one of its environments.
        keys: whose bundles are believed.
        folder: existing folder for state and logs.
        listen: where calls arrive; `127.0.0.1` and any free port by default.

    Attributes:
        url: where calls are sent.
        access_log: Envoy's access log, a JSON object a line.

    Raises:
        InputError: the folder is none that `compile` wrote with a live key, or `listen` is no address.
    """

    def __init__(
        self, bundles: Path, environment: str, keys: GatewayKeys, *, folder: Path, listen: str | None = None
    ) -> None:
        self._bundles = bundles / environment
        self._environment = environment
        self._keys = keys
        self._folder = folder
        self._stack = ExitStack()
        self._listen = listen or f"127.0.0.1:{free_port()}"
        try:
            listener_address(self._listen)
        except ValueError as error:
            fix = "Write host and port, such as 127.0.0.1:8080."
            raise InputError.single("", str(error), fix, field="--listen") from error
        self._sent: dict[str, bytes] = {}
        self._live: dict[str, Any] = {}
        self._sequence = 0
        self._renew_at = float("inf")
        self.url = f"http://{self._listen}"
        self.access_log = folder / "access.log"
        self.server = BundleServer(folder)
        self._read("envoy/envoy.yaml")

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._stack.enter_context(self.server)
        self.refresh()
        state = self._folder / "state"
        state.mkdir(exist_ok=True)
        settings = SidecarSettings(
            environment=self._environment,
            service_url=self.server.url,
            token_file=self.server.token_file,
            release_key=self._keys.release,
            live_key=self._keys.live,
            grpc_address=f"127.0.0.1:{free_port()}",
            state=state,
        )
        self.sidecar = self._stack.enter_context(Sidecar(settings, self._bundles / "guard", folder=self._folder))
        self._refuse_other_keys()
        for name, bundle in self._sent.items():
            revision = json.loads(read_archive(bundle, name)[MANIFEST])["revision"]
            self.server.wait_for_revision(name, revision, labels={"point": "envoy"}, timeout=ACTIVE_SECONDS)
        bootstrap = relocate(
            self._read("envoy/envoy.yaml").decode(),
            listen=self._listen,
            opa_address=settings.grpc_address,
            admin=f"127.0.0.1:{free_port()}",
            access_log=str(self.access_log),
        )
        self._envoy = self._stack.enter_context(EnvoyServer(bootstrap, folder=self._folder))

    def _refuse_other_keys(self) -> None:
        """Tell at once, and not after the whole wait, that a bundle is signed by another key than the one given."""

        def state(server: BundleServer, name: str) -> dict[str, Any]:
            known: dict[str, Any] = server.last_status({"point": "envoy"}).get("bundles", {}).get(name, {})
            return known

        def refused(server: BundleServer, name: str) -> bool:
            return _SIGNATURE in (state(server, name).get("message") or "")

        def settled(server: BundleServer) -> bool:
            return all(refused(server, name) or state(server, name).get("active_revision") for name in self._sent)

        self.server.wait_for(settled, timeout=ACTIVE_SECONDS)
        problems = [
            Problem("", field=f"--{name}-key", message=f"is not the key that signed the {name} bundle", fix=_OTHER_KEY)
            for name in self._sent
            if refused(self.server, name)
        ]
        if problems:
            raise InputError(problems)

    @property
    def running(self) -> bool:
        """Whether both engines still run."""
        return self.sidecar.running and self._envoy.running

    def refresh(self) -> None:
        """Publish what `compile` wrote meanwhile, and issue live data anew before it expires."""
        release, live = self._read("envoy/release.tar.gz"), self._read("live.tar.gz")
        if release != self._sent.get("release"):
            self._publish("release", "envoy/release.tar.gz", release)
        compiled = json.loads(read_archive(live, "live.tar.gz")[DATA])["weighbridge"]["live"]
        if compiled != self._live or time.monotonic() >= self._renew_at:
            self._live = compiled
            self._publish("live", "live.tar.gz", self._renewed(compiled) or live)

    def _renewed(self, compiled: dict[str, Any]) -> bytes | None:
        if self._keys.live_private is None:
            return None
        lasts = compiled["not_after"] - compiled["issued_at"]
        now = time.time_ns()
        self._sequence = max(self._sequence, compiled["sequence"]) + 1
        self._renew_at = time.monotonic() + lasts / 10**9 / 3
        document = {**compiled, "sequence": self._sequence, "issued_at": now, "not_after": now + lasts}
        return live_bundle(document, self._keys.live_private)

    def _publish(self, name: str, path: str, bundle: bytes) -> None:
        self._sent[name] = bundle
        self.server.publish(f"{self._environment}/{path}", bundle)

    def _read(self, path: str) -> bytes:
        try:
            return (self._bundles / path).read_bytes()
        except OSError as error:
            raise InputError.single(str(self._bundles / path), f"cannot be read: {error.strerror}", _COMPILE) from error
