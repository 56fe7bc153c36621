"""A gateway as it ships, with as many model versions as wanted: Envoy, OPA with guard and signed bundles, an upstream.

The registry is made by the code that compiles real ones, only from records that nobody had to sign. A second gateway
can be put beside the first: the same bundles, filters and logs, but its OPA decides with one constant rule that lets
everything through. What the two differ by is what the decision costs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.catalogue import AT, names
from weighbridge import resources
from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.guard import guard_files
from weighbridge.bundle.live import Announced, LiveState, live_bundle, live_document
from weighbridge.bundle.policies import declared_point, point_policies
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, sign_bundle
from weighbridge.catalogue.catalogue import Catalogue
from weighbridge.catalogue.configuration import Configuration, Tenants
from weighbridge.catalogue.names import NEVER_NS, parse_time_ns
from weighbridge.engines.envoy import EnvoyServer
from weighbridge.engines.host import LocalHost
from weighbridge.engines.process import EngineProcess, free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.harness.bundle_server import BundleServer
from weighbridge.points.envoy import EnvoySite, envoy_bootstrap
from weighbridge.registry.orders import Restrictions
from weighbridge.registry.records import Reason, Record
from weighbridge.registry.registry import envoy_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIASES = 50
TENANTS = 1000
ACTIVE_SECONDS = 300.0
REVISION = "benchmark"
ALLOW_ALL = "weighbridge/guard/benchmark/decision"
_TYPES = "type.googleapis.com/envoy.extensions.filters"
_PLUGIN_PATH = "path: weighbridge/guard/decision\n"


def tenant_key(number: int) -> str:
    """The whole key of one tenant."""
    return f"wb_prod_{number:08}_{hashlib.sha256(str(number).encode()).hexdigest()[:43]}"


@dataclass(frozen=True)
class Content:
    """What a gateway knows."""

    configuration: Configuration
    registry: dict[str, Any]
    active: dict[str, str]
    """Alias to `model@version`."""

    @property
    def size(self) -> int:
        """Bytes of the registry as JSON."""
        return len(data_file({"weighbridge": {"registry": self.registry}}))


def content(versions: int, upstream: str) -> Content:
    """A registry with so many versions, one in ten of them refused, fifty aliases and a thousand tenants."""
    records = dict(map(_record, range(versions)))
    approved = [name for name, record in records.items() if record.approved]
    chosen = [approved[index * len(approved) // ALIASES] for index in range(ALIASES)]
    active = {f"alias-{index}": name for index, name in enumerate(chosen)}
    models = sorted({name.split("@")[0] for name in chosen})
    routes = {alias: {"models": [name.split("@")[0]], "active": name} for alias, name in active.items()}
    environment = {"routes": routes, "upstreams": dict.fromkeys(chosen, upstream)}
    configuration = Configuration.model_validate(
        {
            "apiVersion": "weighbridge.dev/v1",
            "kind": "Catalogue",
            "trust": {"signers": {"ci": {"key": "keys/ci.pub"}}},
            "attestations": {
                "packaged": {
                    "predicate": "https://weighbridge.dev/package/v1",
                    "about": "model",
                    "signers": ["ci"],
                    "rule": "package",
                }
            },
            "environments": {"prod": environment},
        }
    )
    tenants = {f"tenant-{number}": _tenant(number, models) for number in range(TENANTS)}
    document = {"apiVersion": "weighbridge.dev/v1", "kind": "Tenants", "tenants": tenants}
    catalogue = Catalogue(
        root=Path(),
        configuration=configuration,
        tenants=Tenants.model_validate(document),
        signers={},
        versions={},
        images={},
        orders=(),
        acceptance=(),
        policies=(),
        trusted={},
        trust_sha256="",
    )
    registry = envoy_registry(catalogue, "prod", records, Restrictions(), at_ns=parse_time_ns(AT))
    return Content(configuration, registry, active)


def _record(number: int) -> tuple[str, Record]:
    model, version = names(number)
    name = f"{model}@{version}"
    approved = number % 10 != 9
    reason = Reason("REL-002", "vuln-scan-clean", "no evidence for vuln-scan-clean: have the images scanned")
    record = Record(
        environment="prod",
        name=name,
        model=model,
        version=version,
        approved=approved,
        digest=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}",
        not_after=NEVER_NS - number if approved else 0,
        required=("packaged", "vuln-scan-clean"),
        reasons=() if approved else (reason,),
    )
    return name, record


def _tenant(number: int, models: list[str]) -> dict[str, Any]:
    key = {
        "id": f"{number:08}",
        "sha256": f"sha256:{hashlib.sha256(tenant_key(number).encode()).hexdigest()}",
        "not_after": "2100-01-01T00:00:00Z",
    }
    return {"environments": {"prod": {"models": models, "limits": {"max_tokens": 4096}, "keys": [key]}}}


@dataclass
class RememberingHost(LocalHost):
    """Starts engines here, and remembers their processes."""

    started: list[EngineProcess] = field(default_factory=list)

    def start(self, *arguments: Any, **options: Any) -> EngineProcess:
        """As `LocalHost`."""
        process = super().start(*arguments, **options)
        assert isinstance(process, EngineProcess)
        self.started.append(process)
        return process


class Site:
    """The bundles of one content, served; sidecars and gateways are started on it."""

    def __init__(self, folder: Path, known: Content, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.content = known
        self.host = RememberingHost()
        self._stack = stack
        self._keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        folder.mkdir()
        self.server = stack.enter_context(BundleServer(folder))
        self._guard = folder / "guard"
        files = guard_files("prod")
        constant = {"allowed": True, "headers": {"x-weighbridge-route": known.active["alias-0"]}}
        rule = f"package weighbridge.guard.benchmark\n\ndecision := {json.dumps(constant)}\n"
        for name, data in {**files, "benchmark.rego": rule.encode()}.items():
            (self._guard / name).parent.mkdir(parents=True, exist_ok=True)
            (self._guard / name).write_bytes(data)
        self.server.publish("prod/envoy/release.tar.gz", self._release())
        self.server.publish("prod/live.tar.gz", self._live())

    def _release(self) -> bytes:
        point = declared_point("envoy")
        rules = {path: text.encode() for path, text in point_policies(point, ()).items()}
        data = data_file({"weighbridge": {"registry": self.content.registry}})
        files = {**rules, DATA: data, MANIFEST: manifest(REVISION, point.roots)}
        signed = sign_bundle(files, self._keys[0], algorithm="ES256", keyid="release", scope="prod-release")
        return bundle_archive(signed)

    def _live(self) -> bytes:
        end = time.time_ns() + 86_400 * 10**9
        state = LiveState("prod", 1, time.time_ns(), end, end, (Announced(REVISION),), self.content.active)
        return live_bundle(live_document(state), self._keys[1])

    def sidecar(self, name: str, *, allow_all: bool = False) -> tuple[Sidecar, str, EngineProcess]:
        """A sidecar with both bundles active, where Envoy asks it, and its process."""
        folder = self.folder / name
        (folder / "state").mkdir(parents=True)
        config = resources.opa_config().read_text(encoding="utf-8")
        if allow_all:
            assert config.count(_PLUGIN_PATH) == 1
            config = config.replace(_PLUGIN_PATH, f"path: {ALLOW_ALL}\n")
        (folder / "opa-config.yaml").write_text(config, encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        settings = SidecarSettings(
            environment="prod",
            service_url=self.server.url,
            token_file=self.server.token_file,
            release_key=self._keys[0].public_key(),
            live_key=self._keys[1].public_key(),
            grpc_address=address,
            state=folder / "state",
        )
        before = len(self.server.statuses)
        sidecar = Sidecar(settings, self._guard, folder=folder, config=folder / "opa-config.yaml", host=self.host)
        self._stack.enter_context(sidecar)
        assert self.server.wait_for(lambda server: _active(server, before), timeout=ACTIVE_SECONDS), sidecar.output()
        return sidecar, address, self.host.started[-1]

    def gateway(self, name: str, *, allow_all: bool = False) -> int:
        """A whole gateway; the port at which it takes calls."""
        _, opa, _ = self.sidecar(name, allow_all=allow_all)
        port = free_port()
        site = EnvoySite(
            listen=f"127.0.0.1:{port}",
            opa_address=opa,
            admin=f"unix://{self.folder / name / 'admin.sock'}",
            access_log=str(self.folder / name / "access.log"),
        )
        bootstrap = envoy_bootstrap("prod", self.content.configuration.environments["prod"], site)
        self._stack.enter_context(EnvoyServer(bootstrap, folder=self.folder / name, host=self.host))
        return port


def _active(server: BundleServer, since: int) -> bool:
    bundles = [status.get("bundles", {}) for status in server.statuses[since:]]
    return any(
        each.get("live", {}).get("active_revision") and each["release"].get("active_revision") for each in bundles
    )


@contextlib.contextmanager
def upstream(folder: Path) -> Iterator[str]:
    """A server that answers at once, so that what is measured is the gateway: an Envoy with one constant answer."""
    port = free_port()
    answer = {"status": 200, "body": {"inline_string": '{"object": "chat.completion", "choices": []}'}}
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "upstream",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "direct_response": answer}]}]},
        "http_filters": [{"name": "router", "typed_config": {
            "@type": f"{_TYPES}.http.router.v3.Router"}}],
    }  # fmt: skip
    listener = {
        "name": "upstream",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    folder.mkdir()
    bootstrap = {
        "admin": {"address": {"pipe": {"path": str(folder / "admin.sock")}}},
        "static_resources": {"listeners": [listener]},
    }
    with EnvoyServer(json.dumps(bootstrap), folder=folder):
        yield f"http://127.0.0.1:{port}"
