"""TLS to the control plane: only whom the named authority vouches for is spoken to, and our certificate is shown."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.control.ask import Limits, Servers, Unanswered
from weighbridge.control.server_address import trusted

QUICK = Limits(connect=2.0, patience=0.2, answer=5.0)
NOW = datetime.datetime.now(datetime.UTC)


def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority of its own, and what it issues."""

    def __init__(self, folder, title):
        self.folder, self.title = folder, title
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{title}.pem"
        own = self._builder(title, self.key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
        self.file.write_bytes(own.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, public):
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(self.title))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - datetime.timedelta(days=1))
            .not_valid_after(NOW + datetime.timedelta(days=1))
        )

    def issue(self, subject, address="127.0.0.1"):
        """Certificate and key in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = (
            self._builder(subject, key.public_key()).add_extension(names, False).sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{self.title}-{subject}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return file


@contextlib.asynccontextmanager
async def serving(certificate, client_ca=None):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED

    async def handle(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def ask(certificate, context, client_ca=None):
    async def work():
        async with serving(certificate, client_ca) as url, Servers([url], context=context, limits=QUICK) as servers:
            return (await servers.ask("GET", "/v1/orders")).body

    return asyncio.run(work())


@pytest.fixture
def ours(tmp_path):
    return Authority(tmp_path, "ours")


def test_whom_the_authority_vouches_for_is_spoken_to(ours):
    assert ask(ours.issue("control"), trusted(ours.file)) == b"ok"


def test_nobody_else_is(ours, tmp_path):
    others = Authority(tmp_path, "others")
    for certificate, context in (
        (others.issue("control"), trusted(ours.file)),
        (ours.issue("control"), trusted(None)),
        (ours.issue("elsewhere", "127.0.0.2"), trusted(ours.file)),
    ):
        with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED") as caught:
            ask(certificate, context)
        assert not caught.value.sent


def test_a_server_that_asks_for_a_certificate_gets_ours(ours):
    server, mine = ours.issue("control"), ours.issue("operator")
    assert ask(server, trusted(ours.file, mine), client_ca=ours.file) == b"ok"
    with pytest.raises(Unanswered):
        ask(server, trusted(ours.file), client_ca=ours.file)
