"""Orders one after the other, and when everybody had each: clients, the database, real Envoys."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import asyncpg
from tests.control_plane import Postgres

from benchmarks.control_site import ENVIRONMENT, TENANT, ControlSite, order_id, submit
from benchmarks.gateway import tenant_key
from benchmarks.load import Connection, post
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.harness.bundle_server import BundleServer

if TYPE_CHECKING:
    import contextlib
    from pathlib import Path

    from benchmarks.fleet import Fleet

PAUSE_SECONDS = 0.6
"""Between two orders: longer than what coalesces them."""
ANSWER_SECONDS = 60.0
LOOK_SECONDS = 0.01
_STORED = "SELECT count(*) FROM receipts WHERE live_since_ns >= {}"


@dataclass
class Found:
    """What one fleet saw of all orders, in nanoseconds since each was accepted."""

    delivered: list[int] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    """Of each order, until 99 % of the receipts were in the database."""
    refused: list[int] = field(default_factory=list)


class Store(Protocol):
    """The database, looked at from outside."""

    database: str

    def receipts_since(self, at_ns: int) -> int:
        """How many points have another live revision since then, by the wall clock."""


class Sqlite:
    """A SQLite file, read beside the server."""

    def __init__(self, file: Path) -> None:
        self.database = str(file)
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False)

    def receipts_since(self, at_ns: int) -> int:
        """As `Store`."""
        return int(self._connection.execute(_STORED.format("?"), (at_ns,)).fetchone()[0])


class Postgresql:
    """A server of our own, started here."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        server = Postgres(folder).create()
        server.start()
        stack.callback(server.stop)
        self.database = server.database()
        self._runner = stack.enter_context(asyncio.Runner())
        self._connection: Any = None

    def receipts_since(self, at_ns: int) -> int:
        """As `Store`."""
        return int(self._runner.run(self._ask(at_ns)))

    async def _ask(self, at_ns: int) -> int:
        if self._connection is None:
            self._connection = await asyncpg.connect(self.database)
        return int(await self._connection.fetchval(_STORED.format("$1"), at_ns))


class Watch:
    """One connection to an Envoy on which a version is called until it is refused."""

    def __init__(self, port: int, model: str) -> None:
        body = {"model": model, "messages": [{"role": "user", "content": "Who are you?"}], "max_tokens": 16}
        headers = {"Authorization": f"Bearer {tenant_key(TENANT)}"}
        self._request = post("/v1/chat/completions", body, headers)
        self._port = port
        self._answered = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.refused_at = 0
        self._thread.start()
        if not self._answered.wait(ANSWER_SECONDS):
            raise SystemExit(f"no gateway answers for {model}")

    def _run(self) -> None:
        with Connection(self._port) as connection:
            while True:
                status, body, _ = connection.exchange(self._request)
                if status == 200:
                    self._answered.set()
                elif self._answered.is_set():
                    if status != 403 or b"INF-014" not in body:
                        raise SystemExit(f"a revoked version got {status}: {body[:300]!r}")
                    self.refused_at = time.monotonic_ns()
                    return
                time.sleep(0.001 if self._answered.is_set() else LOOK_SECONDS)

    def wait(self) -> int:
        """When the first refusal arrived."""
        self._thread.join(ANSWER_SECONDS)
        if not self.refused_at:
            raise SystemExit(f"a revoked version was not refused within {ANSWER_SECONDS:g} s")
        return self.refused_at


class Asking:
    """One connection on which OPA is asked by its own API what Envoy would ask it about a version."""

    def __init__(self, port: int, model: str) -> None:
        self._connection = Connection(port)
        self.about(model)

    def __enter__(self) -> Self:
        """Nothing to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._connection.__exit__()

    def about(self, model: str) -> None:
        """Ask about another version from now on."""
        headers = {
            ":authority": "models.example.com",
            ":method": "POST",
            ":path": "/v1/chat/completions",
            "authorization": f"Bearer {tenant_key(TENANT)}",
            "content-type": "application/json",
            "content-length": "42",
        }
        path = "/v1/chat/completions"
        http = {"method": "POST", "path": path, "headers": headers, "size": "42", "protocol": "HTTP/1.1"}
        metadata = {"filterMetadata": {"weighbridge.call": {"body": "json", "model": model}}}
        given = {"input": {"attributes": {"request": {"http": http}, "metadataContext": metadata}}}
        self._request = post("/v1/data/weighbridge/guard/decision", given)

    def ask(self) -> tuple[int, int]:
        """The status that the caller would get, and how many nanoseconds OPA took."""
        status, body, elapsed = self._connection.exchange(self._request)
        result = json.loads(body).get("result") if status == 200 else None
        if result is None:
            return 0, elapsed
        return (200 if result["allowed"] else int(result["http_status"])), elapsed

    def until(self, wanted: int) -> int:
        """Ask without pause until that is the answer; when it arrived, by the monotonic clock."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.ask()[0] != wanted:
            if time.monotonic() > deadline:
                raise SystemExit(f"OPA did not decide {wanted} within {ANSWER_SECONDS:g} s")
        return time.monotonic_ns()


def revoke_all(site: ControlSite, fleet: Fleet, store: Store, gateways: list[int]) -> Found:
    """Revoke all versions but the last, one an order, each when everybody has confirmed the one before."""
    moments: dict[str, tuple[list[int], int, list[int]]] = {}
    for number, name in enumerate(site.names[:-1]):
        watches = [Watch(port, name) for port in gateways]
        envelope = site.revoke(name)
        # A connection of its own: the server ends one that says nothing for a while and has shown no credential.
        with Connection(site.servers[number % len(site.servers)].port) as door:
            sent_wall, sent = time.time_ns(), time.monotonic_ns()
            submit(door, envelope)
        needed = -(-99 * (fleet.plan.clients + len(gateways)) // 100)
        stored = _until_stored(store, sent_wall, needed)
        times = _delivered(fleet, sent)
        moments[order_id(envelope)] = (times, stored, [watch.wait() for watch in watches])
        time.sleep(PAUSE_SECONDS)
    accepted, found = site.accepted(), Found()
    for identifier, (delivered, stored, refused) in moments.items():
        start = accepted[identifier]
        found.delivered += [moment - start for moment in delivered]
        found.stored.append(stored - start)
        found.refused += [moment - start for moment in refused]
    return found


def _until_stored(store: Store, since_ns: int, needed: int) -> int:
    deadline = time.monotonic() + ANSWER_SECONDS
    while store.receipts_since(since_ns) < needed:
        if time.monotonic() > deadline:
            raise SystemExit(f"{store.receipts_since(since_ns)} of {needed} receipts within {ANSWER_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic_ns()


def _delivered(fleet: Fleet, since: int) -> list[int]:
    while True:
        _, times = fleet.next_revision(ANSWER_SECONDS)
        if min(times.delivered) > since:
            return times.delivered


def real_status(site: ControlSite) -> dict[str, Any]:
    """What a real OPA posts about itself."""
    folder = site.folder / "one-status"
    (folder / "state").mkdir(parents=True)
    bundles = site.folder / "bundles" / ENVIRONMENT
    with BundleServer(folder) as server:
        server.publish(f"{ENVIRONMENT}/envoy/release.tar.gz", (bundles / "envoy" / "release.tar.gz").read_bytes())
        settings = SidecarSettings(
            environment=ENVIRONMENT,
            service_url=server.url,
            token_file=server.token_file,
            release_key=site.keys["release"].public_key(),
            live_key=site.keys["live"].public_key(),
            grpc_address=f"127.0.0.1:{free_port()}",
            state=folder / "state",
        )

        def complete(known: BundleServer) -> bool:
            return any({"live", "release"} <= status.get("bundles", {}).keys() for status in known.statuses)

        with Sidecar(settings, bundles / "guard", folder=folder):
            if not server.wait_for(complete, timeout=ANSWER_SECONDS):
                raise SystemExit("OPA told no status")
        found = [status for status in server.statuses if {"live", "release"} <= status.get("bundles", {}).keys()]
    return {name: value for name, value in found[-1].items() if name != "plugins" or value}
