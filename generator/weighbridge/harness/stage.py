"""One catalogue, environment and moment, compiled once and put on real engines, for as many fixtures as want it.

Order of steps: compile with ephemeral keys and a clock that stands still, serve the bundles, start each engine when a
fixture first needs it, publish each fixture's live data and wait until the engines report that they use it.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Self

from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.bundle.live import first_live, live_document, livestate_token
from weighbridge.engines.envoy import EnvoyServer
from weighbridge.engines.host import LocalHost
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.harness.bundle_server import BundleServer
from weighbridge.harness.live_data import live_for, signed_live
from weighbridge.harness.serving import AppServer
from weighbridge.harness.shared_cluster import SharedCluster
from weighbridge.harness.upstream import upstream_app
from weighbridge.points.check import Checker
from weighbridge.points.envoy import relocate
from weighbridge.points.gatekeeper.approvals import live_state
from weighbridge.points.gatekeeper.resources import resources
from weighbridge.resources import opa_config

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from weighbridge.engines.host import Host
    from weighbridge.harness.fixtures import Fixture

ACTIVE_SECONDS = 30.0
"""How long an engine may take to use a bundle."""
_PATIENCE_SECONDS = 20
"""For a decision: a fixture asks what is decided, and a busy machine may need longer than a caller should wait."""
SidecarPoint = Literal["envoy", "workload"]


class Stage:
    """The engines of one catalogue, environment and moment, inside a `with` block.

    Args:
        catalogue: the catalogue's folder.
        environment: one of its environments.
        at_ns: `--at`, in nanoseconds.
        now_ns: the engines' clock, in nanoseconds.
        folder: existing folder for everything that is written; the engines must see it.
        host: what starts the engines.

    Attributes:
        grpc_address: where Envoy asks OPA, once `sidecar("envoy")` was called.
        clusters: lends the cluster that `gatekeeper` asks.
        exempt: namespaces in which nothing is judged.

    Raises:
        InputError: the catalogue cannot be compiled, or has no such environment.
    """

    def __init__(
        self, catalogue: Path, environment: str, *, at_ns: int, now_ns: int, folder: Path, host: Host | None = None
    ) -> None:
        self.environment = environment
        self.folder = folder
        self.grpc_address = ""
        self.host = host or LocalHost()
        self._stack = ExitStack()
        self._release_key = ec.generate_private_key(ec.SECP256R1())
        self._live_key = ec.generate_private_key(ec.SECP256R1())
        self.output = folder / "bundles"
        options = CompileOptions(
            output=self.output,
            release_key=self._release_key,
            live_key=self._live_key,
            at_ns=at_ns,
            environments=(environment,),
            allow_example_keys=True,
            fixed_clock_ns=now_ns,
        )
        compiled = compile_catalogue(catalogue, options)
        self._revision = compiled.revisions[environment]
        known = compiled.judged.catalogue
        self.exempt = frozenset(known.configuration.exempt_namespaces)
        self._digests = {name: version.artifact_digest for name, version in known.versions.items()}
        configured = known.configuration.environments[environment]
        state = first_live(environment, configured, revision=self._revision, at_ns=now_ns)
        self._base = live_document(state)
        self._clusters_base = {**self._base, "not_after": state.clusters_not_after_ns}
        self.clusters = SharedCluster()
        self._published: tuple[Any, ...] = ()
        self._sequence = 0
        self._live_revision = ""
        self._server: BundleServer | None = None
        self._sidecars: dict[SidecarPoint, Sidecar] = {}
        self._checker: Checker | None = None
        self._envoy: EnvoyServer | None = None
        self._envoy_port = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def conftest(self) -> Path:
        """The folder with conftest's policy and data."""
        return self.output / self.environment / "conftest"

    def checker(self) -> Checker:
        """The library behind `weighbridge check`."""
        if self._checker is None:
            self._checker = self._stack.enter_context(Checker(self.output, self.environment))
        return self._checker

    def sidecar(self, point: SidecarPoint) -> Sidecar:
        """OPA with guard and signed bundles, for calls or for workloads."""
        if point not in self._sidecars:
            server = self.bundle_server()
            server.publish(f"{self.environment}/{point}/release.tar.gz", self._release(point))
            state = self.folder / f"state-{point}"
            state.mkdir()
            shutil.copyfile(opa_config(), self.folder / "opa-config.yaml")
            settings = SidecarSettings(
                environment=self.environment,
                service_url=server.url,
                token_file=server.token_file,
                release_key=self._release_key.public_key(),
                live_key=self._live_key.public_key(),
                grpc_address=f"127.0.0.1:{free_port()}",
                state=state,
                point=point,
            )
            guard = self.output / self.environment / "guard"
            config = self.folder / "opa-config.yaml"
            sidecar = Sidecar(settings, guard, folder=self.folder, config=config, host=self.host)
            self._sidecars[point] = self._stack.enter_context(sidecar)
            if point == "envoy":
                self.grpc_address = settings.grpc_address
            self._await(point, "release", self._revision)
            if self._live_revision:
                self._await(point, "live", self._live_revision)
        return self._sidecars[point]

    def envoy_port(self) -> int:
        """The loopback port at which Envoy takes calls, with the sidecar behind it."""
        self.sidecar("envoy")
        if self._envoy is None:
            upstream = self._stack.enter_context(AppServer(upstream_app()))
            self._envoy_port = free_port()
            written = (self.output / self.environment / "envoy" / "envoy.yaml").read_text(encoding="utf-8")
            bootstrap = relocate(
                written,
                listen=f"127.0.0.1:{self._envoy_port}",
                opa_address=self.grpc_address,
                admin=f"127.0.0.1:{free_port()}",
                access_log=str(self.folder / "access.log"),
                upstream=upstream.address,
                decision_seconds=_PATIENCE_SECONDS,
            )
            self._envoy = self._stack.enter_context(EnvoyServer(bootstrap, folder=self.folder, host=self.host))
        return self._envoy_port

    def set_live(self, fixture: Fixture) -> None:
        """Publish a fixture's live data; every engine that runs uses it when this returns."""
        short = fixture.document.live
        wanted = live_for(self._base, fixture, self._digests)
        shape = (wanted, short and (short.roots, short.empty))
        if shape != self._published:
            self._published = shape
            self._sequence += 1
            numbered = {**wanted, "sequence": self._sequence}
            self._live_revision, bundle = signed_live(numbered, self.environment, self._live_key, short)
            self.bundle_server().publish(f"{self.environment}/live.tar.gz", bundle)
            for point in self._sidecars:
                self._await(point, "live", self._live_revision)

    def cluster_objects(self, fixture: Fixture) -> list[dict[str, Any]]:
        """What compiling wrote for a cluster, in the order in which it is applied, with a fixture's live state."""
        live = live_for(self._clusters_base, fixture, self._digests)
        short = fixture.document.live
        key = ec.generate_private_key(ec.SECP256R1()) if short and short.forged else self._live_key
        state = live_state(self.environment, livestate_token(live, key))
        compiled = resources(self.output, self.environment)
        # The API server asks its own policies before any webhook, and stops at the first refusal: codes would miss.
        left_out = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
        left_out |= {state["kind"]} if short and short.empty else set()
        asked = [each for each in compiled if each["kind"] not in left_out]
        return [state if each["kind"] == state["kind"] else each for each in asked]

    def _release(self, point: SidecarPoint) -> bytes:
        return (self.output / self.environment / point / "release.tar.gz").read_bytes()

    def bundle_server(self) -> BundleServer:
        """What serves bundles to the sidecars and takes their statuses and decision logs."""
        if self._server is None:
            self._server = self._stack.enter_context(BundleServer(self.folder))
        return self._server

    def _await(self, point: SidecarPoint, bundle: str, revision: str) -> None:
        labels = {"environment": self.environment, "point": point}
        self.bundle_server().wait_for_revision(bundle, revision, labels=labels, timeout=ACTIVE_SECONDS)
