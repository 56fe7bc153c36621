"""Keys, certificates and model folders for the real tools."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from model_signing._cli import main as model_signing_command

from weighbridge.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

BIN = Path(sys.executable).parent
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def run(program: str | Path, *arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A real program with nothing of our own environment but what is given."""
    given = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", "NO_COLOR": "1", **environment}
    command = [str(program), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=given, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL
    )


def weighbridge(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The whole command with a user's arguments, in this process: starting hundreds would take minutes."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    command = ["weighbridge", *map(str, arguments)]
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, {"NO_COLOR": "1", **environment}),
        mock.patch.object(sys, "argv", command),
        mock.patch.object(sys, "stdin", None),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


def openssf(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """model-signing's own command, in this process."""
    with contextlib.chdir(cwd):
        result = CliRunner().invoke(model_signing_command, list(map(str, arguments)), catch_exceptions=True)
    return subprocess.CompletedProcess(list(arguments), result.exit_code, result.output, result.output)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key, unencrypted."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Its public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    *,
    authority: bool = False,
    days: tuple[int, int] = (-1, 30),
    usage: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda builder: builder,
    digital_signature: bool | None = True,
    key_cert_sign: bool | None = None,
    path_length: int | None = None,
) -> x509.Certificate:
    """A certificate, self-signed without an issuer; valid from and to so many days from now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = issuer[1] if issuer else key
    if issuer:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(f"{name}@example.com")]), False)
    if digital_signature is not None:
        off = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        issues = authority if key_cert_sign is None else key_cert_sign
        key_usage = x509.KeyUsage(
            digital_signature=digital_signature, key_cert_sign=issues, crl_sign=authority, decipher_only=False, **off
        )
        builder = builder.add_extension(key_usage, critical=True)
    return usage(builder).sign(signer, hashes.SHA256())


def code_signing(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    """For signing code."""
    return builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)


def server(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    """For a web server."""
    return builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)


class Authority:
    """A private authority: a root, an issuer below it, and signers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root_key, self.issuer_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.root = certificate("root", self.root_key, authority=True, days=(-400, 400))
        root = (self.root, self.root_key)
        self.issuer = certificate("issuer", self.issuer_key, root, authority=True, days=(-300, 300))
        self.write("root.pem", self.root)
        self.write("issuer.pem", self.issuer)
        (folder / "signer.key").write_bytes(private_pem(self.key))

    def write(self, name: str, *certificates: x509.Certificate) -> Path:
        """A PEM file with these certificates."""
        path = self.folder / name
        path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))
        return path

    def signer(self, name: str = "signer", **how: object) -> Path:
        """A certificate for the signer's key, in a file of this name."""
        made = certificate(name, self.key, (self.issuer, self.issuer_key), **how)  # type: ignore[arg-type] -- of tests
        return self.write(f"{name}.pem", made)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model folder, with names that sort differently as paths and as bytes."""
    folder = tmp_path / "model"
    for name, text in {
        "README.md": "# card",
        "config.json": "{}",
        "model.safetensors": "weights",
        "a/b.bin": "1",
        "a-b.bin": "2",
        "a.bin": "3",
        "naïve/tokenizer é.json": "4",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A private authority, in a folder beside the model."""
    return Authority(tmp_path)


class Gate:
    """A catalogue with one packaged model, of which single attestations are asked for."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        self.version = folder / "c" / "models" / "m" / "1"
        self.attestations: dict[str, str] = {}
        self.signers: dict[str, str] = {}
        (folder / "c" / "keys").mkdir(parents=True)
        self.ci = ec.generate_private_key(ec.SECP256R1())
        (folder / "ci.pem").write_bytes(private_pem(self.ci))
        self.signer("ci", public_pem(self.ci))
        self.attestation("packaged", "https://weighbridge.dev/package/v1", "package", "ci")
        (model / "README.md").write_text("---\nlicense: mit\n---\n# m\n")

    def package(self) -> Path:
        """Package the model; returns its artifact.json."""
        arguments = ("--model", "m", "--version", "1", "--key", "ci.pem", "--output", self.version)
        result = weighbridge("package", self.model, *arguments, cwd=self.folder)
        assert result.returncode == 0, result.stderr
        return self.version / "artifact.json"

    def signer(self, name: str, pem: bytes) -> None:
        """Trust a key under a name."""
        (self.folder / "c" / "keys" / f"{name}.pub").write_bytes(pem)
        self.signers[name] = f"{{key: keys/{name}.pub}}"

    def attestation(self, name: str, predicate: str, rule: str, *signers: str, more: str = "") -> None:
        """Ask for it in `prod`."""
        listed = ", ".join(signers)
        self.attestations[name] = (
            f"{{predicate: {predicate}, about: model, rule: {rule}, signers: [{listed}]{more and ', ' + more}}}"
        )

    def explain(self) -> dict[str, dict[str, Any]]:
        """By attestation, what `explain` says about `prod`."""
        lines = ["apiVersion: weighbridge.dev/v1", "kind: Catalogue", "trust:", "  signers:"]
        lines += [f"    {name}: {value}" for name, value in self.signers.items()]
        lines += ["attestations:", *(f"  {name}: {value}" for name, value in self.attestations.items())]
        wanted = ", ".join(name for name in self.attestations if name != "packaged")
        lines += ["environments:", f"  prod: {{requires: [{wanted}]}}", ""]
        (self.folder / "c" / "weighbridge.yaml").write_text("\n".join(lines))
        result = weighbridge("explain", "c", "m@1", "--format", "json", cwd=self.folder)
        assert result.returncode in {0, 1}, result.stderr
        document = json.loads(result.stdout)
        found = {one["requirement"]: one for one in document["environments"][0]["requirements"]}
        return found | {"unusable": {"unusable": document["unusable"]}}

    def why_not(self, name: str) -> str:
        """Everything that is said against an attestation; it must not hold."""
        found = self.explain()
        assert found[name]["met"] is False
        said = [entry["reason"] for entry in (*found[name]["unusable"], *found["unusable"]["unusable"])]
        said += [reason for verdict in found[name]["evidence"] for reason in verdict["reasons"]]
        return "; ".join([*said, *(reason["message"] for reason in found[name]["reasons"])])

    def holds(self, name: str) -> bool:
        """Whether an attestation holds."""
        return bool(self.explain()[name]["met"])


@pytest.fixture
def gate(tmp_path: Path, model: Path) -> Gate:
    """A catalogue around the model."""
    return Gate(tmp_path, model)
