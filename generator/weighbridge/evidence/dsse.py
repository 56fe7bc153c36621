"""DSSE v1 envelopes: read strictly, verified against every trusted key, written.

Order of steps: bound the size, parse the JSON strictly, take the envelope out of a Sigstore bundle if there is one,
decode its base64 unambiguously, verify each signature over the pre-authentication encoding (PAE) of exactly the
decoded payload. No I/O.

Sources: DSSE v1.0 (secure-systems-lab/dsse), Sigstore bundle v0.1 to v0.3 (sigstore/protobuf-specs).
`keyid` and a bundle's key hint say which key to try first and nothing else.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from weighbridge import keys
from weighbridge.canonical import canonical, parse_json
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weighbridge.keys import PrivateKey, PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The payload type of an in-toto statement."""
BUNDLE_TYPES = frozenset(
    {
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
    }
)
"""Every media type under which Sigstore bundles 0.1 to 0.3 are written."""
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""The media type of the bundles that are written here."""
KEYLESS = "is signed by a certificate, and only keys count here"
_BUNDLE_KEYS = ("mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature")
_WHOLE = "Write it anew with the tool that signed it."
_CHAIN = "x509CertificateChain"
_TO_STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Limits:
    """Bounds that are checked before anything costly is done."""

    file_bytes: int = 16 * 1024**2
    """Size of a file with an envelope or a bundle, in bytes."""
    payload_bytes: int = 8 * 1024**2
    """Size of the decoded payload, in bytes; an SBOM of a large image has about 3 MiB."""
    signatures: int = 16
    """Signatures of one envelope; each is tried against every trusted key."""
    signature_bytes: int = 2048
    """Size of one decoded signature, in bytes; RSA with 8192 bits has 1024."""
    type_characters: int = 256
    """Length of a payload type, in characters."""
    hint_characters: int = 1024
    """Length of a key id or key hint, in characters."""


LIMITS = Limits()


@dataclass(frozen=True)
class Signature:
    """One signature, and which key it says to be of."""

    value: bytes
    hint: str


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope: nothing in it is to be believed before `verified_by` has named a key."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]
    media_type: str = ""
    """Of the bundle around it; "" if there is none."""
    material: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The bundle's verification material, unread; None without a bundle."""

    @property
    def keyless(self) -> bool:
        """Whether the bundle holds a certificate."""
        return self.material is not None and ("certificate" in self.material or _CHAIN in self.material)


class KeyRing:
    """Public keys by fingerprint, and the hints under which the known tools announce them."""

    def __init__(self, public: Mapping[str, PublicKey]) -> None:
        self.keys = dict(public)
        self._hints = {hint: fingerprint for fingerprint, key in self.keys.items() for hint in hints_of(key)}

    def in_order(self, hint: str, likely: Iterable[str]) -> list[str]:
        """All fingerprints, once each: the hinted one first, then the likely ones, then the rest."""
        first = [self._hints[hint]] if hint in self._hints else []
        return list(dict.fromkeys([*first, *(print_ for print_ in likely if print_ in self.keys), *self.keys]))


def hints_of(key: PublicKey) -> tuple[str, ...]:
    """How tools announce a key: our fingerprint, cosign's base64(sha256(DER)), its hex, the PEM's hex."""
    fingerprint = keys.fingerprint(key)
    hexadecimal = fingerprint.removeprefix("sha256:")
    pem = hashlib.sha256(keys.public_pem(key).encode()).hexdigest()
    return fingerprint, b64encode(bytes.fromhex(hexadecimal)).decode(), hexadecimal, pem


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: `DSSEv1 <len(type)> <type> <len(payload)> <payload>`, lengths in bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def decode_base64(text: str) -> bytes:
    """Bytes of base64 or base64url, padded or not, in the one way they can be written.

    Raises:
        ValueError: both alphabets in one text, wrong padding, any other character, or bits behind the last byte that
            are not zero.
    """
    standard = text
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            raise ValueError("mixes base64 and base64url")
        standard = text.translate(_TO_STANDARD)
    padded = standard if standard.endswith("=") else standard + "=" * (-len(standard) % 4)
    try:
        value = binascii.a2b_base64(padded.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(f"is not base64: {error}") from error
    if binascii.b2a_base64(value, newline=False).decode("ascii") != padded:
        raise ValueError("is base64 that could be written in another way (bits behind the last byte)")
    return value


def parse_envelope(data: bytes, file: str, limits: Limits = LIMITS, *, keyless: bool = False) -> Envelope:
    """The envelope in a file: bare, or in a Sigstore bundle v0.1 to v0.3 with a public key.

    Args:
        data: the whole file.
        file: its name, for the error.
        limits: sizes that are accepted.
        keyless: take a bundle with a certificate, too; the caller looks at `Envelope.keyless`.

    Raises:
        InputError: not readable, too large, of a form that is not accepted, or keyless where that is not asked for;
            nothing has been verified yet.
    """
    if len(data) > limits.file_bytes:
        raise _unreadable(file, f"has {len(data)} bytes, more than {limits.file_bytes}")
    document = parse_json(data, file)
    if not isinstance(document, dict):
        raise _unreadable(file, "is no JSON object")
    if not any(key in document for key in _BUNDLE_KEYS):
        return _envelope(document, "", file, limits)
    hint, inner = _unbundle(document, file)
    envelope = _envelope(inner, hint, file, limits)
    envelope = replace(envelope, media_type=document["mediaType"], material=document["verificationMaterial"])
    if envelope.keyless and not keyless:
        raise _unreadable(file, KEYLESS, "verificationMaterial", "Sign with a key that `trust.signers` names.")
    return envelope


def _unreadable(file: str, message: str, field: str = "", fix: str = _WHOLE) -> InputError:
    return InputError.single(file, message, fix, field=field)


def _unbundle(bundle: dict[str, Any], file: str) -> tuple[str, dict[str, Any]]:
    media_type = bundle.get("mediaType")
    if not isinstance(media_type, str) or media_type not in BUNDLE_TYPES:
        raise _unreadable(file, f"is a bundle of a media type that is not accepted: {media_type!r:.100}", "mediaType")
    if "payload" in bundle or "signatures" in bundle:
        raise _unreadable(file, "is a bundle and a bare envelope at once")
    material = bundle.get("verificationMaterial")
    if not isinstance(material, dict):
        raise _unreadable(file, "has no verification material", "verificationMaterial")
    public_key = material.get("publicKey", {})
    certified = "certificate" in material or _CHAIN in material
    if not isinstance(public_key, dict) or not (certified or "publicKey" in material):
        raise _unreadable(file, "has no public key", "verificationMaterial.publicKey")
    envelope = bundle.get("dsseEnvelope")
    if "messageSignature" in bundle or not isinstance(envelope, dict):
        message = "holds no DSSE envelope, or a message signature"
        raise _unreadable(file, message, "dsseEnvelope", "Attest instead of signing a blob.")
    hint = public_key.get("hint", "")
    return hint if isinstance(hint, str) else "", envelope


def _envelope(document: dict[str, Any], hint: str, file: str, limits: Limits) -> Envelope:
    payload_type = document.get("payloadType")
    if not isinstance(payload_type, str) or not 0 < len(payload_type) <= limits.type_characters:
        raise _unreadable(file, "has no payload type, or one that is too long", "payloadType")
    payload = _decoded(document.get("payload"), "payload", limits.payload_bytes, file)
    listed = document.get("signatures")
    if not isinstance(listed, list) or not listed:
        raise _unreadable(file, "has no signatures", "signatures")
    if len(listed) > limits.signatures:
        raise _unreadable(file, f"has {len(listed)} signatures, more than {limits.signatures}", "signatures")
    signatures = [_signature(entry, hint, f"signatures[{index}]", file, limits) for index, entry in enumerate(listed)]
    return Envelope(payload_type, payload, tuple(dict.fromkeys(signatures)))


def _signature(entry: Any, hint: str, field: str, file: str, limits: Limits) -> Signature:
    if not isinstance(entry, dict):
        raise _unreadable(file, "is no JSON object", field)
    keyid = entry.get("keyid")
    if keyid is not None and (not isinstance(keyid, str) or len(keyid) > limits.hint_characters):
        raise _unreadable(file, "is no text, or too long", f"{field}.keyid")
    value = _decoded(entry.get("sig"), f"{field}.sig", limits.signature_bytes, file)
    return Signature(value, keyid or hint)


def _decoded(text: Any, field: str, limit: int, file: str) -> bytes:
    if not isinstance(text, str) or not text:
        raise _unreadable(file, "is missing, empty or no text", field)
    if len(text) > (limit + 2) // 3 * 4:
        raise _unreadable(file, f"has more than {limit} bytes", field)
    try:
        value = decode_base64(text)
    except ValueError as error:
        raise _unreadable(file, str(error), field) from error
    if len(value) > limit:
        raise _unreadable(file, f"has more than {limit} bytes", field)
    return value


def verified_by(envelope: Envelope, ring: KeyRing, likely: Sequence[str] = ()) -> tuple[str, ...]:
    """The distinct keys that signed exactly this payload: fingerprints, sorted; see `signers_of`."""
    return tuple(signers_of(envelope, ring, likely))


def signers_of(envelope: Envelope, ring: KeyRing, likely: Sequence[str] = ()) -> dict[str, Signature]:
    """The distinct keys that signed exactly this payload under exactly this payload type, each with its signature.

    Every signature is tried against every key until one fits, so a lying or missing hint costs time and changes
    nothing: whoever could make one signature fit two keys holds the second key, and could sign with it.

    Args:
        envelope: what was read.
        ring: the trusted keys.
        likely: fingerprints to try first.

    Returns:
        By fingerprint, sorted, each once however often its key signed; empty if no trusted key signed.
    """
    message = pae(envelope.payload_type, envelope.payload)
    found: dict[str, Signature] = {}
    for signature in envelope.signatures:
        for fingerprint in ring.in_order(signature.hint, likely):
            if keys.verify(ring.keys[fingerprint], signature.value, message):
                found.setdefault(fingerprint, signature)
                break
    return dict(sorted(found.items()))


def sign_envelope(payload_type: str, payload: bytes, signing_keys: Sequence[PrivateKey]) -> Envelope:
    """An envelope signed by each of the keys, in their order, with our fingerprint as key id."""
    message = pae(payload_type, payload)
    signatures = [Signature(keys.sign(key, message), keys.fingerprint(key.public_key())) for key in signing_keys]
    return Envelope(payload_type, payload, tuple(signatures))


def envelope_document(envelope: Envelope) -> dict[str, Any]:
    """The envelope as JSON value, in standard base64 with padding."""
    return {
        "payload": b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [{"keyid": entry.hint, "sig": b64encode(entry.value).decode()} for entry in envelope.signatures],
    }


def envelope_json(envelope: Envelope) -> bytes:
    """A bare envelope, as canonical JSON with a newline behind it."""
    return canonical(envelope_document(envelope)) + b"\n"


def bundle_json(envelope: Envelope, key: PublicKey) -> bytes:
    """A Sigstore bundle v0.3 around the envelope, with the hint that cosign gives: base64(sha256(DER))."""
    return bundle_with(envelope, {"publicKey": {"hint": hints_of(key)[1]}})


def bundle_with(envelope: Envelope, material: dict[str, Any]) -> bytes:
    """A Sigstore bundle v0.3 around the envelope, with this verification material.

    In a bundle the material says which key it is, and a signature says nothing: cosign v3 passes over every signature
    whose key id is not one of its own making.
    """
    document = envelope_document(envelope)
    for signature in document["signatures"]:
        del signature["keyid"]
    return canonical({"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": document}) + b"\n"
