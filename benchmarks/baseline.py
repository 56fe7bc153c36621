"""What compiling is compared with: verifying the same signatures and parsing the same JSON, bare, on as many cores.

Files are read before the clock runs, processes are warm, nothing is checked but the signature: no program that verifies
this evidence with this library can be faster.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.keys import load_public_key

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

_shared: dict[str, Barrier] = {}
"""A barrier reaches a pool's processes only through their initializer."""
_SIGNER_OF = {
    "package.json": "ci",
    "provenance.json": "trainer",
    "signature.json": "signing",
    "evaluation.json": "eval",
    "scan.json": "scanner",
}


def bare_seconds(folder: Path, processes: int) -> float:
    """Seconds from the moment that all processes have read their share until the last has verified it."""
    files = sorted(str(path) for path in (folder / "catalogue").rglob("evidence/*.json"))
    barrier = multiprocessing.Barrier(processes)
    with multiprocessing.Pool(processes, initializer=_share, initargs=(barrier,)) as pool:
        shares = [(str(folder), files[index::processes]) for index in range(processes)]
        spans = pool.starmap(_verify, shares, chunksize=1)
    return max(end for _, end in spans) - min(start for start, _ in spans)


def _share(barrier: Barrier) -> None:
    _shared["barrier"] = barrier


def _verify(folder: str, files: list[str]) -> tuple[float, float]:
    keys = {}
    for file, signer in _SIGNER_OF.items():
        path = Path(folder) / "keys" / f"{signer}.pub"
        key = load_public_key(path.read_bytes(), str(path))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        keys[file] = key
    read = [(keys[Path(file).name], Path(file).read_bytes()) for file in files]
    algorithm = ec.ECDSA(hashes.SHA256())
    _shared["barrier"].wait()
    start = time.monotonic()
    for key, data in read:
        envelope = json.loads(data)["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"])
        kind = envelope["payloadType"].encode()
        message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), message, algorithm)
        json.loads(payload)
    return start, time.monotonic()
