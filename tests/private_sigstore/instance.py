"""A private Sigstore instance in memory: certificate authority, two kinds of log, timestamp authority.

Everything it makes is real, and verifies with the real `sigstore` library and its own `trusted_root.json`. Each test
bends exactly one part of it. Timestamps are made by `openssl ts`, whose clock is the machine's.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from tests.private_sigstore.log import Log, b64, dsse_body, hashedrekord_body, sha256, spki

from weighbridge.evidence.dsse import PAYLOAD_TYPE, pae

ISSUER = "https://token.example.com"
IDENTITY = "https://git.example.com/acme/models/.ci/release.yml@refs/heads/main"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_SCTS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_FULCIO = "1.3.6.1.4.1.57264.1."
_OPENSSL = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def der_utf8(text: str) -> bytes:
    data = text.encode()
    length = bytes([len(data)]) if len(data) < 128 else b"\x82" + struct.pack(">H", len(data))
    if 128 <= len(data) < 256:
        length = bytes([0x81, len(data)])
    return b"\x0c" + length + data


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(
    text: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    usage: ObjectIdentifier | None = None,
    ca: bool = True,
) -> x509.Certificate:
    """A long-lived certificate of an authority; self-signed without an issuer."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(text))
        .issuer_name(issuer[0].subject if issuer else _name(text))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2045, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = issuer[1] if issuer else key
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=not ca)
    return builder.sign(signer, hashes.SHA256())


def _usage(sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


class Instance:
    """The whole instance. Public attributes may be replaced by a test to make it dishonest."""

    def __init__(self, name: str = "sigstore.example.com") -> None:
        self.root_key, self.ca_key, self.tsa_root_key, self.tsa_key = _key(), _key(), _key(), _key()
        self.root = _authority(f"{name} root", self.root_key, None)
        self.ca = _authority(f"{name} ca", self.ca_key, (self.root, self.root_key), ExtendedKeyUsageOID.CODE_SIGNING)
        self.tsa_root = _authority(f"{name} time root", self.tsa_root_key, None)
        self.tsa = _authority(
            f"{name} time", self.tsa_key, (self.tsa_root, self.tsa_root_key), ExtendedKeyUsageOID.TIME_STAMPING, False
        )
        self.ct_key = _key()
        self.log = Log(f"rekor.{name}")

    def trusted_root(self, end: datetime | None = None, **ends: datetime) -> dict[str, Any]:
        """`trusted_root.json`; `end`, or `ca`, `log`, `ct`, `tsa`, say until when an authority counts."""

        def valid(kind: str) -> dict[str, str]:
            until = ends.get(kind, end)
            return {"start": "2025-01-01T00:00:00Z"} | ({"end": until.strftime("%Y-%m-%dT%H:%M:%SZ")} if until else {})

        def log(key: ec.EllipticCurvePrivateKey, kind: str) -> dict[str, Any]:
            public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid(kind)}
            base = {"baseUrl": f"https://{kind}.example.com", "hashAlgorithm": "SHA2_256", "publicKey": public}
            return base | {"logId": {"keyId": b64(sha256(spki(key)))}}

        def authority(chain: list[x509.Certificate], kind: str) -> dict[str, Any]:
            raw = [{"rawBytes": b64(each.public_bytes(Encoding.DER))} for each in chain]
            subject = {"organization": "example", "commonName": kind}
            return {"subject": subject, "certChain": {"certificates": raw}, "validFor": valid(kind)} | {
                "uri": f"https://{kind}.example.com"
            }

        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.log.key, "log")],
            "certificateAuthorities": [authority([self.ca, self.root], "ca")],
            "ctlogs": [log(self.ct_key, "ct")],
            "timestampAuthorities": [authority([self.tsa, self.tsa_root], "tsa")],
        }

    def certificate(
        self,
        key: ec.EllipticCurvePublicKey,
        identity: str | list[str] = IDENTITY,
        issuer: str = ISSUER,
        *,
        at: datetime = EPOCH,
        claims: dict[int, str] | None = None,
        scts: int = 1,
    ) -> x509.Certificate:
        """A certificate for ten minutes around `at`, as Fulcio issues it."""
        names = [
            x509.UniformResourceIdentifier(each) if "://" in each else x509.RFC822Name(each)
            for each in ([identity] if isinstance(identity, str) else identity)
        ]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.ca.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(minutes=1))
            .not_valid_after(at + timedelta(minutes=9))
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(_extension(1, issuer.encode()), critical=False)
            .add_extension(_extension(8, der_utf8(issuer)), critical=False)
        )
        for number, text in (claims or {}).items():
            builder = builder.add_extension(_extension(number, der_utf8(text)), critical=False)
        if scts:
            tbs = builder.sign(self.ca_key, hashes.SHA256()).tbs_certificate_bytes
            value = _sct_list([self._sct(tbs, at)] * scts)
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCTS, value), critical=False)
        return builder.sign(self.ca_key, hashes.SHA256())

    def _sct(self, tbs: bytes, at: datetime) -> bytes:
        stamp = struct.pack(">Q", int(at.timestamp() * 1000))
        issuer = sha256(spki(self.ca_key))
        entry = b"\x00\x00" + stamp + b"\x00\x01" + issuer + struct.pack(">I", len(tbs))[1:] + tbs + b"\x00\x00"
        signature = self.ct_key.sign(entry, ec.ECDSA(hashes.SHA256()))
        log_id = sha256(spki(self.ct_key))
        return b"\x00" + log_id + stamp + b"\x00\x00\x04\x03" + struct.pack(">H", len(signature)) + signature

    def timestamp(self, request: bytes) -> bytes:
        """An RFC 3161 response, made by `openssl ts` at this very moment."""
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            (here / "serial").write_text("01")
            (here / "config").write_text(_OPENSSL.format(folder=folder))
            (here / "query").write_bytes(request)
            (here / "tsa.pem").write_bytes(self.tsa.public_bytes(Encoding.PEM))
            plain = serialization.NoEncryption()
            pem = self.tsa_key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
            (here / "tsa.key").write_bytes(pem)
            arguments = ["-config", "config", "-queryfile", "query", "-inkey", "tsa.key", "-signer", "tsa.pem"]
            subprocess.run(
                ["openssl", "ts", "-reply", *arguments, "-out", "reply"], cwd=here, check=True, capture_output=True
            )
            return (here / "reply").read_bytes()

    def timestamps(self, signature: bytes) -> dict[str, Any]:
        """`timestampVerificationData` over a signature."""
        request = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256).data(signature).build().as_bytes()
        return {"rfc3161Timestamps": [{"signedTimestamp": b64(self.timestamp(request))}]}

    def bundle(
        self,
        payload: bytes,
        identity: str | list[str] = IDENTITY,
        issuer: str = ISSUER,
        *,
        at: datetime = EPOCH,
        logged: datetime | None = None,
        rekor: int = 1,
        stamped: bool = False,
        version: str = "0.3",
        payload_type: str = PAYLOAD_TYPE,
        **certificate: Any,
    ) -> dict[str, Any]:
        """A keyless bundle: logged at `logged`, else at `at`; with Rekor v2 it has a timestamp and no promise."""
        key = _key()
        leaf = self.certificate(key.public_key(), identity, issuer, at=at, **certificate)
        message = pae(payload_type, payload)
        signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
        envelope = {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"sig": b64(signature)}]}
        der = leaf.public_bytes(Encoding.DER)
        if rekor == 1:
            when = int((logged or at).timestamp())
            entry = self.log.entry(dsse_body(envelope, payload, leaf.public_bytes(Encoding.PEM)), when)
        else:
            entry = self.log.entry(hashedrekord_body(sha256(message), signature, der), None)
        material: dict[str, Any] = {"tlogEntries": [entry]}
        if stamped or rekor == 2:
            material["timestampVerificationData"] = self.timestamps(signature)
        media_type = f"application/vnd.dev.sigstore.bundle+json;version={version}"
        if version == "0.3":
            media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
            material["certificate"] = {"rawBytes": b64(der)}
        else:
            material["x509CertificateChain"] = {"certificates": [{"rawBytes": b64(der)}]}
        return {"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": envelope}


def _extension(number: int, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(ObjectIdentifier(f"{_FULCIO}{number}"), value)


def _sct_list(scts: list[bytes]) -> bytes:
    """The DER OCTET STRING around a TLS list of SCTs (RFC 6962, section 3.3)."""
    entries = b"".join(struct.pack(">H", len(each)) + each for each in scts)
    listed = struct.pack(">H", len(entries)) + entries
    length = bytes([len(listed)]) if len(listed) < 128 else b"\x82" + struct.pack(">H", len(listed))
    if 128 <= len(listed) < 256:
        length = bytes([0x81, len(listed)])
    return b"\x04" + length + listed
