"""What a Fulcio certificate says of its holder: issuer, identity, further claims, and nothing that is verified yet.

Sources: Fulcio's certificate specification and extensions (sigstore/fulcio, docs/certificate-specification.md and
docs/oid-info.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from weighbridge.catalogue.keyless import CLAIM_OIDS, MAX_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Mapping

_ISSUER_V1 = "1.3.6.1.4.1.57264.1.1"
"""Its value is the bare text: the older form, which newer certificates carry beside the other or not at all."""
_ISSUER_V2 = "1.3.6.1.4.1.57264.1.8"
_OTHER_NAME = "1.3.6.1.4.1.57264.1.7"
_UTF8_STRING = 0x0C


@dataclass(frozen=True)
class Certificate:
    """A certificate's own words."""

    der: bytes
    issuer: str
    identity: str
    claims: Mapping[str, str]
    """By the names of `CLAIM_OIDS`."""
    certificate: x509.Certificate


_UNREADABLE = (
    ValueError,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate raises; not all of it is a ValueError."""


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: no certificate, or one that does not name exactly one issuer and one identity.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = {extension.oid.dotted_string: extension.value for extension in certificate.extensions}
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _UNREADABLE as error:
        raise ValueError(f"holds a certificate that cannot be read: {error}") from error
    if len(names) != 1:
        raise ValueError(f"holds a certificate with {len(names)} identities instead of one")
    values = {oid: value.value for oid, value in extensions.items() if isinstance(value, x509.UnrecognizedExtension)}
    claims = {name: _utf8(values[oid]) for oid, name in CLAIM_OIDS.items() if oid in values}
    return Certificate(der, _issuer(values), _identity(names[0]), claims, certificate)


def _issuer(values: Mapping[str, bytes]) -> str:
    told = [_utf8(values[_ISSUER_V2])] if _ISSUER_V2 in values else []
    told += [_text(values[_ISSUER_V1])] if _ISSUER_V1 in values else []
    if not told or len(set(told)) != 1:
        raise ValueError("holds a certificate that names no issuer, or two")
    return told[0]


def _identity(name: x509.GeneralName) -> str:
    if isinstance(name, (x509.RFC822Name, x509.UniformResourceIdentifier)):
        identity = name.value
    elif isinstance(name, x509.OtherName) and name.type_id.dotted_string == _OTHER_NAME:
        identity = _utf8(name.value)
    else:
        raise ValueError("holds a certificate whose identity is neither an e-mail address nor a URI")
    if not identity or len(identity) > MAX_IDENTITY or not identity.isprintable():
        raise ValueError(f"holds a certificate whose identity is empty, unprintable or above {MAX_IDENTITY} characters")
    return identity


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("holds a certificate with an extension that is no text") from error


def _utf8(value: bytes) -> str:
    """The text of a DER UTF8String that is the whole value."""
    if len(value) < 2 or value[0] != _UTF8_STRING:
        raise ValueError("holds a certificate with an extension that is no UTF8String")
    length, start = value[1], 2
    if length >= 0x80:
        count = length & 0x7F
        start = 2 + count
        length = int.from_bytes(value[2:start], "big")
        # DER has one way to write a length: the shortest.
        if not 1 <= count <= 2 or length < 0x80 or (count == 2 and length < 0x100):
            raise ValueError("holds a certificate with an extension that is no DER")
    if len(value) != start + length:
        raise ValueError("holds a certificate with an extension that is no DER")
    return _text(value[start:])
