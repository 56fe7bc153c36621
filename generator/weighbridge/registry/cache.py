"""Judgements kept between compiles, so that the second one costs little (docs/decisions: cache).

What is kept for a version are its records, under the hash of everything that they were derived from: the version's
files, the evidence about it and its images, the configuration, the keys, the rules, OPA, and this program. Each entry
says for which times it holds: unless all evidence about the version is plainly good, for the one `--at` only.

The whole is one file, authenticated by a key that is derived from the release key: whoever can write the cache, but
could not sign the release anyway, can make a compile slow and nothing else. A file that is missing, cut off, changed or
made by another key is ignored. Nothing in here may fail a compile.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import tempfile
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from weighbridge import keys
from weighbridge.registry.records import Held, Reason, Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from weighbridge.keys import LocalKey

MAX_BYTES = 1024**3
"""A larger file is not ours."""
MAX_FILES = 16
"""How many catalogues, configurations and versions of the rules are remembered; the oldest go first."""
_SUFFIX = ".judgements"
_MAC_BYTES = 32
Span = tuple[int, int]
"""From when to just before when an entry holds, in nanoseconds."""


class JudgementCache:
    """The records of one catalogue's versions as an earlier compile left them."""

    def __init__(self, folder: Path, key: LocalKey, context: str, at_ns: int) -> None:
        """Read what there is.

        Args:
            folder: where caches lie; it need not exist.
            key: the release key.
            context: the hash of everything but the versions themselves.
            at_ns: `--at`.
        """
        name = hashlib.sha256(f"{context} {keys.fingerprint(key.public_key())}".encode()).hexdigest()
        self._file = folder / f"{name}{_SUFFIX}"
        self._context = context.encode()
        self._key = _derived(key)
        self._at_ns = at_ns
        self._before = self._read()
        self._now: dict[str, Any] = {}

    def get(self, key: str) -> dict[str, Record] | None:
        """The records by environment, if they are known and hold at this time."""
        try:
            entry = self._before[key]
            if not entry["from"] <= self._at_ns < entry["until"]:
                return None
            records = {name: _record(document) for name, document in entry["records"].items()}
        except (KeyError, TypeError, AttributeError):
            return None
        self._now[key] = entry
        return records

    def put(self, key: str, records: Mapping[str, Record], span: Span) -> None:
        """Remember the records of one version, and for which times they hold."""
        documents = {name: _document(record) for name, record in records.items()}
        self._now[key] = {"from": span[0], "until": span[1], "records": documents}

    def save(self) -> None:
        """Write what this compile used and learned; a folder that cannot be written is no reason to fail."""
        if self._now == self._before:
            return
        body = json.dumps(self._now, separators=(",", ":")).encode()
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self._file.parent, prefix=".new-", delete=False) as stream:
                try:
                    stream.write(self._mac(body) + body)
                    stream.flush()
                    os.replace(stream.name, self._file)  # noqa: PTH105 -- one call for a name that is a string
                except OSError:
                    os.unlink(stream.name)  # noqa: PTH108 -- the same
                    raise
            self._prune()

    def _read(self) -> dict[str, Any]:
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as stream:
                data = stream.read(MAX_BYTES)
            mac, body = data[:_MAC_BYTES], data[_MAC_BYTES:]
            if not hmac.compare_digest(mac, self._mac(body)):
                return {}
            entries = json.loads(body)
        except (OSError, ValueError, RecursionError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, self._context + b"\n" + body, "sha256")

    def _prune(self) -> None:
        known = sorted(self._file.parent.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in known[MAX_FILES:]:
            file.unlink()


def _derived(key: LocalKey) -> bytes:
    """A key for nothing but this cache (HKDF, RFC 5869): the release key itself authenticates releases only."""
    secret = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return HKDF(hashes.SHA256(), _MAC_BYTES, salt=None, info=b"weighbridge judgement cache v1").derive(secret)


def _document(record: Record) -> dict[str, Any]:
    # `dataclasses.asdict` copies everything deeply, which costs more than all the rest of keeping a record.
    return vars(record) | {
        "reasons": [vars(reason) for reason in record.reasons],
        "waived": [vars(reason) for reason in record.waived],
        "attestations": {name: vars(held) for name, held in record.attestations.items()},
    }


def _record(document: Mapping[str, Any]) -> Record:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    fields["reasons"] = tuple(Reason(**reason) for reason in document["reasons"])
    fields["waived"] = tuple(Reason(**reason) for reason in document["waived"])
    fields["attestations"] = {
        name: Held(tuple(held["signers"]), tuple(held["evidence"]), held["expires_ns"])
        for name, held in document["attestations"].items()
    }
    return Record(**fields)
