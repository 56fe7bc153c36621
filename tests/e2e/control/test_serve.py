"""`weighbridge serve` as a process of its own, with the real OPA as it ships beside it."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from weighbridge.canonical import digest
from weighbridge.catalogue.names import format_time
from weighbridge.control.order import sign_order
from weighbridge.engines.process import free_port

from .operator_site import SERVE, SIDECAR_TOKEN, TENANT_KEY, Site, ask, wait_for

READER = "wbs_" + "r" * 43
pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("company")).compile()


class Served:
    """The command, running."""

    def __init__(self, company, folder, port):
        self.company, self.log = company, folder / "serve.log"
        self.url = company.url = f"http://127.0.0.1:{port}"
        clients = [
            {"name": "sidecars", "role": "sidecar", "environment": "prod", "cluster": "eu-1",
             "token_sha256": digest(SIDECAR_TOKEN.encode())},
            {"name": "board", "role": "reader", "token_sha256": digest(READER.encode())},
        ]  # fmt: skip
        self.clients = folder / "clients.yaml"
        self.clients.write_text(json.dumps({"clients": clients}))
        config = folder / "serve.yaml"
        config.write_text(
            json.dumps(
                {
                    "listen": "127.0.0.1:1", "bundles": str(company.folder / "bundles"),
                    "release_key": [str(company.public("release"))], "live_key": [str(company.key("live"))],
                    "clients": str(self.clients), "database": str(folder / "control.db"),
                    "decision_logs": str(folder / "decisions"), "publish": [f"dir:{folder / 'mirror'}"],
                }
            )
        )  # fmt: skip
        (folder / "mirror").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [*SERVE, "--config", str(config), "--listen", f"127.0.0.1:{port}"],
            stderr=self.log.open("ab"),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "WEIGHBRIDGE_SERVE_LISTEN": "127.0.0.1:2"},
        )

    def get(self, path, token=READER):
        return httpx.get(self.url + path, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30)

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            return self.get("/ready").status_code == 200
        return False

    def order(self, kind, target, *signers, **fields):
        predicate = {
            "id": f"6f0d2a5c-0f6a-4f0e-9a55-{time.time_ns() % 16**12:012x}", "kind": kind, "target": target,
            "environments": ["prod"], "reason": "bad answers", "reference": "INC-1",
            "issued_at": format_time(time.time_ns()), **fields,
        }  # fmt: skip
        body = sign_order(predicate, [self.company.keys[name] for name in signers])
        answer = httpx.post(f"{self.url}/v1/orders", content=body, trust_env=False)
        return predicate["id"], answer.status_code, answer.json()["results"][0]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(6)


@contextlib.contextmanager
def served(company, folder, port):
    running = Served(company, folder, port)
    try:
        wait_for(running.ready)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def test_from_the_first_start_to_a_restart(company, tmp_path):
    port = free_port()
    with served(company, tmp_path, port) as server, company.sidecar("gateway") as sidecar:
        assert ask(sidecar)[0] == 200
        log = server.get("/v1/environments/prod/log.jsonl")
        assert (log.status_code, log.headers["content-type"]) == (200, "application/jsonl")
        order, status, result = server.order("freeze", "kb-qa-001@2.0", "oncall")
        assert (status, result["outcome"]) == (200, "accepted")
        # The alias goes to the version before, by itself.
        wait_for(lambda: ask(sidecar)[2] == "kb-qa-001@1.0")
        assert ask(sidecar, "kb-qa-001@2.0")[0] == 403
        path = f"/v1/environments/prod/fleet?order={order}"
        wait_for(lambda: server.get(path).json()["orders"][0]["confirmed"])
        view = server.get(path).json()
        assert [(point["cluster"], point["status"]) for point in view["points"]] == [("eu-1", "current")]
        assert server.order("freeze", "kb-qa-001@1.0", "stranger")[1:][0] == 422
        wait_for(lambda: "decision_id" in "".join(file.read_text() for file in (tmp_path / "decisions").iterdir()))
        wait_for((tmp_path / "mirror/prod/live.tar.gz").exists)
        # OPA waits; the end answers it, and is no failure.
        started = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - started < 5
        assert ask(sidecar)[2] == "kb-qa-001@1.0"
        with served(company, tmp_path, port) as again:
            assert again.order("thaw", "kb-qa-001@2.0", "mlsec", "product", undoes=order)[2]["outcome"] == "accepted"
            wait_for(lambda: ask(sidecar)[2] == "kb-qa-001@2.0")
            wait_for(lambda: again.get("/v1/environments/prod/fleet").json()["counts"]["current"] == 1)
            metrics = again.get("/metrics").text
            for name in (
                "log_entries",
                "serve_orders_total",
                "serve_waiters",
                "live_not_after_seconds",
                "alarms_total",
            ):
                assert f"weighbridge_{name}" in metrics
            assert again.end() == 0
    told = (tmp_path / "serve.log").read_text()
    messages = [json.loads(line)["message"] for line in told.splitlines()]
    assert messages.count("listening") == messages.count("ended") == 2
    everything = told + "".join(file.read_text() for file in (tmp_path / "decisions").iterdir())
    for secret in (TENANT_KEY, SIDECAR_TOKEN, READER, "PRIVATE KEY"):
        assert secret not in everything


def test_credentials_are_read_again_and_a_second_signal_ends_at_once(company, tmp_path):
    with served(company, tmp_path, free_port()) as server:
        path = "/bundles/prod/live.tar.gz"
        tag = server.get(path).headers["etag"]

        async def waiting():
            headers = {"authorization": f"Bearer {READER}", "if-none-match": tag, "prefer": "wait=25"}
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
                poll = asyncio.create_task(client.get(path, headers=headers))
                while "weighbridge_serve_waiters 1.0" not in (await asyncio.to_thread(server.get, "/metrics")).text:
                    await asyncio.sleep(0.02)
                server.clients.write_text("clients: []\n")
                server.process.send_signal(signal.SIGHUP)
                return await poll

        assert asyncio.run(waiting()).status_code == 401
        assert server.get(path).status_code == 401
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "ending" in server.log.read_text())
        assert server.end() == 1


def command(*arguments, **variables):
    return subprocess.run(
        [*SERVE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **variables},
    )  # fmt: skip


def test_what_cannot_be_served_is_told_before_anything_is_opened(company, tmp_path):
    keys = ("--release-key", company.public("release"), "--live-key", company.key("live"))
    clients = tmp_path / "clients.yaml"
    made = command("token", "--name", "one", "--environment", "prod", "--cluster", "east")
    token = re.search(r"wbs_[\w-]{43}", made.stdout).group()
    clients.write_text("clients:\n  " + next(line for line in made.stdout.splitlines() if line.startswith("- ")) + "\n")
    assert token not in clients.read_text()
    database = tmp_path / "control.db"
    well = command(*keys, "--clients", clients, "--database", database, "--check-config")
    assert (well.returncode, well.stderr) == (0, ""), well.stderr
    assert not database.exists()
    refused = command(*keys, "--clients", clients, "--listen", "0.0.0.0:8282", "--check-config")
    assert refused.returncode == 2
    assert "--insecure-listen" in refused.stderr
    clients.write_text("clients: [{name: one, role: sidecar}]\n")
    wrong = command("--clients", clients, WEIGHBRIDGE_SERVE_LISTEN="nowhere")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    database.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    clients.write_text("clients: []\n")
    broken = command(*keys, "--clients", clients, "--database", database, "--listen", "127.0.0.1:0")
    assert broken.returncode == 2
    assert "Traceback" not in broken.stderr
    assert str(database) in broken.stderr


def test_keys_of_the_example_are_refused(tmp_path):
    clients = tmp_path / "clients.yaml"
    clients.write_text("clients: []\n")
    keys = Path(__file__).parents[3] / "examples" / "keys"
    live, release = keys / "example-only-live.pem", keys / "example-only-release.pub"
    given = ("--clients", clients, "--check-config", "--live-key", live, "--release-key", release)
    assert "key of the example" in command(*given).stderr
    assert command(*given, "--allow-example-keys").returncode == 0
