"""A real Envoy, the real OPA with the guard, signed bundles of the example, and a server that says what arrives."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from weighbridge.catalogue.names import parse_time_ns
from weighbridge.harness.fixtures import Fixture, FixtureDocument
from weighbridge.harness.points import exchange
from weighbridge.harness.stage import Stage

ROOT = Path(__file__).parents[3]
AT = "2026-01-15T00:00:00Z"
CHAT = "/v1/chat/completions"
PROMPT = "the prompt that nobody but the model may see"


def tenant_key(key_id):
    keys = yaml.safe_load((ROOT / "examples" / "example-only-tenant-keys.yaml").read_text())["keys"]
    return next(entry["key"] for entry in keys if entry["id"] == key_id)


ACME, GLOBEX = tenant_key("k7m2p9qa"), tenant_key("g4b9x2ue")


@dataclass
class Answer:
    status: int
    headers: dict
    text: str
    json: dict = field(default_factory=dict)

    @property
    def code(self):
        return self.json.get("error", {}).get("code", "")

    @property
    def codes(self):
        return self.json.get("error", {}).get("codes", [])

    @property
    def route(self):
        """The route by which the call arrived at a model's server; None if it did not."""
        return self.headers.get("x-harness-arrived")


class Gateway:
    def __init__(self, stage, port=None):
        self.stage = stage
        self.port = port or stage.envoy_port()

    def raw(self, data):
        status, headers, text = exchange(self.port, data)
        try:
            document = json.loads(text)
        except ValueError:
            document = {}
        return Answer(status, headers, text, document)

    def send(self, body=b"", *, path=CHAT, method="POST", key=ACME, headers=(), content_type="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", "host: gateway", "connection: close", *headers]
        head += [f"authorization: Bearer {key}"] if key else []
        head += [f"content-type: {content_type}"] if content_type else []
        if body and not any(name.lower().startswith(("content-length", "transfer-encoding")) for name in headers):
            head.append(f"content-length: {len(body)}")
        return self.raw("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def chat(**changes):
    call = {"model": "content-type", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 16}
    return {**call, **changes}


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    at_ns = parse_time_ns(AT)
    folder = tmp_path_factory.mktemp("stage")
    with Stage(ROOT / "examples" / "catalogue", "prod", at_ns=at_ns, now_ns=at_ns, folder=folder) as stage:
        document = {"environment": "prod", "request": {"path": CHAT}, "expect": {"allowed": True}}
        stage.set_live(Fixture("baseline", FixtureDocument.model_validate(document)))
        yield stage


@pytest.fixture(scope="session")
def gateway(stage):
    return Gateway(stage)
