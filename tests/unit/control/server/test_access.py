"""Credentials: the file of clients, tokens, certificates by a real TLS handshake, operators' tokens."""

import datetime
import ipaddress
import json
import ssl
import time

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.control_plane import key

from weighbridge.canonical import digest
from weighbridge.control.operator_token import operator_token
from weighbridge.control.server.clients import CertificateMatch, ClientEntry, entry_yaml, make_token, read_clients
from weighbridge.control.server.identity import Directory
from weighbridge.control.server.tls import TlsFiles, server_context
from weighbridge.errors import InputError

from .site import CLIENTS, LIVE, TOKENS, bearer, run, site

SHA = "sha256:" + "0" * 64
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM


def entry(**changes):
    given = {"name": "one", "role": "sidecar", "environment": "prod", "cluster": "east", "token_sha256": SHA}
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def read(tmp_path, *entries, text=None):
    path = tmp_path / "clients.yaml"
    path.write_text(text if text is not None else json.dumps({"clients": list(entries)}))
    return read_clients(path)


def test_a_list_is_read(tmp_path):
    clients = read(tmp_path, entry(), entry(name="two", token_sha256=None, certificate={"dns": "two.example"}))
    assert [client.name for client in clients] == ["one", "two"]
    assert read(tmp_path, entry(role="reader", environment=None, cluster=None))[0].environment is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cluster": None}, "clients[0]"), ({"environment": None}, "clients[0]"),
        ({"token_sha256": None}, "clients[0]"),
        ({"token_sha256": "wbs_" + "x" * 43}, "clients[0].token_sha256"), ({"role": "operator"}, "clients[0].role"),
        ({"environment": "../prod"}, "clients[0].environment"), ({"name": "One"}, "clients[0].name"),
        ({"certificate": {}}, "clients[0].certificate"),
        ({"certificate": {"dns": "*.example"}}, "clients[0].certificate.dns"),
        ({"certificate": {"dns": "a", "uri": "spiffe://a/b"}}, "clients[0].certificate"),
        ({"more": 1}, "clients[0].more"),
        ({"sidecars": 0}, "clients[0].sidecars"), ({"token": "x"}, "clients[0].token"),
    ],
)  # fmt: skip
def test_what_is_no_client_is_told_with_its_place(tmp_path, changes, field):
    with pytest.raises(InputError) as caught:
        read(tmp_path, entry(**changes))
    (problem,) = caught.value.problems
    assert problem.field.startswith(field), problem
    assert (problem.file, problem.line) == (str(tmp_path / "clients.yaml"), 1)
    assert problem.column > 1
    assert "wbs_" + "x" * 43 not in str(problem) or field.endswith("token_sha256")


def test_one_credential_belongs_to_one_client(tmp_path):
    other = "sha256:" + "1" * 64
    with pytest.raises(InputError) as caught:
        read(tmp_path, entry(), entry(token_sha256=other, previous_token_sha256=SHA))
    assert {problem.field for problem in caught.value.problems} == {
        "clients[0].name", "clients[1].name", "clients[0].token_sha256", "clients[1].previous_token_sha256",
    }  # fmt: skip
    for text in ("clients: [", "", "- x", "clients: []\nclients: []\n"):
        with pytest.raises(InputError):
            read(tmp_path, text=text)
    with pytest.raises(InputError):
        read_clients(tmp_path / "none.yaml")


def test_a_made_token_opens_and_no_other_does(tmp_path):
    token, made = make_token({"name": "one", "role": "sidecar", "environment": "prod", "cluster": "east"})
    assert len(token) == 47
    assert token not in entry_yaml(made)
    clients = read(tmp_path, text=f"clients:\n  {entry_yaml(made)}\n")
    directory = Directory.of(clients)
    found = directory.by_bearer(token.encode())
    assert (found.name, found.environment, found.cluster) == ("one", "prod", "east")
    for other in (token[:-1], token + "x", "", "wbs_", token.swapcase(), made["token_sha256"]):
        assert directory.by_bearer(other.encode()) is None
    ended = Directory.of(read(tmp_path, entry(token_sha256=digest(token.encode()), not_after="2020-01-01T00:00:00Z")))
    assert ended.by_bearer(token.encode()) is None
    both = Directory.of(read(tmp_path, entry(previous_token_sha256=digest(token.encode()))))
    assert both.by_bearer(token.encode()).name == "one"


def issued(folder, name, *, by=None, uri=None, days=1, authority=False):
    """A certificate and its key, as files; returns its DER."""
    own = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (subject, own) if by is None else by
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    names += [x509.UniformResourceIdentifier(uri)] if uri else []
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(own.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - 2 * DAY).not_valid_after(now + days * DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )  # fmt: skip
    (folder / f"{name}.crt").write_bytes(built.public_bytes(PEM))
    (folder / f"{name}.key").write_bytes(
        own.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return built, (subject, own)


def speaker(folder, given, name=None):
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    if name:
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    url = f"https://127.0.0.1:{given.address[1]}"
    return httpx.AsyncClient(base_url=url, verify=context, trust_env=False, timeout=10)


def test_certificates_are_recognised_by_a_real_handshake(tmp_path):
    _, ca = issued(tmp_path, "ca", authority=True)
    _, stranger = issued(tmp_path, "other", authority=True)
    issued(tmp_path, "server", by=ca)
    known, _ = issued(tmp_path, "known", by=ca)
    issued(tmp_path, "spiffe", by=ca, uri="spiffe://mesh/prod/sidecar")
    issued(tmp_path, "elsewhere", by=ca)
    issued(tmp_path, "nobody", by=ca)
    issued(tmp_path, "ended", by=ca, days=-1)
    issued(tmp_path, "forged", by=stranger, uri="spiffe://mesh/prod/sidecar")
    of = {"role": "sidecar", "environment": "prod", "cluster": "east"}
    clients = (
        *CLIENTS,
        ClientEntry(
            name="known",
            certificate=CertificateMatch(fingerprint=f"sha256:{known.fingerprint(hashes.SHA256()).hex()}"),
            **of,
        ),
        ClientEntry(name="spiffe", certificate=CertificateMatch(uri="spiffe://mesh/prod/sidecar"), **of),
        ClientEntry(name="ended", certificate=CertificateMatch(dns="ended"), **of),
        ClientEntry(name="elsewhere", certificate=CertificateMatch(dns="elsewhere"), **{**of, "environment": "dev"}),
    )
    files = TlsFiles(tmp_path / "server.crt", tmp_path / "server.key", tmp_path / "ca.crt")

    async def scenario():
        async with site(tmp_path / "site", clients=clients, tls_files=files, tls=server_context(files)) as given:
            for name, headers, expected in (
                ("known", {}, 200), ("spiffe", {}, 200), ("elsewhere", {}, 403), ("nobody", {}, 401), (None, {}, 401),
                (None, bearer(), 200), ("nobody", bearer(), 200), ("known", bearer(), 403), ("known", bearer("x"), 401),
            ):  # fmt: skip
                async with speaker(tmp_path, given, name) as http:
                    assert (await http.get(LIVE, headers=headers)).status_code == expected, (name, headers)
            for name in ("ended", "forged"):
                async with speaker(tmp_path, given, name) as http:
                    with pytest.raises(httpx.HTTPError):
                        await http.get(LIVE)
            # Whoever speaks in clear text, or a TLS that is too old, is not spoken to.
            assert b"200" not in await given.raw(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            # A new certificate counts for the connections that begin from now on; a broken one changes nothing.
            issued(tmp_path, "server", by=ca)
            given.settings.clients_file.write_text("clients: []\n")
            given.server.reload()
            assert given.server.gate.directory.names == frozenset()
            (tmp_path / "server.key").write_text("broken")
            given.server.reload()
            async with speaker(tmp_path, given) as http:
                assert (await http.get("/health")).status_code == 200

    run(scenario)


def test_a_certificate_can_be_asked_of_everybody(tmp_path):
    _, ca = issued(tmp_path, "ca", authority=True)
    issued(tmp_path, "server", by=ca)
    issued(tmp_path, "nobody", by=ca)
    files = TlsFiles(tmp_path / "server.crt", tmp_path / "server.key", tmp_path / "ca.crt", "required")

    async def scenario():
        async with site(tmp_path / "site", tls_files=files, tls=server_context(files)) as given:
            async with speaker(tmp_path, given) as http:
                with pytest.raises(httpx.HTTPError):
                    await http.get(LIVE, headers=bearer())
            async with speaker(tmp_path, given, "nobody") as http:
                assert (await http.get(LIVE, headers=bearer())).status_code == 200

    run(scenario)


def test_operators_read_by_a_token_for_one_request(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            path = "/v1/orders?environment=prod"
            now = time.time_ns()
            token = operator_token(key("oncall"), "GET", path, at_ns=now)

            async def status(path, token):
                return (await given.client.get(path, headers={"authorization": f"Bearer {token}"})).status_code

            assert await status(path, token) == 200
            assert await status("/v1/orders", token) == 401
            assert await status("/v1/orders?environment=prod&all=true", token) == 401
            fleet = "/v1/environments/prod/fleet"
            assert await status(fleet, operator_token(key("oncall"), "GET", fleet, at_ns=now)) == 200
            assert await status(fleet, operator_token(key("stranger"), "GET", fleet, at_ns=now)) == 401
            assert await status(fleet, operator_token(key("oncall"), "POST", fleet, at_ns=now)) == 401
            assert await status(fleet, operator_token(key("oncall"), "GET", fleet, at_ns=now - 600 * 10**9)) == 401
            logs = "/v1/environments/prod/log.jsonl"
            assert await status(logs, operator_token(key("oncall"), "GET", logs, at_ns=now)) == 200
            # What only sidecars do, no operator does.
            assert await status("/metrics", operator_token(key("oncall"), "GET", "/metrics", at_ns=now)) == 403
            report = operator_token(key("oncall"), "POST", "/status", b"{}", at_ns=now)
            answer = await given.client.post("/status", content=b"{}", headers={"authorization": f"Bearer {report}"})
            assert answer.status_code == 401

    run(scenario)


def test_tokens_stand_in_no_representation():
    directory = Directory.of(CLIENTS)
    shown = repr((directory, CLIENTS))
    assert not any(token in shown for token in TOKENS.values())
