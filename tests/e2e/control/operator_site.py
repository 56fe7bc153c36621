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
from pathlib import Path

import httpx
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

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


def run(*arguments, status=0):
    """A command in this process; its output."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.output
