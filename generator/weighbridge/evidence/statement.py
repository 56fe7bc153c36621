"""in-toto statements, read from exactly the bytes that were signed.

Sources: in-toto attestation framework, Statement v1 and v0.1 (cosign writes v0.1). The two have the same four
fields. Unknown fields beside them are ignored, as the framework demands; unknown versions are refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, digest, parse_json
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import PAYLOAD_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.evidence.dsse import Envelope

STATEMENT_V1 = "https://in-toto.io/Statement/v1"
STATEMENT_TYPES = frozenset({STATEMENT_V1, "https://in-toto.io/Statement/v0.1"})
MAX_SUBJECTS = 4096
"""Subjects of one statement; a provenance generator lists every file of a release."""
_HEX256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Statement:
    """A statement: about which subjects, of which predicate type, saying what."""

    predicate_type: str
    predicate: Mapping[str, Any]
    subject: tuple[tuple[str, str], ...]
    """`(name, digest)`: the digest as `sha256:<hex>`, "" where a subject has no usable SHA-256."""
    sha256: str
    """`sha256:<hex>` of the signed payload."""

    def about(self, subject: str) -> bool:
        """Whether the digest is among the subjects."""
        return any(given == subject for _, given in self.subject)


def parse_statement(envelope: Envelope, file: str) -> Statement:
    """The statement in an envelope. Parsing proves nothing: the caller verifies the very same envelope.

    Raises:
        InputError: not an in-toto payload, an unknown version of the format, or not of its form.
    """
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _bad(file, f"has payload type {envelope.payload_type!r:.100}, not {PAYLOAD_TYPE}", "payloadType")
    document = parse_json(envelope.payload, f"{file} (payload)")
    if not isinstance(document, dict):
        raise _bad(file, "has a payload that is no JSON object", "payload")
    _require_text(document, envelope.payload, file)
    kind = document.get("_type")
    if not isinstance(kind, str) or kind not in STATEMENT_TYPES:
        raise _bad(file, f"is a statement of an unknown type or version: {kind!r:.100}", "_type")
    predicate_type, predicate = document.get("predicateType"), document.get("predicate")
    if not isinstance(predicate_type, str) or not predicate_type:
        raise _bad(file, "has no predicate type", "predicateType")
    if not isinstance(predicate, dict):
        raise _bad(file, "has no predicate, or one that is no JSON object", "predicate")
    return Statement(predicate_type, predicate, _subject(document.get("subject"), file), digest(envelope.payload))


def _bad(file: str, message: str, field: str) -> InputError:
    return InputError.single(file, message, "Write an in-toto statement v1 and sign it anew.", field=field)


def _require_text(document: Any, payload: bytes, file: str) -> None:
    # JSON can escape half a surrogate pair. Python keeps it and Go replaces it, so two readers would see two
    # documents.
    if b"\\u" not in payload:
        return
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _bad(file, "escapes a lone surrogate, which is no text", "payload") from error


def _subject(listed: Any, file: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_SUBJECTS:
        raise _bad(file, f"has no subject, or more than {MAX_SUBJECTS}", "subject")
    return tuple(_one_subject(entry, f"subject[{index}]", file) for index, entry in enumerate(listed))


def _one_subject(entry: Any, field: str, file: str) -> tuple[str, str]:
    digests = entry.get("digest") if isinstance(entry, dict) else None
    if not isinstance(digests, dict):
        raise _bad(file, "has no digest", field)
    name = entry.get("name", "")
    if not isinstance(name, str):
        raise _bad(file, "has a name that is no text", f"{field}.name")
    sha256 = digests.get("sha256")
    # A subject known by another algorithm only is no error: it can never be ours.
    usable = isinstance(sha256, str) and _HEX256.match(sha256) is not None
    return name, f"sha256:{sha256}" if usable else ""


def statement_json(predicate_type: str, predicate: Any, subject: Sequence[tuple[str, str]]) -> bytes:
    """The RFC 8785 bytes of a statement v1.

    Args:
        predicate_type: a URI.
        predicate: a JSON value.
        subject: `(name, "sha256:<hex>")` of each subject.
    """
    listed = [{"name": name, "digest": {"sha256": given.removeprefix("sha256:")}} for name, given in subject]
    return canonical(
        {"_type": STATEMENT_V1, "subject": listed, "predicateType": predicate_type, "predicate": predicate}
    )


def model_signing_root(predicate: Mapping[str, Any]) -> str:
    """The OpenSSF root, `sha256:<hex>`: SHA-256 over the raw digests of the signed resources, in their order.

    It is computed here and not in Rego because it decides what the statement is *about*, like the artifact digest,
    and because Rego's strings are text: raw bytes in them work by accident. Whether the resources are the
    manifest's files is Rego's to judge.

    Source: model-signing 1.1.1, `model_signing/_hashing`.

    Raises:
        ValueError: no resources, or one whose digest is no SHA-256.
    """
    resources = predicate.get("resources")
    if not isinstance(resources, list) or not resources:
        raise ValueError("lists no resources")
    root = hashlib.sha256()
    for entry in resources:
        value = entry.get("digest") if isinstance(entry, dict) else None
        if not isinstance(value, str) or not _HEX256.match(value):
            raise ValueError("lists a resource whose digest is no SHA-256")
        root.update(bytes.fromhex(value))
    return f"sha256:{root.hexdigest()}"
