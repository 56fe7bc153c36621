"""When a signature existed, by the word of others: RFC 3161 timestamps, and entries of a transparency log.

A time counts only once what vouches for it is verified: a token by a timestamp authority of the trusted root over the
very signature; an entry by its inclusion proof, its checkpoint and the log's promise over the integrated time, whose
body holds the very signature and the key that made it.

Sources: RFC 3161; Rekor's `dsse` entry 0.0.1 (sigstore/rekor, pkg/types/dsse); bundles (sigstore/protobuf-specs).
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from weighbridge import keys
from weighbridge.canonical import parse_json
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import decode_base64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rfc3161_client import TimeStampResponse
    from sigstore.models import TrustedRoot

    from weighbridge.evidence.dsse import Envelope, Signature
    from weighbridge.evidence.trusted_root import Root
    from weighbridge.keys import PublicKey

MAX_TOKENS = 8
"""RFC 3161 timestamps of one bundle."""
MAX_TOKEN_BYTES = 64 * 1024
_NS = 10**9
_MAX_SECONDS = 9_000_000_000
"""Seconds since the epoch that still fit into nanoseconds."""


class Times:
    """The times that a bundle's verification material claims."""

    def __init__(self, material: Mapping[str, Any]) -> None:
        """Read them.

        Raises:
            ValueError: too many, or not readable.
        """
        self.tokens = [_token(entry) for entry in _tokens(material)]
        entries = material.get("tlogEntries")
        self.entry = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
        self.integrated_ns = _integrated_ns(self.entry)

    def claimed(self) -> frozenset[int]:
        """All of them, in nanoseconds, none of them verified."""
        integrated = () if self.integrated_ns is None else (self.integrated_ns,)
        return frozenset((*integrated, *(_generated_ns(token) for token in self.tokens)))

    def vouched(self, signature: bytes, root: TrustedRoot) -> list[int]:
        """The nanoseconds of those RFC 3161 timestamps over the signature that an authority of the root vouches for."""
        return [_generated_ns(token) for token in self.tokens if _vouched(token, signature, root)]


def key_time_ns(envelope: Envelope, signature: Signature, key: PublicKey, root: Root) -> int:
    """When a signature by a key existed: the earliest time that somebody in the trusted root vouches for.

    Args:
        envelope: as it was read, with its bundle's verification material.
        signature: the one that the key made.
        key: it has verified the signature.
        root: who may vouch.

    Raises:
        ValueError: nobody vouches for a time; with the reason.
    """
    if envelope.material is None:
        raise ValueError("a bare signature proves no time")
    times = Times(envelope.material)
    if not times.claimed():
        raise ValueError("its bundle holds no timestamp, and no log entry with a promise of its time")
    trusted = root.trusted(times.claimed())
    found = times.vouched(signature.value, trusted)
    reason = "no timestamp authority of the trusted root made its timestamp"
    if times.integrated_ns is not None:
        try:
            _require_entry(times.entry, envelope, signature, key)
            _require_logged(times.entry, trusted)
            found.append(times.integrated_ns)
        except ValueError as error:
            reason = str(error)
    if not found:
        raise ValueError(reason)
    return min(found)


def _tokens(material: Mapping[str, Any]) -> list[Any]:
    data = material.get("timestampVerificationData") or {}
    listed = data.get("rfc3161Timestamps") if isinstance(data, dict) else None
    if listed is None:
        return []
    if not isinstance(listed, list) or len(listed) > MAX_TOKENS:
        raise ValueError(f"holds more than {MAX_TOKENS} timestamps, or something that is none")
    return listed


def _token(entry: Any) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response  # noqa: PLC0415 -- only for who needs a time

    text = entry.get("signedTimestamp") if isinstance(entry, dict) else None
    if not isinstance(text, str) or len(text) > MAX_TOKEN_BYTES:
        raise ValueError(f"holds a timestamp that is no text, or above {MAX_TOKEN_BYTES} bytes")
    try:
        token = decode_timestamp_response(decode_base64(text))
        _generated_ns(token)
    except Exception as error:
        # Foreign bytes in a foreign parser: whatever it makes of them, there is no timestamp.
        raise ValueError(f"holds a timestamp that cannot be read: {error}"[:300]) from error
    return token


def _generated_ns(token: TimeStampResponse) -> int:
    # Whole microseconds: a float of seconds would lose some.
    when = token.tst_info.gen_time
    return int(when.timestamp()) * _NS + when.microsecond * 1000


def _integrated_ns(entry: Any) -> int | None:
    """The time of an entry for which the log gave a promise; without a promise nothing binds it."""
    if not isinstance(entry, dict) or not entry.get("inclusionPromise"):
        return None
    given = entry.get("integratedTime", "0")
    text = str(given) if isinstance(given, (str, int)) and not isinstance(given, bool) else ""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) < _MAX_SECONDS and len(text) <= 12):
        raise ValueError("has a log entry whose time cannot be read")
    return int(text) * _NS


def _vouched(token: TimeStampResponse, signature: bytes, root: TrustedRoot) -> bool:
    from cryptography.x509 import InvalidVersion  # noqa: PLC0415 -- only for who needs a time
    from rfc3161_client import VerificationError, VerifierBuilder  # noqa: PLC0415 -- the same

    for authority in root.get_timestamp_authorities():
        chain = authority.certificates(allow_expired=True)
        if len(chain) < 2:
            continue
        verifier = VerifierBuilder(tsa_certificate=chain[0], intermediates=chain[1:-1], roots=[chain[-1]]).build()
        try:
            if verifier.verify_message(token, signature):
                return True
        except (VerificationError, ValueError, InvalidVersion):
            continue
    return False


def _require_entry(entry: Any, envelope: Envelope, signature: Signature, key: PublicKey) -> None:
    """Demand that the entry's body is about this payload, signed by this key with this signature."""
    try:
        body = parse_json(decode_base64(entry["canonicalizedBody"]), "log entry")
        kind = body["kind"], body["apiVersion"]
        if kind != ("dsse", "0.0.1"):
            raise ValueError(f"its log entry is of the kind {'/'.join(map(str, kind))}, which proves no time of a key")
        spec = body["spec"]
        if spec["payloadHash"] != {"algorithm": "sha256", "value": hashlib.sha256(envelope.payload).hexdigest()}:
            raise ValueError("its log entry is about another payload")
        logged = [
            keys.fingerprint(keys.load_public_key(decode_base64(given["verifier"]), "log entry"))
            for given in spec["signatures"]
            if given["signature"] == b64encode(signature.value).decode()
        ]
    except (KeyError, TypeError, AttributeError, InputError) as error:
        raise ValueError("its log entry cannot be read") from error
    if keys.fingerprint(key) not in logged:
        raise ValueError("its log entry is about another signature")


def _require_logged(entry: Any, root: TrustedRoot) -> None:
    """Demand inclusion proof, checkpoint and promise, by a log of the root."""
    from sigstore._internal.trust import KeyringPurpose  # noqa: PLC0415 -- only for who needs a time
    from sigstore.models import TransparencyLogEntry  # noqa: PLC0415 -- the same
    from sigstore_models.rekor.v1 import TransparencyLogEntry as Document  # noqa: PLC0415 -- the same

    try:
        # The library verifies entries of keyless bundles only, by these; there is no public way to the same check.
        keyring = root.rekor_keyring(KeyringPurpose.VERIFY)
        logged = TransparencyLogEntry(Document.from_dict(entry))
        logged._verify(keyring)
        logged._verify_set(keyring)
    except Exception as error:
        # Foreign bytes in a foreign parser: whatever it makes of them, nothing is proven.
        raise ValueError(f"its log entry does not verify: {' '.join(str(error).split())}"[:300]) from error
