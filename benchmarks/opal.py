"""Publication to changed decision, ours and OPAL's side by side: PyPI's opal-server and opal-client, each with an OPA.

Both do the same job: a version is revoked, and an OPA that answered for it refuses. The clock runs from before the
request that publishes (an order to `weighbridge serve`; an inline data update to opal-server, the quickest of its ways)
to the first changed answer of the OPA, which is asked without pause on one connection. They take turns, all of it on
one machine. Ours verifies a signature, judges, writes to disk and signs a bundle meanwhile, and OPA verifies that;
OPAL's runs without authentication and keeps nothing. With 100 clients there are 99 more of the same protocol in one
process: ours long-poll both bundles and post statuses as OPA does, OPAL's are its own `PubSubClient`s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import httpx

from benchmarks.control_site import ControlSite, submit
from benchmarks.fleet import Fleet, ticks
from benchmarks.gateway import upstream
from benchmarks.killswitch import both_bundles
from benchmarks.load import Connection, percentile, post
from benchmarks.pollers import Plan
from benchmarks.report import Report, Target
from benchmarks.revoking import PAUSE_SECONDS, Asking, real_status
from weighbridge.engines.locate import require
from weighbridge.engines.process import EngineProcess, free_port

ROOT = Path(__file__).parents[1]
TARGETS = tuple(Target(f"{clients}_{share}_ratio", 1.0) for clients in (1, 100) for share in ("p50", "p99"))
ANSWER_SECONDS = 60.0
_TOPIC = "policy_data"
_RULE = """package bench

default allowed := true

allowed := false if data.live[input.model]
"""
_FOLLOWERS = f"""
import asyncio, sys
from fastapi_websocket_pubsub import PubSubClient

async def main(url, count):
    async def seen(data, topic):
        pass

    clients = [PubSubClient(["{_TOPIC}"], seen) for _ in range(count)]
    for client in clients:
        client.start_client(url)
    for client in clients:
        await client.wait_until_ready()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def run(versions: int = 100, rounds: int = 60) -> Report:
    """Measure.

    Args:
        versions: clients of the larger fleet.
        rounds: revocations of each, with one client and again with all.
    """
    report = Report("opal", TARGETS)
    report.notes = {"versions": versions, "rounds": rounds, "load_before": round(os.getloadavg()[0], 1)}
    programs = _environment()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wb-bench-", dir="/tmp")))
        url = stack.enter_context(upstream(folder / "upstream"))
        (folder / "ours").mkdir()
        ours = Ours(ControlSite(folder / "ours", stack, url, 2 * rounds + 1), versions, stack)
        (folder / "opal").mkdir()
        opal = Opal(folder / "opal", programs, stack)
        for clients in (1, 100):
            if clients > 1:
                ours.follow(versions - 1)
                opal.follow(versions - 1)
                time.sleep(3)
            times: tuple[list[int], list[int]] = ([], [])
            for _ in range(rounds):
                for found, revoke in zip(times, (ours.revoke, opal.revoke), strict=True):
                    found.append(revoke())
                    time.sleep(PAUSE_SECONDS / 2)
            _add(report, clients, *times)
    report.notes["load_after"] = round(os.getloadavg()[0], 1)
    return report


def _add(report: Report, clients: int, ours: list[int], opal: list[int]) -> None:
    for name, values in (("ours", ours), ("opal", opal)):
        report.add(f"{name}, clients: {clients}", "ms", [value / 1e6 for value in values])
        for share, title in ((0.5, "p50"), (0.99, "p99")):
            report.figures[f"{clients}_{name}_{title}_ms"] = percentile(values, share) / 1e6
    for share, title in ((0.5, "p50"), (0.99, "p99")):
        report.figures[f"{clients}_{title}_ratio"] = percentile(ours, share) / percentile(opal, share)


class Ours:
    """`weighbridge serve` and an OPA as it is deployed."""

    def __init__(self, site: ControlSite, clients: int, stack: contextlib.ExitStack) -> None:
        self._site, self._stack = site, stack
        self._server = site.serve(str(site.folder / "control.db"), clients)
        opa = site.sidecar("opa", self._server)
        self._asking = stack.enter_context(Asking(opa.api_port, site.names[0]))
        self._next = 0

    def follow(self, count: int) -> None:
        """So many clients more."""
        site, port = self._site, self._server.port
        plan = Plan([port], count, both_bundles(), [site.token], real_status(site), ticks(), count)
        self._stack.enter_context(Fleet(plan)).next_revision(ANSWER_SECONDS)

    def revoke(self) -> int:
        """Revoke the next version: nanoseconds until OPA refuses it."""
        name = self._site.names[self._next]
        self._next += 1
        self._asking.about(name)
        self._asking.until(200)
        envelope = self._site.revoke(name)
        # The server ends a connection that says nothing for a while and has shown no credential.
        with Connection(self._server.port) as door:
            started = time.monotonic_ns()
            submit(door, envelope)
            return self._asking.until(403) - started


class Opal:
    """opal-server, opal-client, and the OPA that it keeps."""

    def __init__(self, folder: Path, programs: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._programs, self._stack = folder, programs, stack
        self._next = 0
        self._port, opa_port = free_port(), free_port()
        (folder / "rule.rego").write_text(_RULE, "utf-8")
        options = ["--server", f"--addr=127.0.0.1:{opa_port}", "--skip-version-check", "--log-level=error"]
        self._start("opa", [require("opa").path, "run", *options, folder / "rule.rego"], {})
        server = {
            "OPAL_SERVER_HOST": "127.0.0.1",
            "OPAL_SERVER_PORT": str(self._port),
            "OPAL_SERVER_BIND_PORT": str(self._port),
            "OPAL_SERVER_WORKER_COUNT": "1",
            "OPAL_REPO_WATCHER_ENABLED": "false",
            "OPAL_DATA_CONFIG_SOURCES": '{"config": {"entries": []}}',
        }
        self._start("server", [programs / "opal-server", "run"], server)
        _wait(f"http://127.0.0.1:{self._port}/healthcheck")
        client = {
            "OPAL_SERVER_URL": f"http://127.0.0.1:{self._port}",
            "OPAL_DEFAULT_DATA_SOURCES_CONFIG_URL": f"http://127.0.0.1:{self._port}/data/config",
            "OPAL_POLICY_STORE_URL": f"http://127.0.0.1:{opa_port}",
            "OPAL_INLINE_OPA_ENABLED": "false",
            "OPAL_POLICY_UPDATER_ENABLED": "false",
            "OPAL_CLIENT_API_SERVER_HOST": "127.0.0.1",
            "OPAL_CLIENT_API_SERVER_PORT": str(free_port()),
        }
        self._start("client", [programs / "opal-client", "run"], client)
        self._opa = stack.enter_context(Connection(opa_port))
        self._warm()

    def _start(self, name: str, command: list[str | Path], variables: dict[str, str]) -> None:
        home = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder), "OPAL_BASE_DIR": str(self._folder)}
        log = self._folder / f"{name}.log"
        process = EngineProcess(name, command, environment={**home, **variables}, log=log)
        self._stack.callback(process.stop)

    def follow(self, count: int) -> None:
        """So many subscribers more."""
        command: list[str | Path] = [
            self._programs / "python",
            "-c",
            _FOLLOWERS,
            f"ws://127.0.0.1:{self._port}/ws",
            str(count),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("OPAL's subscribers did not start")

    def revoke(self) -> int:
        """Revoke the next version: nanoseconds until OPA refuses it."""
        name, self._next = f"m{self._next}", self._next + 1
        with Connection(self._port) as door:
            started = time.monotonic_ns()
            _publish(door, name)
            if not self._refused(name, ANSWER_SECONDS):
                raise SystemExit("OPAL's update did not arrive")
            return time.monotonic_ns() - started

    def _warm(self) -> None:
        """Until the client listens."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            with Connection(self._port) as door:
                _publish(door, "warm")
            if self._refused("warm", 1.0):
                return
            if time.monotonic() > deadline:
                raise SystemExit("opal-client did not start")

    def _refused(self, name: str, seconds: float) -> bool:
        request = post("/v1/data/bench/allowed", {"input": {"model": name}})
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            _, body, _ = self._opa.exchange(request)
            if json.loads(body)["result"] is False:
                return True
        return False


def _publish(door: Connection, name: str) -> None:
    entry = {
        "url": "",
        "data": {"revoked": True},
        "dst_path": f"/live/{name}",
        "topics": [_TOPIC],
        "save_method": "PUT",
    }
    status, body, _ = door.exchange(post("/data/config", {"entries": [entry], "reason": "a benchmark"}))
    if status != 200:
        raise SystemExit(f"opal-server answered {status}: {body[:300]!r}")


def _environment() -> Path:
    """The folder of OPAL's programs: a virtual environment made from the lock file, once."""
    lock = ROOT / "requirements" / "opal.lock"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weighbridge"
    folder = cache / f"opal-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        print("making OPAL's virtual environment", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command: list[str | Path] = [folder / "bin" / "pip", "install", "--quiet", "--require-hashes", "-r", lock]
        subprocess.run(command, check=True)
        (folder / "complete").touch()
    return folder / "bin"


def _wait(url: str) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")
