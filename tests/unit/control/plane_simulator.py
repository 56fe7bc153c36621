"""A control plane that says what a test wants it to say, over real HTTP on loopback, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from weighbridge.bundle.archive import bundle_archive
from weighbridge.bundle.control import ROOTS
from weighbridge.bundle.release import KEYID
from weighbridge.bundle.signing import DATA, MANIFEST, data_file, manifest, release_scope, sign_bundle
from weighbridge.catalogue.names import NEVER_NS
from weighbridge.evidence.dsse import parse_envelope
from weighbridge.harness.serving import AppServer
from weighbridge.keys import public_pem

RELEASE = ec.generate_private_key(ec.SECP256R1())
LIVE = ec.generate_private_key(ec.SECP256R1())
ONCALL, MLSEC, PRODUCT, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
DIGESTS = {name: f"sha256:{letter * 64}" for name, letter in (("kb@1", "1"), ("kb@2", "2"), ("chat@1", "3"))}
REVISION = f"sha256:{'a' * 64}"


def version(name, *, approved=True, since=1, signers=("ci",), lineage=(), images=()):
    return {
        "digest": DIGESTS[name],
        "approved": approved,
        "served": True,
        "since": since if approved else None,
        "not_after": NEVER_NS if approved else 0,
        "images": list(images),
        "signers": list(signers) if approved else [],
        "lineage": list(lineage),
    }


def control_document(environment="prod", **changes):
    one = {
        name: {"keys": {"oncall": public_pem(ONCALL.public_key())}, "threshold": 1}
        for name in ("revoke", "freeze", "suspend", "revoke-key", "route", "distrust")
    }
    two = {
        name: {
            "keys": {"mlsec": public_pem(MLSEC.public_key()), "product": public_pem(PRODUCT.public_key())},
            "threshold": 2,
        }
        for name in ("restore", "thaw", "resume")
    }
    document = {
        "environment": environment,
        "authority": {**one, **two},
        "routes": {"qa": {"models": ["kb"], "active": "kb@2"}},
        "versions": {
            "kb@1": version("kb@1", lineage=["hf://base@1"]),
            "kb@2": version(
                "kb@2", since=2, signers=("ci", "eval"), lineage=["hf://base@1"], images=[f"sha256:{'9' * 64}"]
            ),
            "chat@1": version("chat@1", approved=False),
        },
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
    }
    return {**document, **changes}


def control_bundle(document=None, key=RELEASE):
    document = control_document() if document is None else document
    files = {
        MANIFEST: manifest(REVISION, ROOTS),
        DATA: data_file({"weighbridge": {"control": document}}),
    }
    scope = release_scope(document["environment"])
    return bundle_archive(sign_bundle(files, key, algorithm="ES256", keyid=KEYID, scope=scope))


class Simulator:
    """What it answers is set by the test; every attribute may be replaced at any time."""

    def __init__(self):
        self.forget()

    def forget(self):
        """Begin anew."""
        self.environments = ["prod"]
        self.controls = {"prod": control_bundle()}
        self.outcomes = {}
        """By environment; what is not here is accepted."""
        self.results = None
        """All results, in place of those above; bytes are sent as they are."""
        self.orders = []
        self.active = {"qa": "kb@2"}
        self.logs = {}
        self.views = []
        """Fleet views, one after the other; the last one stays."""
        self.received = []
        self.read = []
        self.status = 200
        self.called = threading.Event()

    def app(self):
        get = {
            "/v1/orders": self._orders,
            "/v1/orders/{id}": self._order,
            "/v1/environments": lambda request: _json({"environments": self.environments}),
            "/v1/environments/{name}": self._environment,
            "/v1/environments/{name}/control.tar.gz": lambda request: _bytes(
                self.controls.get(request.path_params["name"])
            ),
            "/v1/environments/{name}/log.jsonl": lambda request: _bytes(self.logs.get(request.path_params["name"])),
            "/v1/environments/{name}/fleet": self._fleet,
        }
        routes = [Route(path, self._reading(answer)) for path, answer in get.items()]
        return Starlette(routes=[Route("/v1/orders", self._submit, methods=["POST"]), *routes])

    def _reading(self, answer):
        async def endpoint(request):
            self.read.append((request.url.path, request.headers.get("authorization", "")))
            return answer(request)

        return endpoint

    async def _submit(self, request):
        body = await request.body()
        self.received.append(body)
        self.called.set()
        if isinstance(self.results, bytes):
            return Response(self.results, self.status)
        if self.results is not None:
            return _json({"results": self.results}, self.status)
        predicate = json.loads(parse_envelope(body, "order").payload)["predicate"]
        accepted = {"outcome": "accepted", "number": 7, "sequence": 70}
        results = [{"environment": name, **self.outcomes.get(name, accepted)} for name in predicate["environments"]]
        return _json({"results": results}, self.status)

    def _orders(self, request):
        asked = request.query_params.get("environment")
        everything = request.query_params.get("all") == "true"
        found = [
            order
            for order in self.orders
            if asked in {None, order["environment"]}
            and (everything or order["state"] in {"in-force", "pending", "compiled-in"})
        ]
        return _json({"orders": found})

    def _order(self, request):
        found = [order for order in self.orders if order["id"] == request.path_params["id"]]
        return _json({"orders": found}) if found else _json({"error": {"code": "not_found"}}, 404)

    def _environment(self, request):
        return _json(
            {
                "environment": request.path_params["name"],
                "revision": "prod-live-1-0",
                "sequence": 1,
                "not_after": "2030-01-01T00:00:00Z",
                "releases": [REVISION],
                "active": self.active,
                "log_entries": 1,
            }
        )

    def _fleet(self, request):
        if not self.views:
            return _json({"error": {"code": "not_found"}}, 404)
        view = self.views[0]
        if len(self.views) > 1:
            self.views.pop(0)
        body = view(request) if callable(view) else view
        tag = f'"{hash(body)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return Response(body, headers={"etag": tag}, media_type="application/json")


def _json(document, status=200):
    return Response(json.dumps(document), status, media_type="application/json")


def _bytes(data):
    return Response(data) if data is not None else _json({"error": {"code": "not_found", "message": "not there"}}, 404)


@contextmanager
def simulated(simulator=None):
    """The simulator, serving; with its URL."""
    simulator = simulator or Simulator()
    with AppServer(simulator.app()) as server:
        yield simulator, f"http://{server.address}"


def write_keys(folder):
    """Every key of this module as PEM, by name; private ones, and the public halves of release and live key."""
    private = {"oncall": ONCALL, "mlsec": MLSEC, "product": PRODUCT, "stranger": STRANGER}
    files = {}
    for name, key in private.items():
        files[name] = folder / f"{name}.key"
        files[name].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    for name, key in {"release": RELEASE, "live": LIVE}.items():
        files[name] = folder / f"{name}.pub"
        files[name].write_text(public_pem(key.public_key()))
    return files
