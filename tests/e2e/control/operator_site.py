"""A small company: two versions of a model, a control plane as its own process, a real OPA beside each gateway."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import httpx
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.canonical import digest
from weighbridge.cli.main import cli
from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.keys import public_pem

MODEL = "kb-qa-001"
OLD, NEW = f"{MODEL}@1.0", f"{MODEL}@2.0"
TENANT_KEY = "wb_prod_k7m2p9qa_" + "x" * 43
SIDECAR_TOKEN = "wbs_" + "s" * 43
PEOPLE = ("oncall", "mlsec", "product", "stranger")
TWO = {"signers": ["mlsec", "product"], "threshold": 2}
ONE = {"signers": ["oncall"], "threshold": 1}
WAIT_SECONDS = 20.0
SERVE = [sys.executable, "-m", "weighbridge", "serve"]


def wait_for(what, *, seconds=WAIT_SECONDS):
    """What `what` gives, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)
    return found


class Site:
    """Everything in one folder; `compile` first, then `serving`, then sidecars."""

    def __init__(self, folder):
        self.folder = folder
        self.keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ci", "release", "live", *PEOPLE)}
        self.url = ""
        for name, key in self.keys.items():
            self.key(name).write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            self.public(name).write_text(public_pem(key.public_key()))

    def key(self, name):
        return self.folder / f"{name}.pem"

    def public(self, name):
        return self.folder / f"{name}.pub"

    def compile(self):
        """A catalogue with both versions approved, and what `compile` makes of it."""
        catalogue = self.folder / "catalogue"
        (catalogue / "keys").mkdir(parents=True)
        signers = {}
        for name in ("ci", *PEOPLE[:3]):
            (catalogue / "keys" / f"{name}.pub").write_text(self.public(name).read_text())
            signers[name] = {"key": f"keys/{name}.pub"}
        (catalogue / "weighbridge.yaml").write_text(json.dumps(self._configuration(signers)))
        grant = {"id": "k7m2p9qa", "sha256": f"sha256:{hashlib.sha256(TENANT_KEY.encode()).hexdigest()}"}
        tenants = {
            "acme": {
                "environments": {"prod": {"models": [MODEL], "keys": [{**grant, "not_after": "2036-01-01T00:00:00Z"}]}}
            }
        }
        (catalogue / "tenants.yaml").write_text(
            json.dumps({"apiVersion": "weighbridge.dev/v1", "kind": "Tenants", "tenants": tenants})
        )
        for number in ("1.0", "2.0"):
            self._package(catalogue, number)
        run("compile", catalogue, "--release-key", self.key("release"), "--output", self.folder / "bundles")
        return self

    def _configuration(self, signers):
        restricting = ("revoke", "freeze", "suspend", "revoke-key", "route", "distrust")
        upstream = "http://127.0.0.1:9"
        package = "https://weighbridge.dev/package/v1"
        return {
            "apiVersion": "weighbridge.dev/v1",
            "kind": "Catalogue",
            "trust": {"signers": signers},
            "attestations": {
                "packaged": {"predicate": package, "about": "model", "signers": ["ci"], "rule": "package"}
            },
            "environments": {
                "prod": {
                    "orders": {**dict.fromkeys(restricting, ONE), **dict.fromkeys(("restore", "thaw", "resume"), TWO)},
                    "routes": {"kb-qa": {"models": [MODEL], "active": NEW}},
                    "upstreams": {OLD: upstream, NEW: upstream},
                    "calls": {"paths": {"POST /v1/chat/completions": {"model": "body"}}},
                }
            },
        }

    def _package(self, catalogue, number):
        model = self.folder / f"model-{number}"
        model.mkdir()
        (model / "model.onnx").write_text(f"weights {number}")
        (model / "README.md").write_text(f"---\nlicense: mit\n---\n# {MODEL}\n")
        target = catalogue / "models" / MODEL / number
        run("package", model, "--model", MODEL, "--version", number, "--key", self.key("ci"), "--output", target)

    @contextlib.contextmanager
    def serving(self, *, release=("release",), live=("live",), past=(), port=0):
        """A control plane, from its start to its end; what it stores stays for the next."""
        port = port or free_port()
        clients = [
            {
                "name": "sidecars",
                "role": "sidecar",
                "environment": "prod",
                "cluster": "eu-1",
                "token_sha256": digest(SIDECAR_TOKEN.encode()),
            }
        ]
        (self.folder / "clients.yaml").write_text(json.dumps({"clients": clients}))
        arguments = [
            "--listen", f"127.0.0.1:{port}", "--bundles", self.folder / "bundles",
            *(part for name in release for part in ("--release-key", self.public(name))),
            *(part for name in live for part in ("--live-key", self.key(name))),
            *(part for name in past for part in ("--past-live-key", self.public(name))),
            "--clients", self.folder / "clients.yaml", "--database", self.folder / "control.db",
            "--decision-logs", self.folder / "decisions",
        ]  # fmt: skip
        log = (self.folder / "serve.log").open("ab")
        # In a process group of its own: what a test interrupts is the command that it runs.
        process = subprocess.Popen(
            [*SERVE, *map(str, arguments)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: process.poll() is not None or self._ready())
            assert process.poll() is None, (self.folder / "serve.log").read_text()
            yield self.url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            log.close()

    def _ready(self):
        try:
            return httpx.get(f"{self.url}/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    @contextlib.contextmanager
    def sidecar(self, name):
        """A real OPA with the shipped configuration; it has live data when this is entered."""
        folder = self.folder / name
        (folder / "state").mkdir(parents=True)
        (folder / "token").write_text(SIDECAR_TOKEN)
        settings = SidecarSettings(
            environment="prod",
            service_url=self.url,
            token_file=folder / "token",
            release_key=self.keys["release"].public_key(),
            live_key=self.keys["live"].public_key(),
            grpc_address=f"127.0.0.1:{free_port()}",
            state=folder / "state",
        )
        with Sidecar(settings, self.folder / "bundles" / "prod" / "guard", folder=folder) as sidecar:
            wait_for(lambda: ask(sidecar)[0] == 200)
            yield sidecar

    def start(self, *arguments, **variables):
        """A command as an operator starts it: a process, whose standard output and error are one text."""
        return subprocess.Popen(
            [sys.executable, "-m", "weighbridge", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "WEIGHBRIDGE_SERVER": self.url, "XDG_STATE_HOME": str(self.folder), **variables},
        )

    def order(self, *arguments, key="oncall", status=0):
        """An ordering command in prod, with keys to verify by; its output."""
        more = ("--environment", "prod", "--reason", "bad answers", "--key", self.key(key), *self.verifying)
        return run(*arguments, "--server", self.url, *more, status=status)

    @property
    def verifying(self):
        """Options by which what the server says is verified."""
        return ("--release-key", self.public("release"), "--live-key", self.public("live"))


def ask(sidecar, model="kb-qa"):
    """The status, codes and upstream of a call for a model, as Envoy would be told."""
    headers = {
        ":authority": "models.example.com",
        ":method": "POST",
        ":path": "/v1/chat/completions",
        "authorization": f"Bearer {TENANT_KEY}",
        "content-type": "application/json",
        "content-length": "42",
    }
    http = {"method": "POST", "path": "/v1/chat/completions", "headers": headers, "size": "42", "protocol": "HTTP/1.1"}
    metadata = {"filterMetadata": {"weighbridge.call": {"body": "json", "model": model}}}
    given = {"input": {"attributes": {"request": {"http": http}, "metadataContext": metadata}}}
    url = f"{sidecar.api_url}/v1/data/weighbridge/guard/decision"
    result = httpx.post(url, json=given, trust_env=False).json()["result"]
    codes = (result.get("dynamic_metadata") or {}).get("codes", "")
    headers = result.get("headers", {})
    return (200 if result["allowed"] else result["http_status"], codes, headers.get("x-weighbridge-route", ""))


def run(*arguments, status=0):
    """A command in this process; its output."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.output
