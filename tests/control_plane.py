"""What tests of the control plane are made of: releases as `compile` signs them, orders, keys, a PostgreSQL server.

The releases hold control data and bundles without rules: no engine is asked, so writing one takes milliseconds.
"""

import asyncio
import base64
import contextlib
import functools
import hashlib
import json
import os
import pwd
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.control import ROOTS as CONTROL_ROOTS
from weighbridge.bundle.policies import declared_point
from weighbridge.bundle.revision import release_revision
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, release_scope, sign_bundle
from weighbridge.canonical import digest
from weighbridge.catalogue.names import format_time
from weighbridge.control.order import sign_order
from weighbridge.control.plane import ControlPlane
from weighbridge.control.plane_parts import PlaneSettings, PlaneTimes
from weighbridge.engines.process import free_port
from weighbridge.keys import fingerprint, public_pem
from weighbridge.points.gatekeeper.approvals import approval

NEVER = 4102444800 * 10**9
POSTGRES = Path("/usr/lib/postgresql/15/bin")
Json = dict[str, Any]


@functools.cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    """The key of that name; the same in every process."""
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()[:31]), ec.SECP256R1())


def version_digest(name: str) -> str:
    return digest(name.encode())


def version(name: str, **changes: Any) -> Json:
    return {
        "digest": version_digest(name),
        "approved": True,
        "served": True,
        "since": 10**18,
        "not_after": NEVER,
        "images": [],
        "signers": ["ci"],
        "lineage": [],
    } | changes


def control_document(environment: str = "prod", **changes: Any) -> Json:
    one = {"keys": {name: public_pem(key(name).public_key()) for name in ("oncall", "mlsec")}, "threshold": 1}
    two = {"keys": {name: public_pem(key(name).public_key()) for name in ("mlsec", "product")}, "threshold": 2}
    kinds = dict.fromkeys(("revoke", "freeze", "suspend", "revoke-key", "route", "distrust"), one)
    return {
        "environment": environment,
        "authority": kinds | dict.fromkeys(("restore", "thaw", "resume"), two),
        "routes": {"qa-now": {"models": ["qa"], "active": "qa@2.0.0"}},
        "versions": {name: version(name) for name in ("qa@1.0.0", "qa@2.0.0")},
        "tenants": ["acme"],
        "tenant_keys": ["k7m2p9qa"],
        "orders": {"revoked": {}, "frozen": {}, "suspended": {}, "keys": {}},
        "live": {"not_after": 600 * 10**9, "clusters_not_after": 3600 * 10**9},
        "clusters": {
            "on_revoked": "report",
            "labels": ["model_id", "model_version"],
            "support_images": [],
            "exempt_namespaces": [],
        },
    } | changes


@dataclass
class Release:
    """A folder as `compile` writes it, of one or more environments."""

    folder: Path
    keys: tuple[str, ...] = ("release",)
    """Names of release keys: the first signs what stands at the plain paths."""
    revisions: dict[str, str] = field(default_factory=dict)

    def write(self, *documents: Json, note: str = "") -> "Release":
        """Write it anew. Another note makes another revision of the same content."""
        files: dict[str, bytes] = {}
        self.revisions = {}
        for document in documents or (control_document(),):
            files |= self._environment(document, note)
        for path, data in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        index = {
            "kind": "Index",
            "clock": "real",
            "environments": {name: {"revision": revision} for name, revision in self.revisions.items()},
            "files": {path: digest(data) for path, data in files.items()},
        }
        new = self.folder / "index.new"
        new.write_text(json.dumps(index))
        new.rename(self.folder / "index.json")
        return self

    def _environment(self, document: Json, note: str) -> dict[str, bytes]:
        environment = document["environment"]
        content = {
            "control": data_file({"weighbridge": {"control": document}}),
            "envoy": data_file({"weighbridge": {"registry": {"note": note}}}),
            "workload": data_file({"weighbridge": {"registry": {}}}),
        }
        revision = release_revision({f"{name}/{DATA}": data for name, data in content.items()})
        self.revisions[environment] = revision
        files = {}
        variants = [(f"keys/{short(name)}/", name) for name in self.keys] if len(self.keys) > 1 else []
        for place, name in [("", self.keys[0]), *variants]:
            for point in ("envoy", "workload"):
                files[f"{environment}/{point}/{place}release.tar.gz"] = self._bundle(
                    environment, content[point], declared_point(point).roots, revision, name
                )
            files[f"{environment}/{place}control.tar.gz"] = self._bundle(
                environment, content["control"], CONTROL_ROOTS, revision, name
            )
            files[f"{environment}/{place}gatekeeper/approvals/0000.yaml"] = self._approvals(document, revision, name)
        return files

    @staticmethod
    def _bundle(environment: str, data: bytes, roots: Any, revision: str, name: str) -> bytes:
        files = {DATA: data, MANIFEST: manifest(revision, roots)}
        return bundle_archive(
            sign_bundle(files, key(name), algorithm="ES256", keyid="release", scope=release_scope(environment))
        )

    @staticmethod
    def _approvals(document: Json, revision: str, name: str) -> bytes:
        lines = []
        for version_name, given in document["versions"].items():
            model, _, number = version_name.partition("@")
            claims = {
                "environment": document["environment"],
                "revision": revision,
                "model": model,
                "version": number,
                "approved": given["approved"],
                "digest": given["digest"],
                "images": {},
            }
            lines.append(f"---\n{json.dumps(approval(claims, key(name)), sort_keys=True)}\n")
        return "".join(lines).encode()


def short(name: str) -> str:
    """The first 16 digits of a key's fingerprint."""
    return fingerprint(key(name).public_key()).removeprefix("sha256:")[:16]


def order(kind: str, target: str, *, signers: tuple[str, ...] = ("oncall",), **fields: Any) -> bytes:
    """A signed order."""
    predicate = {
        "id": str(uuid.uuid4()),
        "kind": kind,
        "target": target,
        "environments": ["prod"],
        "reason": "a test",
        "reference": "INC-1",
        "issued_at": format_time(time.time_ns() // 10**9 * 10**9),
    } | fields
    return sign_order(predicate, [key(name) for name in signers])


def revoke(name: str = "qa@2.0.0", **fields: Any) -> bytes:
    return order("revoke", version_digest(name), **fields)


def predicate_of(envelope: bytes) -> Json:
    return dict(json.loads(base64.b64decode(json.loads(envelope)["payload"]))["predicate"])


QUICK = PlaneTimes(confirm=0.6, overlap=30.0, silent=60.0, watch=0.05, tick=0.05, lock=3.0)
"""As patient as a test has time for."""


def settings(database: str | Path, bundles: Path | None = None, **changes: Any) -> PlaneSettings:
    given = {
        "database": str(database),
        "live_keys": (key("live"),),
        "release_keys": (key("release").public_key(),),
        "bundles": bundles,
        "times": QUICK,
    }
    return PlaneSettings(**(given | changes))


def plane(database: str | Path, bundles: Path | None = None, **changes: Any) -> ControlPlane:
    """A control plane, to be used in an `async with` block."""
    return ControlPlane(settings(database, bundles, **changes))


@dataclass
class Identity:
    """What a credential says."""

    environment: str = "prod"
    cluster: str = "east"
    name: str = "east-sidecars"
    sidecars: int = 1000


def status(point_id: str, live: str = "", release: str = "", **changes: Any) -> Json:
    """A sidecar's status, in OPA's format."""
    return {
        "labels": {"id": point_id, "version": "1.22.2", "environment": "prod", "point": "envoy"},
        "bundles": {
            "live": {"name": "live", "active_revision": live},
            "release": {"name": "release", "active_revision": release},
        },
    } | changes


class Postgres:
    """A PostgreSQL server of our own, on a Unix socket and a loopback port, with fsync on.

    It refuses to run as root, so as root it is run by the user `postgres`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.data = folder / "data"
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def available() -> bool:
        return (POSTGRES / "initdb").exists()

    def create(self) -> "Postgres":
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._as:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "--auth=trust", "--username=weighbridge", "--encoding=UTF8", "--locale=C", "-D", self.data)
        return self

    def _run(self, program: str, *arguments: Any) -> None:
        command = [*self._as, str(POSTGRES / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        options = [
            "-D", self.data, "-p", self.port, "-k", self.folder, "-h", "127.0.0.1",
            "-c", "shared_buffers=16MB", "-c", "max_connections=60", "-c", "log_min_messages=fatal",
        ]  # fmt: skip
        command = [*self._as, str(POSTGRES / "postgres"), *map(str, options)]
        self._process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 30
        while not self._ready():
            assert self._process.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.02)

    def _ready(self) -> bool:
        command = [str(POSTGRES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def kill(self) -> None:
        """kill -9 of all of it, as when the machine loses its power."""
        assert self._process is not None
        # Its children leave its session's group; when the first process is gone they end by themselves.
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in [self._process.pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"w{uuid.uuid4().hex[:12]}"
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "weighbridge", name)
        return f"postgresql://weighbridge@127.0.0.1:{self.port}/{name}"


class RunningPlane:
    """A control plane on an event loop of its own, for tests that are not asynchronous; used by `with`.

    Attributes:
        plane: the control plane; its asynchronous methods go through `call`.
    """

    def __init__(self, given: PlaneSettings) -> None:
        self.plane = ControlPlane(given)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="control-plane", daemon=True)

    def __enter__(self) -> "RunningPlane":
        self._thread.start()
        self.call(self.plane.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self.plane.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def call(self, awaited: Any, timeout: float = 30) -> Any:
        return asyncio.run_coroutine_threadsafe(awaited, self._loop).result(timeout)


async def until(true: Any, timeout: float = 15) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.01)
