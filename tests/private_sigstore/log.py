"""A transparency log in memory: RFC 6962 tree, checkpoints, promises; what Rekor v1 and v2 answer."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + _root(leaves[:split]) + _root(leaves[split:]))


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return [*_path(index, leaves[:split]), _root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _root(leaves[:split])]


@dataclass
class Log:
    """One log with its key."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    bodies: list[bytes] = field(default_factory=lambda: [b'{"first": "entry"}', b'{"second": "entry"}'])

    @property
    def key_id(self) -> bytes:
        return sha256(spki(self.key))

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def checkpoint(self) -> str:
        leaves = [sha256(b"\x00" + body) for body in self.bodies]
        note = f"{self.name} - 1\n{len(leaves)}\n{b64(_root(leaves))}\n"
        return f"{note}\n— {self.name} {b64(self.key_id[:4] + self.sign(note.encode()))}\n"

    def entry(self, body: dict[str, Any], integrated: int | None) -> dict[str, Any]:
        """Append, and answer a `TransparencyLogEntry`; with a promise if it has a time."""
        data = rfc8785.dumps(body)
        self.bodies.append(data)
        index = len(self.bodies) - 1
        leaves = [sha256(b"\x00" + each) for each in self.bodies]
        entry = {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.key_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(_root(leaves)),
                "treeSize": str(len(leaves)),
                "hashes": [b64(each) for each in _path(index, leaves)],
                "checkpoint": {"envelope": self.checkpoint()},
            },
            "canonicalizedBody": b64(data),
        }
        return entry if integrated is None else entry | self.promise(data, index, integrated)

    def promise(self, data: bytes, index: int, integrated: int) -> dict[str, Any]:
        promised = {"body": b64(data), "integratedTime": integrated, "logID": self.key_id.hex(), "logIndex": index}
        return {
            "integratedTime": str(integrated),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.sign(rfc8785.dumps(promised)))},
        }


def dsse_body(envelope: dict[str, Any], payload: bytes, verifier: bytes) -> dict[str, Any]:
    """What Rekor v1 logs of an envelope: `verifier` is the PEM of certificate or key."""
    signatures = [{"signature": each["sig"], "verifier": b64(verifier)} for each in envelope["signatures"]]
    written = json.dumps(envelope).encode()
    return {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": sha256(written).hex()},
            "payloadHash": {"algorithm": "sha256", "value": sha256(payload).hex()},
            "signatures": signatures,
        },
    }


def hashedrekord_body(digest: bytes, signature: bytes, certificate: bytes) -> dict[str, Any]:
    """What Rekor v2 logs of an envelope: `digest` is over its pre-authentication encoding, `certificate` is DER."""
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(certificate)}}
    record = {
        "data": {"algorithm": "SHA2_256", "digest": b64(digest)},
        "signature": {"content": b64(signature), "verifier": verifier},
    }
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}
