"""From the order that a person signs, through the real control plane and agent, to the pod that is refused."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from weighbridge.canonical import digest
from weighbridge.engines.cluster.client import until
from weighbridge.engines.process import free_port
from weighbridge.keys import public_pem

from .agent_parts import TOKEN, give_rights, make_agent
from .conftest import ROOT, pod
from .test_agent import cleared, now, runs

pytestmark = pytest.mark.engines
__all__ = ["cleared"]
KEYS = ROOT / "examples" / "keys"
PRIVATE = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


class Served:
    """`weighbridge serve` over what the site compiled, with the keys that the cluster's constraints know."""

    def __init__(self, site, folder):
        self.folder, self.url = folder, f"http://127.0.0.1:{free_port()}"
        # The cluster's clock stands still, as the rules' does, and the control plane's goes on: its files say so.
        bundles = shutil.copytree(site.folder, folder / "bundles")
        index = json.loads((bundles / "index.json").read_text())
        (bundles / "index.json").write_text(json.dumps({**index, "clock": "real"}))
        (folder / "live.pem").write_bytes(site.live_key.private_bytes(*PRIVATE))
        for name, key in (("release", site.release_key), ("live", site.live_key)):
            (folder / f"{name}.pub").write_text(public_pem(key.public_key()))
        bound = {"environment": "prod", "cluster": "east", "token_sha256": digest(TOKEN.encode())}
        clients = {"clients": [{"name": "agent", "role": "agent", **bound}]}
        (folder / "clients.yaml").write_text(json.dumps(clients))
        self.command = [sys.executable, "-m", "weighbridge", "serve", f"--listen={self.url[7:]}",
                        f"--bundles={bundles}", "--allow-example-keys", f"--release-key={folder}/release.pub",
                        f"--live-key={folder}/live.pem", f"--clients={folder}/clients.yaml",
                        f"--database={folder}/control.db", f"--decision-logs={folder}/decisions"]  # fmt: skip

    @contextlib.contextmanager
    def running(self):
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=log)
            try:
                until(lambda: process.poll() is not None or self.ready(), "ready")
                assert process.poll() is None, (self.folder / "serve.log").read_text()
                yield self
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(20)

    def ready(self):
        try:
            return httpx.get(f"{self.url}/ready", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def call(self, *arguments):
        given = ["--server", self.url, "--key", str(KEYS / "example-only-oncall.pem"), "--environment", "prod"]
        command = [sys.executable, "-m", "weighbridge", *arguments, *given]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def revoke(self, version):
        verifying = ["--release-key", str(self.folder / "release.pub"), "--live-key", str(self.folder / "live.pub")]
        return self.call("revoke", version, "--reason=a test's", "--yes", "--wait=20s", *verifying)


def test_an_order_reaches_the_cluster_and_everybody_sees_it(site, tmp_path, cleared):
    give_rights(site)
    top, _, _ = runs(site)
    with Served(site, tmp_path).running() as served:
        agent = make_agent(site, served, tmp_path)
        agent.start()
        until(lambda: agent.held and site.codes(pod()) == set(), "begun")
        result = served.revoke("magika@3.3.0")
        assert result.returncode == 0, result.stdout + result.stderr
        assert "all have confirmed: 1 of 1" in result.stdout
        assert site.codes(pod()) == {"MOD-006"}
        until(lambda: "report Deployment models/magika" in served.call("fleet", "--format=json").stdout, "told")
        (point,) = json.loads(served.call("fleet", "--format=json").stdout)["environments"][0]["points"]
        assert (point["kind"], point["cluster"], point["status"]) == ("agent", "east", "current")
        agent.stop()
    assert now(site, top)["spec"]["replicas"] == 3
