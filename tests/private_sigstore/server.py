"""The private instance over HTTP on 127.0.0.1: what `sigstore` clients ask of Fulcio, Rekor v1 and v2, and a TSA."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from base64 import b64decode
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from tests.private_sigstore.instance import IDENTITY, ISSUER, Instance
from tests.private_sigstore.log import dsse_body, hashedrekord_body

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = secrets.token_hex(32)
START = {"start": "2025-01-01T00:00:00Z"}


def token(identity: str = IDENTITY, issuer: str = ISSUER, **claims: Any) -> str:
    """An OIDC token that this Fulcio believes."""
    now = datetime.now(UTC)
    given = {"iss": issuer, "sub": identity, "aud": "sigstore", "iat": now, "exp": now + timedelta(minutes=5)}
    return jwt.encode(given | claims, SECRET, algorithm="HS256")


def configuration(instance: Instance, base: str, rekor: int = 1, stamped: bool = True) -> dict[str, Any]:
    """`ClientTrustConfig`: the trusted root, and where the services are."""

    def service(path: str = "", version: int = 1) -> list[dict[str, Any]]:
        return [{"url": base + path, "majorApiVersion": version, "validFor": START, "operator": "example.com"}]

    signing = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service(),
        "oidcUrls": [],
        "rekorTlogUrls": service(version=rekor),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": service("/api/v1/timestamp") if stamped else [],
        "tsaConfig": {"selector": "ANY"},
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": instance.trusted_root(),
        "signingConfig": signing,
    }


@contextmanager
def serve(instance: Instance) -> Iterator[str]:
    """Serve the instance; yields `http://127.0.0.1:<port>`."""

    class Handler(_Handler):
        sigstore = instance

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    sigstore: Instance

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answers = {
            "/api/v2/signingCert": self._certificate,
            "/api/v1/log/entries": self._entry_v1,
            "/api/v2/log/entries": self._entry_v2,
        }
        if self.path == "/api/v1/timestamp":
            self._send(201, self.sigstore.timestamp(body))
        elif self.path in answers:
            status, answer = answers[self.path](json.loads(body))
            self._send(status, json.dumps(answer).encode())
        else:
            self._send(404, b"{}")

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        reply = "application/timestamp-reply" if self.path.endswith("timestamp") else "application/json"
        self.send_header("Content-Type", reply)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _certificate(self, request: dict[str, Any]) -> tuple[int, Any]:
        raw = self.headers["Authorization"].removeprefix("Bearer ")
        try:
            claims = jwt.decode(raw, SECRET, algorithms=["HS256"], audience="sigstore")
        except jwt.InvalidTokenError as error:
            return 401, {"message": str(error)}
        key = _proven_key(request, claims["sub"])
        leaf = self.sigstore.certificate(key, claims["sub"], claims["iss"], at=datetime.now(UTC))
        chain = [each.public_bytes(Encoding.PEM).decode() for each in (leaf, self.sigstore.ca, self.sigstore.root)]
        return 200, {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def _entry_v1(self, request: dict[str, Any]) -> tuple[int, Any]:
        content = request["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        body = dsse_body(envelope, b64decode(envelope["payload"]), b64decode(content["verifiers"][0]))
        entry = self.sigstore.log.entry(body, int(datetime.now(UTC).timestamp()))
        proof = entry["inclusionProof"]
        verification = {
            "inclusionProof": {
                "logIndex": int(proof["logIndex"]),
                "rootHash": b64decode(proof["rootHash"]).hex(),
                "treeSize": int(proof["treeSize"]),
                "hashes": [b64decode(each).hex() for each in proof["hashes"]],
                "checkpoint": proof["checkpoint"]["envelope"],
            },
            "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        }
        answer = {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logID": self.sigstore.log.key_id.hex(),
            "logIndex": int(entry["logIndex"]),
            "verification": verification,
        }
        return 201, {hashlib.sha256(entry["canonicalizedBody"].encode()).hexdigest(): answer}

    def _entry_v2(self, request: dict[str, Any]) -> tuple[int, Any]:
        given = request["hashedRekordRequestV002"]
        raw = given["signature"]["verifier"]["x509Certificate"]["rawBytes"]
        body = hashedrekord_body(b64decode(given["digest"]), b64decode(given["signature"]["content"]), b64decode(raw))
        return 201, self.sigstore.log.entry(body, None)


def _proven_key(request: dict[str, Any], subject: str) -> ec.EllipticCurvePublicKey:
    """The public key of which the client proves that it holds the other half: by a CSR, or by signing the subject."""
    if "certificateSigningRequest" in request:
        csr = x509.load_pem_x509_csr(b64decode(request["certificateSigningRequest"]))
        assert csr.is_signature_valid
        key = csr.public_key()
    else:
        given = request["publicKeyRequest"]
        key = load_pem_public_key(given["publicKey"]["content"].encode())
        key.verify(b64decode(given["proofOfPossession"]), subject.encode(), ec.ECDSA(hashes.SHA256()))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key
