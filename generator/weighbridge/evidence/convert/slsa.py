"""SLSA provenance that nobody has signed yet: an in-toto statement about the subject, whose predicate is signed anew.

What GitHub's generators and `actions/attest-build-provenance` write is signed already: a DSSE envelope or a Sigstore
bundle. That is evidence as it is, and signing it again would only replace the builder's word by ours.

Source: SLSA provenance v1.0 and v0.2 (slsa.dev/spec).
"""

from __future__ import annotations

from typing import Any

from weighbridge.canonical import canonical
from weighbridge.errors import InputError
from weighbridge.evidence.convert.reading import require_version
from weighbridge.evidence.convert.report import Conversion, Options, require_subject
from weighbridge.evidence.dsse import PAYLOAD_TYPE, Envelope
from weighbridge.evidence.statement import parse_statement
from weighbridge.evidence.times import SLSA_V02, SLSA_V1, statement_time_ns

PREDICATES = (SLSA_V1, SLSA_V02)
SIGNED_MARKS = ("dsseEnvelope", "payloadType", "verificationMaterial")


def convert(document: dict[str, Any], file: str, options: Options) -> Conversion:
    """The predicate of an unsigned provenance.

    Raises:
        InputError: signed already, no statement, of an unknown predicate type, or about something else.
    """
    if any(mark in document for mark in SIGNED_MARKS):
        fix = "Put the file itself into `evidence/`, and name who signed it in `trust.signers`."
        raise InputError.single(file, "is signed already", fix)
    require_version(document.get("predicateType"), PREDICATES, "predicateType", file)
    try:
        payload = canonical(document)
        statement_time_ns(document["predicateType"], document.get("predicate") or {})
    except (ValueError, AttributeError) as error:
        raise InputError.single(file, str(error), "Write a provenance as SLSA defines it.") from error
    statement = parse_statement(Envelope(PAYLOAD_TYPE, payload, ()), file)
    require_subject(frozenset(digest for _, digest in statement.subject), options, file)
    return Conversion(statement.predicate_type, dict(statement.predicate))
