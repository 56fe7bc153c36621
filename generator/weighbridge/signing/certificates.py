"""Certificates that a signer puts beside a signature: read, chained to an authority of the verifier's choice.

Order of steps: bound and parse; build a chain from the first certificate to one of the roots, every link of it valid at
the time asked for; then see that the first may sign. The chain itself is built by `cryptography` (RFC 5280); which
extensions a signing certificate needs is ours, as its defaults are those of web servers. No I/O.

A bare signature proves no time. So an expired certificate does not count, even if it was valid when it signed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from weighbridge.errors import InputError
from weighbridge.keys import public_pem, require_public

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weighbridge.keys import PublicKey

T = TypeVar("T", bound=x509.ExtensionType)
MAX_CERTIFICATES = 10
"""Certificates of one chain, and of one file."""
MAX_BYTES = 64 * 1024
"""Largest certificate, and largest file of them."""


_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


class CertificateError(ValueError):
    """Why a chain does not vouch for its first certificate."""


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file.

    Raises:
        InputError: not readable, too large, or no certificates.
    """
    fix = "Name a PEM file with `CERTIFICATE` blocks."
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        found = x509.load_pem_x509_certificates(data) if len(data) <= MAX_BYTES else []
    except OSError as error:
        raise InputError.single(str(path), f"cannot be read: {error.strerror}", fix) from error
    except (ValueError, x509.InvalidVersion) as error:
        raise InputError.single(str(path), "holds no certificates that can be read", fix) from error
    if not 0 < len(found) <= MAX_CERTIFICATES:
        raise InputError.single(str(path), f"holds no certificates, or more than {MAX_CERTIFICATES}", fix)
    return found


def load_chain(encoded: Sequence[bytes]) -> list[x509.Certificate]:
    """The certificates of a bundle, from DER.

    Raises:
        CertificateError: none, too many, or one that cannot be read.
    """
    if not 0 < len(encoded) <= MAX_CERTIFICATES or any(len(der) > MAX_BYTES for der in encoded):
        raise CertificateError(
            f"has no certificates, more than {MAX_CERTIFICATES}, or one of more than {MAX_BYTES} bytes"
        )
    try:
        return [x509.load_der_x509_certificate(der) for der in encoded]
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateError("has a certificate that cannot be read") from error


def verified_key(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at_ns: int) -> PublicKey:
    """The key of the first certificate, if the chain leads to one of the roots at this time.

    Args:
        chain: the signing certificate first, then what may lie between it and a root.
        roots: the authorities, never taken from the signature.
        at_ns: when every certificate of the chain has to be valid, in nanoseconds.

    Raises:
        CertificateError: it does not, or the certificate is not one to sign with.
    """
    try:
        at = datetime.fromtimestamp(at_ns // 10**9, UTC)
        _require_valid(chain, at)
        _chained(chain, roots, at)
        _require_signing(chain[0])
        return require_public(chain[0].public_key(), "the certificate's key")
    except CertificateError:
        raise
    except (InputError, *_UNREADABLE) as error:
        # A certificate is taken apart only as far as it is asked, so any question can find it broken.
        raise CertificateError(f"has a certificate that cannot be used: {str(error)[:200]}") from error


def _chained(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at: datetime) -> None:
    any_extensions = ExtensionPolicy.permit_all()
    authority = any_extensions.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
    authority = authority.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_issue)
    builder = PolicyBuilder().store(Store(list(roots))).time(at)
    builder = builder.extension_policies(ca_policy=authority, ee_policy=any_extensions)
    try:
        builder.build_client_verifier().verify(chain[0], list(chain[1:]))
    except VerificationError as error:
        raise CertificateError(f"does not chain to a given authority: {str(error)[:200]}") from error


def names_of(certificate: x509.Certificate) -> list[str]:
    """What a certificate calls its holder: its subject (RFC 4514), then e-mail addresses, URIs and DNS names.

    Raises:
        CertificateError: it cannot be read.
    """
    try:
        names = [certificate.subject.rfc4514_string()] if list(certificate.subject) else []
        alternatives = _extension(certificate, x509.SubjectAlternativeName)
    except _UNREADABLE as error:
        raise CertificateError("has a certificate whose names cannot be read") from error
    for kind in (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName):
        names += alternatives.get_values_for_type(kind) if alternatives is not None else []
    return names


def key_pem(certificate: x509.Certificate) -> str:
    """The certificate's public key as PEM.

    Raises:
        InputError: of a kind that is not accepted.
    """
    return public_pem(require_public(certificate.public_key(), "the certificate's key"))


def _is_authority(_policy: object, _certificate: x509.Certificate, extension: x509.BasicConstraints | None) -> None:
    if extension is None or not extension.ca:
        raise ValueError("a certificate in the chain is no authority")


def _may_issue(_policy: object, _certificate: x509.Certificate, extension: x509.KeyUsage | None) -> None:
    if extension is not None and not extension.key_cert_sign:
        raise ValueError("a certificate in the chain must not sign others")


def _require_valid(chain: Sequence[x509.Certificate], at: datetime) -> None:
    """Say which certificate is out of its time: the library only says that one is."""
    for certificate in chain:
        name = certificate.subject.rfc4514_string() or "the signing certificate"
        if at > certificate.not_valid_after_utc:
            raise CertificateError(
                f"has a certificate that expired: {name}, on {certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        if at < certificate.not_valid_before_utc:
            raise CertificateError(
                f"has a certificate from the future: {name}, {certificate.not_valid_before_utc:%Y-%m-%d}"
            )


def _require_signing(leaf: x509.Certificate) -> None:
    usage = _extension(leaf, x509.KeyUsage)
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise CertificateError("has an authority's certificate where a signer's is needed")
    if usage is None and extended is None:
        raise CertificateError("has a certificate that does not say what it is for (key usage)")
    if usage is not None and not usage.digital_signature:
        raise CertificateError("has a certificate whose key usage is not digital signature")
    if extended is not None and ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise CertificateError("has a certificate whose extended key usage is not code signing")


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
