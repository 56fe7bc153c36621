"""One environment with a real sidecar, as an attacker meets it.

OPA runs with the shipped `opa-config.yaml` and the shipped guard; the bundle server, which the attacker may own, serves
whatever a test publishes; the release holds the shipped rules over a small registry. A test asks the guard's decision,
as Envoy does, and waits for what OPA reports about the bundle that it published, never for time to pass.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.guard import guard_files
from weighbridge.bundle.live import KEYID as LIVE
from weighbridge.bundle.policies import declared_point, point_policies
from weighbridge.bundle.release import KEYID as RELEASE
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, sign_bundle
from weighbridge.catalogue.names import NEVER_NS
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.harness.bundle_server import BundleServer
from weighbridge.keys import PrivateKey

WAIT_SECONDS = 20.0
KEY = "wb_prod_k7m2p9qa_" + "x" * 43
STRANGER = "wb_prod_aaaaaaaa_" + "y" * 43
VERSION = "kb-qa-001@2025.03.15"
DIGEST = "sha256:" + "1" * 64
Files = dict[str, bytes]


def registry(point: str = "envoy", environment: str = "prod", **changes: Any) -> dict[str, Any]:
    """What a release knows: one approved version, one tenant, one alias."""
    model, version = VERSION.split("@")
    record = {"model": model, "version": version, "approved": True, "digest": DIGEST, "not_after": NEVER_NS}
    grant = {"tenant": "acme", "key": "k7m2p9qa", "not_after": NEVER_NS, "models": {model: True}, "clear": True}
    document = {
        "environment": environment,
        "point": point,
        "multi_tenant": False,
        "records": {VERSION: {**record, "clear": True, "served": True}},
        "models": {model: {"versions": {VERSION: True}, "aliases": {"kb-qa": True}}},
        "routes": {"kb-qa": {"models": {model: True}}},
        "grants": {hashlib.sha256(KEY.encode()).hexdigest(): grant},
        "calls": {"body_limit": 8388608, "paths": {"POST /v1/chat/completions": {"model": "body"}}},
        "orders": {"revoked": {}, "frozen": {}, "suspended": {}, "keys": {}},
        "authority": {},
    }
    return {**document, **changes}


def live(revision: str, environment: str = "prod", **changes: Any) -> dict[str, Any]:
    """Fresh live data that announces a release and restricts nothing."""
    document = {
        "environment": environment,
        "sequence": 1,
        "issued_at": time.time_ns(),
        "not_after": time.time_ns() + 600 * 10**9,
        "releases": [{"revision": revision}],
        "active": {"kb-qa": VERSION},
        **{name: {} for name in ("revoked", "frozen", "suspended", "keys", "exhausted")},
    }
    return {**document, **changes}


def call(key: str = KEY) -> dict[str, Any]:
    """A call as opa-envoy-plugin hands it over; with the tenant's key it is allowed, with another it never is."""
    headers = {
        ":authority": "models.example.com",
        ":method": "POST",
        ":path": "/v1/chat/completions",
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "content-length": "42",
    }
    http = {"method": "POST", "path": "/v1/chat/completions", "headers": headers, "size": "42", "protocol": "HTTP/1.1"}
    metadata = {"weighbridge.call": {"body": "json", "model": "kb-qa"}}
    return {"attributes": {"request": {"http": http}, "metadataContext": {"filterMetadata": metadata}}}


class Site:
    """An environment's keys, its bundle server and its sidecar; every bundle that is published here has its own
    revision."""

    STRANGER = STRANGER
    live = staticmethod(live)
    registry = staticmethod(registry)

    def __init__(self, server: BundleServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in (RELEASE, LIVE)}
        self.guard = _folder(folder / "guard", guard_files("prod"))
        self._point = declared_point("envoy")
        self._rules = {path: text.encode() for path, text in point_policies(self._point, ()).items()}
        self._number = 0
        self._since = {RELEASE: 0, LIVE: 0}
        self._client = httpx.Client(trust_env=False, timeout=10)
        self.sidecar: Sidecar | None = None
        self.state = folder

    def start(self, *, state: Path | None = None) -> None:
        """A cold start: nothing fetched yet, and an empty state folder unless one of an earlier run is given."""
        self.stop()
        self._number += 1
        folder = self.folder / f"opa-{self._number}"
        folder.mkdir()
        self.state = state or folder / "state"
        self.state.mkdir(exist_ok=True)
        settings = SidecarSettings(
            environment="prod",
            service_url=self.server.url,
            token_file=self.server.token_file,
            release_key=self.keys[RELEASE].public_key(),
            live_key=self.keys[LIVE].public_key(),
            grpc_address=f"unix://{folder / 'grpc.sock'}",
            state=self.state,
        )
        self._since = dict.fromkeys(self._since, len(self.server.statuses))
        self.sidecar = Sidecar(settings, self.guard, folder=folder).__enter__()

    def stop(self) -> None:
        if self.sidecar is not None:
            self.sidecar.stop()
            self.sidecar = None

    def ask(self, key: str = KEY) -> str:
        """`allowed`, or the codes of the denial; what the guard answers to Envoy."""
        result = self.api("POST", "/v1/data/weighbridge/guard/decision", json={"input": call(key)}).json()["result"]
        return "allowed" if result["allowed"] else result["dynamic_metadata"]["codes"]

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        assert self.sidecar is not None
        return self._client.request(method, f"{self.sidecar.api_url}{path}", **options)

    def revision(self, name: str) -> str:
        self._number += 1
        return f"{name}-{self._number}"

    def release_files(
        self, revision: str, document: Mapping[str, Any] | None = None, roots: tuple[str, ...] = ()
    ) -> Files:
        data = data_file({"weighbridge": {"registry": document or registry()}})
        return {**self._rules, DATA: data, MANIFEST: manifest(revision, roots or self._point.roots)}

    def workload_files(self, revision: str) -> Files:
        """An honest release for the other point of this environment."""
        point = declared_point("workload")
        rules = {path: text.encode() for path, text in point_policies(point, ()).items()}
        data = data_file({"weighbridge": {"registry": registry("workload")}})
        return {**rules, DATA: data, MANIFEST: manifest(revision, point.roots)}

    @staticmethod
    def unsigned(files: Files) -> bytes:
        """The bundle without a signature."""
        return bundle_archive(files)

    def live_data(self, release: str) -> dict[str, Any]:
        return {"weighbridge": {"live": live(release)}}

    def live_files(self, revision: str, document: Mapping[str, Any]) -> Files:
        return {
            DATA: data_file({"weighbridge": {"live": dict(document)}}),
            MANIFEST: manifest(revision, ["weighbridge/live"]),
        }

    def signed(self, name: str, files: Files, key: PrivateKey | None = None, scope: str = "") -> bytes:
        """The bundle, signed with the key and for the scope that sidecars expect, unless the test says otherwise."""
        used = key or self.keys[name]
        return bundle_archive(sign_bundle(files, used, algorithm="ES256", keyid=name, scope=scope or f"prod-{name}"))

    def publish(self, name: str, bundle: bytes) -> None:
        """Serve this bundle from now on."""
        self._since[name] = len(self.server.statuses)
        path = "prod/live.tar.gz" if name == LIVE else "prod/envoy/release.tar.gz"
        self.server.publish(path, bundle)

    def withhold(self) -> None:
        """Serve nothing at all."""
        for path in ("prod/live.tar.gz", "prod/envoy/release.tar.gz"):
            self.server.withdraw(path)

    def forge(self, name: str, bundle: bytes) -> dict[str, Any]:
        """Publish a bundle that must be refused; what OPA reports about it."""
        self.publish(name, bundle)
        return self._await(name, lambda state: state.get("code") == "bundle_error")

    def activated(self, name: str, revision: str) -> None:
        """Wait until the sidecar reports that it works with this revision."""
        self._await(name, lambda state: state.get("active_revision") == revision and not state.get("code"))

    def _await(self, name: str, predicate: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def arrived(server: BundleServer) -> bool:
            states = (status.get("bundles", {}).get(name, {}) for status in server.statuses[self._since[name] :])
            found.extend(state for state in states if predicate(state))
            return bool(found)

        assert self.server.wait_for(arrived, timeout=WAIT_SECONDS), json.dumps(
            [status.get("bundles") for status in self.server.statuses[-2:]]
        )
        return found[0]

    def reported(self, name: str) -> None:
        """Wait for any report about a bundle, good or bad, since the last publication or start."""
        self._await(name, lambda state: bool(state.get("code") or state.get("active_revision")))

    def wait_for(self, *answers: str) -> str:
        """Ask until one of these is the answer."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (answer := self.ask()) not in answers:
            assert time.monotonic() < deadline, answer
            time.sleep(0.01)
        return answer

    def honest(self) -> tuple[str, str]:
        """Publish an honest release and honest live data, and see them work; their revisions."""
        release, state = self.revision("release"), self.revision("live")
        self.publish(RELEASE, self.signed(RELEASE, self.release_files(release)))
        self.publish(LIVE, self.signed(LIVE, self.live_files(state, live(release))))
        if self.sidecar is None:
            self.start()
        self.activated(RELEASE, release)
        self.activated(LIVE, state)
        assert self.ask() == "allowed"
        assert self.ask(STRANGER) == "INF-009"
        return release, state


def _folder(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def cold_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The environment, with no sidecar started yet."""
    folder = tmp_path_factory.mktemp("site")
    with BundleServer(folder) as server:
        site = Site(server, folder)
        try:
            yield site
        finally:
            site.stop()


@pytest.fixture(scope="module")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A sidecar that has been started and was never given a bundle."""
    folder = tmp_path_factory.mktemp("bare")
    with BundleServer(folder) as server:
        site = Site(server, folder)
        try:
            site.start()
            yield site
        finally:
            site.stop()


@pytest.fixture(scope="module")
def site(cold_site: Site) -> Site:
    """The environment, its sidecar started and both bundles active."""
    cold_site.honest()
    return cold_site


class Listener:
    """An attacker's server: hears what rules send it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Hears whether anything got out."""
    listener = Listener()
    yield listener
    listener.http.shutdown()
    listener.http.server_close()
