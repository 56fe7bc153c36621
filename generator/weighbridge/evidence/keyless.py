"""Keyless bundles: certificate, log entry and timestamps verified by `sigstore`, offline, against a trusted root.

Order of steps: look whether everything that must be there is there, once each; read whom the certificate names, and
which signers of trust that could be; cut their trusted roots down to what counted at the claimed times; let `sigstore`
verify the chain, the SCT, the inclusion proof, the checkpoint, the promise or timestamp, the signature and that the
entry is about it; compare what it has verified with what we have read. No I/O.

`sigstore` compares neither payload type nor subject; `weighbridge.evidence.statement` and `verify` do.

Sources: Sigstore client specification; bundle v0.1 to v0.3 (sigstore/protobuf-specs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509

from weighbridge.canonical import canonical
from weighbridge.evidence.certificate import Certificate, read_certificate
from weighbridge.evidence.dsse import decode_base64, envelope_document
from weighbridge.evidence.timestamps import Times
from weighbridge.evidence.trusted_root import Root, library_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.catalogue.keyless import Keyless
    from weighbridge.evidence.dsse import Envelope

MAX_CERTIFICATE = 64 * 1024
"""Characters of a certificate in base64."""


@dataclass(frozen=True)
class KeylessSigner:
    """A keyless signer as trust names it."""

    name: str
    keyless: Keyless
    compromised_ns: int | None


@dataclass(frozen=True)
class Certified:
    """Who signed a bundle, and when, as certificate, log and timestamps prove it."""

    signers: tuple[KeylessSigner, ...]
    """Every signer of trust that this is."""
    certificate: Certificate
    time_ns: int
    """The earliest verified time at which the signature existed."""
    compromised_ns: int | None
    """From when on the identity is compromised, under whatever name trust says so."""


class _Exactly:
    """A policy of `sigstore`: the certificate is the one that was read here."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._certificate = certificate

    def verify(self, cert: x509.Certificate) -> None:
        from sigstore.errors import VerificationError  # noqa: PLC0415 -- imported late, like all of sigstore

        if cert != self._certificate:
            raise VerificationError("the certificate is not the one that was read")


class KeylessVerifier:
    """Verifies keyless bundles with the signers and the roots of one trust; made once a process."""

    def __init__(self, signers: Sequence[KeylessSigner], roots: Mapping[str, Root], shipped: str = "") -> None:
        """Take what trust says.

        Args:
            signers: all keyless ones.
            roots: by the name that signers give.
            shipped: the name of the root that `sigstore` carries, for refusals; "" if none does.
        """
        self._signers = tuple(signers)
        self._roots = roots
        self._shipped = shipped

    def verify(self, envelope: Envelope) -> Certified:
        """Verify a bundle whose material holds a certificate.

        Raises:
            ValueError: with the reason why it proves nothing.
        """
        material = envelope.material or {}
        certificate = own_certificate(envelope)
        meant = self._meant(certificate)
        _require_proofs(material, certificate)
        proven: list[tuple[tuple[KeylessSigner, ...], int]] = []
        reasons: list[str] = []
        for root in dict.fromkeys(signer.keyless.root for signer in meant):
            try:
                time_ns = _verify(envelope, certificate, self._roots[root])
            except ValueError as error:
                reasons.append(self._told(root, error))
            else:
                vouched = tuple(signer for signer in meant if signer.keyless.root == root)
                proven.append((vouched, time_ns))
        if not proven:
            raise ValueError("; ".join(reasons))
        return Certified(
            signers=tuple(signer for vouched, _ in proven for signer in vouched),
            certificate=certificate,
            time_ns=max(time_ns for _, time_ns in proven),
            compromised_ns=self._compromised_ns(certificate),
        )

    def _compromised_ns(self, certificate: Certificate) -> int | None:
        times = [
            given.compromised_ns
            for given in self._signers
            if given.keyless.issuer == certificate.issuer and given.keyless.names(certificate.identity)
        ]
        return min((time_ns for time_ns in times if time_ns is not None), default=None)

    def _told(self, root: str, error: ValueError) -> str:
        where = f"the trusted root `{root}`"
        if root == self._shipped:
            where += f" that sigstore {library_version()} carries (a newer one can be named as trust.sigstore.{root})"
        return f"does not verify with {where}: {error}"

    def _meant(self, certificate: Certificate) -> list[KeylessSigner]:
        """The signers that this certificate could be, by its own words."""
        who = f"signed by {certificate.identity!r} of issuer {certificate.issuer!r}"
        named = [given for given in self._signers if given.keyless.names(certificate.identity)]
        if not named:
            raise ValueError(f"{who}, whom trust.signers does not name")
        issued = [given for given in named if given.keyless.issuer == certificate.issuer]
        if not issued:
            expected = ", ".join(f"{given.name} of {given.keyless.issuer!r}" for given in named)
            raise ValueError(f"{who}; that identity is trusted by another issuer only: {expected}")
        meant = [given for given in issued if given.keyless.claims.items() <= certificate.claims.items()]
        if not meant:
            wrong = "; ".join(_unmet(given, certificate) for given in issued)
            raise ValueError(f"{who}, whose certificate does not say what trust demands: {wrong}")
        return meant


def own_certificate(envelope: Envelope) -> Certificate:
    """The certificate in a bundle, unverified.

    Raises:
        ValueError: there is not exactly one, or it cannot be read.
    """
    return read_certificate(_certificate(envelope.material or {}, envelope.media_type))


def _unmet(signer: KeylessSigner, certificate: Certificate) -> str:
    unmet = [
        f"{name} is {certificate.claims.get(name)!r}, not {value!r}"
        for name, value in sorted(signer.keyless.claims.items())
        if certificate.claims.get(name) != value
    ]
    return f"{signer.name}: {', '.join(unmet)}"


def _certificate(material: Mapping[str, Any], media_type: str) -> bytes:
    """The bytes of the one certificate."""
    if "publicKey" in material or ("certificate" in material and "x509CertificateChain" in material):
        raise ValueError("holds a certificate and a public key, or a certificate in two places")
    if "certificate" in material:
        listed = [material["certificate"]]
    else:
        chain = material.get("x509CertificateChain")
        found = chain.get("certificates") if isinstance(chain, dict) else None
        listed = found if isinstance(found, list) else []
    if len(listed) != 1:
        raise ValueError(f"holds {len(listed)} certificates, where the signer's own is the only one that belongs there")
    if ("certificate" in material) != ("0.3" in media_type):
        raise ValueError(f"holds its certificate where a bundle of the type {media_type} has none")
    raw = listed[0].get("rawBytes") if isinstance(listed[0], dict) else None
    if not isinstance(raw, str) or len(raw) > MAX_CERTIFICATE:
        raise ValueError("holds a certificate that is no text, or too long")
    return decode_base64(raw)


def _require_proofs(material: Mapping[str, Any], certificate: Certificate) -> None:
    """Demand one of each proof, so that what is missing is told by its name."""
    entries = material.get("tlogEntries")
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        count = len(entries) if isinstance(entries, list) else 0
        raise ValueError(f"holds {count} entries of a transparency log instead of one")
    proof = entries[0].get("inclusionProof")
    if not isinstance(proof, dict) or not proof:
        raise ValueError("its log entry has no inclusion proof")
    checkpoint = proof.get("checkpoint")
    if not isinstance(checkpoint, dict) or not checkpoint.get("envelope"):
        raise ValueError("the inclusion proof of its log entry has no checkpoint")
    if not Times(material).claimed():
        raise ValueError("no time is proven: its log entry has no promise with a time, and there is no timestamp")
    try:
        scts = certificate.certificate.extensions.get_extension_for_class(
            x509.PrecertificateSignedCertificateTimestamps
        ).value
    except x509.ExtensionNotFound as error:
        raise ValueError("its certificate has no SCT: no certificate transparency log has seen it") from error
    if len(scts) != 1:
        raise ValueError(f"its certificate has {len(scts)} SCTs instead of one")


def _verify(envelope: Envelope, certificate: Certificate, root: Root) -> int:
    """Let `sigstore` verify, and compare; nanoseconds of the earliest verified time."""
    from sigstore.models import Bundle  # noqa: PLC0415 -- a third of a second, for who has keyless signers

    material = envelope.material or {}
    times = Times(material)
    claimed = times.claimed()
    trusted, verifier = root.trusted(claimed), root.verifier(claimed)
    root.require_log(times.entry, claimed)
    # What was read here is what is verified there: written anew, so that no second parser sees other bytes.
    document = {
        "mediaType": envelope.media_type,
        "verificationMaterial": material,
        "dsseEnvelope": envelope_document(envelope),
    }
    try:
        bundle = Bundle.from_json(canonical(document))
        kind, payload = verifier.verify_dsse(bundle, _Exactly(certificate.certificate))
    except Exception as error:
        # Foreign bytes in a foreign library: whatever it makes of them, nothing is proven.
        raise ValueError(_short(error)) from error
    if (kind, payload) != (envelope.payload_type, envelope.payload):
        raise ValueError("what was verified is not what was read")
    proven = times.vouched(envelope.signatures[0].value, trusted)
    if times.integrated_ns is not None:
        proven.append(times.integrated_ns)
    return min(proven)


def _short(error: Exception) -> str:
    text = " ".join(str(part) for part in error.args) or type(error).__name__
    return " ".join(text.split())[:300]
