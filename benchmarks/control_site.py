"""A whole site with a real control plane: a compiled release, `weighbridge serve` as its own process, gateways, orders.

The release has as many versions of one model as there are orders to revoke one each. It is packaged, signed and
compiled like any other; only its models are a few bytes. Everything runs as it ships: the server is the command, OPA
has the shipped configuration, Envoy the compiled bootstrap.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.gateway import tenant_key
from benchmarks.load import Connection, post
from weighbridge.bundle.compile import CompileOptions, compile_catalogue
from weighbridge.canonical import digest
from weighbridge.catalogue.names import format_time, parse_time_ns
from weighbridge.control.order import sign_order
from weighbridge.control.server.clients import make_token
from weighbridge.engines.envoy import EnvoyServer
from weighbridge.engines.process import EngineProcess, free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.keys import public_pem
from weighbridge.packaging.package import STATEMENT_FILE, package, sign_package
from weighbridge.points.envoy import relocate

if TYPE_CHECKING:
    import contextlib
    from pathlib import Path

ENVIRONMENT, MODEL, TENANT = "prod", "answers", 7
START_SECONDS = 120.0
NAMES = ("ci", "oncall", "release", "live")


@dataclass(frozen=True)
class Server:
    """One replica."""

    port: int
    process: EngineProcess


@dataclass
class ControlSite:
    """Everything in one folder; what is started ends with `stack`."""

    folder: Path
    stack: contextlib.ExitStack
    upstream: str
    """Where every version is served."""
    versions: int
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    servers: list[Server] = field(default_factory=list)
    asked_at: dict[str, str] = field(default_factory=dict)
    """Where each sidecar is asked by Envoy."""
    token: str = ""
    """Of all sidecars."""
    reader: str = ""
    """A token that reads everything."""

    def __post_init__(self) -> None:
        """Make keys, and the release."""
        self.keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in NAMES}
        for name, key in self.keys.items():
            self.public(name).write_text(public_pem(key.public_key()), encoding="utf-8")
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / "live.pem").write_bytes(self.keys["live"].private_bytes(*form))
        self._compile()

    def public(self, name: str) -> Path:
        """A public key's file."""
        return self.folder / f"{name}.pub"

    @property
    def names(self) -> list[str]:
        """Every version, `<model>@<version>`."""
        return [f"{MODEL}@{number}" for number in range(1, self.versions + 1)]

    def _compile(self) -> None:
        catalogue, at_ns = self.folder / "catalogue", time.time_ns() // 10**9 * 10**9
        (catalogue / "keys").mkdir(parents=True)
        for name in ("ci", "oncall"):
            (catalogue / "keys" / f"{name}.pub").write_text(self.public(name).read_text("utf-8"), "utf-8")
        (catalogue / "weighbridge.yaml").write_text(json.dumps(self._configuration()), "utf-8")
        (catalogue / "tenants.yaml").write_text(json.dumps(_tenants()), "utf-8")
        for number in range(1, self.versions + 1):
            model = self.folder / "models" / str(number)
            model.mkdir(parents=True)
            (model / "model.onnx").write_text(f"weights {number}", "utf-8")
            (model / "README.md").write_text(f"---\nlicense: mit\n---\n# {MODEL} {number}\n", "utf-8")
            packaged = package(model, model=MODEL, version=str(number))
            files = {**packaged.files(), STATEMENT_FILE: sign_package(packaged, self.keys["ci"], at_ns)}
            for path, data in files.items():
                file = catalogue / "models" / MODEL / str(number) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        options = CompileOptions(output=self.folder / "bundles", release_key=self.keys["release"], at_ns=time.time_ns())
        compile_catalogue(catalogue, options)

    def _configuration(self) -> dict[str, Any]:
        one = {"signers": ["oncall"], "threshold": 1}
        package_type = "https://weighbridge.dev/package/v1"
        packaged = {"predicate": package_type, "about": "model", "signers": ["ci"], "rule": "package"}
        return {
            "apiVersion": "weighbridge.dev/v1",
            "kind": "Catalogue",
            "trust": {"signers": {name: {"key": f"keys/{name}.pub"} for name in ("ci", "oncall")}},
            "attestations": {"packaged": packaged},
            "environments": {
                ENVIRONMENT: {
                    "orders": dict.fromkeys(("revoke", "freeze", "revoke-key", "restore", "route"), one),
                    "routes": {"alias-0": {"models": [MODEL], "active": self.names[-1]}},
                    "upstreams": dict.fromkeys(self.names, self.upstream),
                    "calls": {"paths": {"POST /v1/chat/completions": {"model": "body"}}},
                }
            },
        }

    def serve(self, database: str, sidecars: int) -> Server:
        """Start one replica, ready to be asked.

        Args:
            database: what `--database` is told.
            sidecars: how many share the one credential.
        """
        if not self.token:
            fields = {"name": "fleet", "role": "sidecar", "environment": ENVIRONMENT, "cluster": "east"}
            self.token, sidecar = make_token(fields)
            self.reader, reader = make_token({"name": "reader", "role": "reader"})
            clients = {"clients": [{**sidecar, "sidecars": sidecars}, reader]}
            (self.folder / "clients.yaml").write_text(json.dumps(clients), "utf-8")
        port = free_port()
        arguments: list[str | Path] = [
            "-m", "weighbridge", "serve", "--listen", f"127.0.0.1:{port}", "--bundles", self.folder / "bundles",
            "--release-key", self.public("release"), "--live-key", self.folder / "live.pem",
            "--clients", self.folder / "clients.yaml", "--database", database,
            "--decision-logs", self.folder / f"decisions-{port}",
        ]  # fmt: skip
        process = EngineProcess(
            "serve", [sys.executable, *arguments], environment=dict(os.environ), log=self.folder / f"serve-{port}.log"
        )
        self.stack.callback(process.stop)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            process.wait_until(lambda: _answers(client, "/ready"), timeout=START_SECONDS)
        self.servers.append(Server(port, process))
        return self.servers[-1]

    def sidecar(self, name: str, server: Server) -> Sidecar:
        """Start OPA as it is deployed; it denies until it has its bundles."""
        folder = self.folder / name
        (folder / "state").mkdir(parents=True)
        (folder / "token").write_text(self.token, "utf-8")
        settings = SidecarSettings(
            environment=ENVIRONMENT,
            service_url=f"http://127.0.0.1:{server.port}",
            token_file=folder / "token",
            release_key=self.keys["release"].public_key(),
            live_key=self.keys["live"].public_key(),
            grpc_address=f"127.0.0.1:{free_port()}",
            state=folder / "state",
        )
        guard = self.folder / "bundles" / ENVIRONMENT / "guard"
        self.asked_at[name] = settings.grpc_address
        return self.stack.enter_context(Sidecar(settings, guard, folder=folder))

    def gateway(self, name: str, server: Server) -> int:
        """Start OPA and Envoy; the port at which calls are taken."""
        self.sidecar(name, server)
        folder, port = self.folder / name, free_port()
        compiled = self.folder / "bundles" / ENVIRONMENT
        bootstrap = relocate(
            (compiled / "envoy" / "envoy.yaml").read_text("utf-8"),
            listen=f"127.0.0.1:{port}",
            opa_address=self.asked_at[name],
            admin=f"unix://{folder / 'admin.sock'}",
            access_log=str(folder / "access.log"),
        )
        self.stack.enter_context(EnvoyServer(bootstrap, folder=folder))
        return port

    def revoke(self, name: str, kind: str = "revoke") -> bytes:
        """The signed order."""
        predicate = {
            "id": str(uuid.uuid4()),
            "kind": kind,
            "target": name,
            "environments": [ENVIRONMENT],
            "reason": "a benchmark",
            "issued_at": format_time(time.time_ns()),
        }
        return sign_order(predicate, [self.keys["oncall"]])

    def accepted(self) -> dict[str, int]:
        """When each order was accepted, by its id: the time of its log entry, in nanoseconds of the monotonic clock."""
        headers = {"Authorization": f"Bearer {self.reader}"}
        url = f"http://127.0.0.1:{self.servers[0].port}/v1/environments/{ENVIRONMENT}/log.jsonl"
        answer = httpx.get(url, headers=headers, trust_env=False)
        if answer.status_code != 200:
            raise SystemExit(f"the log was not to be had: {answer.status_code} {answer.text[:200]}")
        offset = time.time_ns() - time.monotonic_ns()
        entries = (_payload(json.loads(line)["entry"]) for line in answer.text.splitlines())
        return {entry["id"]: parse_time_ns(entry["at"]) - offset for entry in entries if entry["kind"] == "order"}


def _payload(jws: str) -> dict[str, Any]:
    part = jws.split(".")[1]
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def _tenants() -> dict[str, Any]:
    key = {
        "id": f"{TENANT:08}",
        "sha256": digest(tenant_key(TENANT).encode()),
        "not_after": "2100-01-01T00:00:00Z",
    }
    tenant = {"environments": {ENVIRONMENT: {"models": [MODEL], "keys": [key]}}}
    return {"apiVersion": "weighbridge.dev/v1", "kind": "Tenants", "tenants": {"acme": tenant}}


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.HTTPError:
        return False


def order_id(envelope: bytes) -> str:
    """The id of a signed order."""
    predicate = json.loads(base64.b64decode(json.loads(envelope)["payload"]))["predicate"]
    return str(predicate["id"])


def submit(connection: Connection, envelope: bytes) -> None:
    """Send an order on a kept connection; it must be accepted."""
    status, body, _ = connection.exchange(post("/v1/orders", json.loads(envelope)))
    if status != 200 or json.loads(body)["results"][0]["outcome"] != "accepted":
        raise SystemExit(f"an order got {status}: {body[:300]!r}")
