"""What fails, fails closed: no OPA, a silent OPA, no server, a server with a foreign certificate."""

import datetime
import ipaddress
import json
import socket
import threading

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from weighbridge.catalogue.configuration import Environment
from weighbridge.engines.envoy import EnvoyServer, validate_bootstrap
from weighbridge.engines.process import free_port
from weighbridge.errors import EngineError
from weighbridge.harness.upstream import upstream_app
from weighbridge.points.envoy import EnvoySite, envoy_bootstrap

from .conftest import CHAT, Gateway, chat

pytestmark = pytest.mark.engines
ACTIVE = "magika@3.3.0"


def site(folder, **changes):
    port = free_port()
    settings = {"listen": f"127.0.0.1:{port}", "opa_address": f"127.0.0.1:{free_port()}", "admin": f"unix://{folder}/admin",
                "access_log": f"{folder}/access.log", **changes}  # fmt: skip
    return port, EnvoySite(**settings)


def environment(upstream):
    return Environment.model_validate({"upstreams": {ACTIVE: upstream}})


def refusal(answer, status, code):
    assert answer.route is None
    assert (answer.status, answer.code) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-weighbridge-code"] == code
    return True


def test_without_opa_everything_is_refused(stage, tmp_path):
    port, addresses = site(tmp_path)
    with EnvoyServer(envoy_bootstrap("prod", environment("http://127.0.0.1:1"), addresses), folder=tmp_path):
        gateway = Gateway(stage, port)
        assert refusal(gateway.send(chat()), 503, "INF-022")
        assert refusal(gateway.send(path="/v1/models", method="GET"), 503, "INF-022")
        assert refusal(gateway.send(chat(), headers=[f"x-weighbridge-route: {ACTIVE}"]), 503, "INF-022")


def test_an_opa_that_never_answers_is_none(stage, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port, addresses = site(tmp_path, opa_address=f"127.0.0.1:{silent.getsockname()[1]}")
        with EnvoyServer(envoy_bootstrap("prod", environment("http://127.0.0.1:1"), addresses), folder=tmp_path):
            assert refusal(Gateway(stage, port).send(chat()), 503, "INF-022")


def test_a_server_that_is_down(stage, tmp_path):
    stage.sidecar("envoy")
    port, addresses = site(tmp_path, opa_address=stage.grpc_address)
    with EnvoyServer(
        envoy_bootstrap("prod", environment(f"http://127.0.0.1:{free_port()}"), addresses), folder=tmp_path
    ):
        answer = Gateway(stage, port).send(chat())
        assert refusal(answer, 503, "INF-025")
        assert answer.json["error"]["decision_id"] == answer.headers["x-weighbridge-decision-id"]


def test_a_version_that_envoy_has_no_cluster_for(stage, tmp_path):
    stage.sidecar("envoy")
    port, addresses = site(tmp_path, opa_address=stage.grpc_address)
    with EnvoyServer(envoy_bootstrap("prod", Environment(), addresses), folder=tmp_path):
        assert refusal(Gateway(stage, port).send(chat()), 404, "INF-025")


def certificate(folder, name):
    """A self-signed certificate for 127.0.0.1 or for another name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    alternative = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / f"{name}.crt").write_bytes(built.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / f"{name}.crt"


@pytest.fixture
def tls_server(tmp_path):
    servers = []

    def start(certificate_file):
        port = free_port()
        config = uvicorn.Config(
            upstream_app(), host="127.0.0.1", port=port, log_level="error", lifespan="off",
            ssl_certfile=str(certificate_file), ssl_keyfile=str(certificate_file.with_suffix(".key")),
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        servers.append((server, thread))
        return port

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join(5)


@pytest.mark.parametrize(
    ("own", "trusted", "arrives"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.2", False),
        ("other.example", "other.example", False),
        ("127.0.0.1", "other.example", False),
    ],
)
def test_a_server_is_known_by_its_certificate(stage, tmp_path, tls_server, own, trusted, arrives):
    files = {name: certificate(tmp_path, name) for name in {own, trusted}}
    upstream = f"https://127.0.0.1:{tls_server(files[own])}"
    stage.sidecar("envoy")
    port, addresses = site(tmp_path, opa_address=stage.grpc_address, trusted_ca=str(files[trusted]))
    with EnvoyServer(envoy_bootstrap("prod", environment(upstream), addresses), folder=tmp_path):
        answer = Gateway(stage, port).send(chat())
        if arrives:
            assert answer.route == ACTIVE
        else:
            assert refusal(answer, 503, "INF-025")


def test_a_server_cannot_speak_for_the_gateway(stage, tmp_path):
    reply = (b"HTTP/1.1 200 OK\r\nx-weighbridge-code: INF-001\r\nx-weighbridge-decision-id: mine\r\n"
             b"content-length: 2\r\n\r\n{}")  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = threading.Thread(target=answer_once, daemon=True)
        thread.start()
        stage.sidecar("envoy")
        port, addresses = site(tmp_path, opa_address=stage.grpc_address)
        upstream = f"http://127.0.0.1:{server.getsockname()[1]}"
        with EnvoyServer(envoy_bootstrap("prod", environment(upstream), addresses), folder=tmp_path):
            answer = Gateway(stage, port).send(chat())
        thread.join(5)
    assert answer.status == 200
    assert "x-weighbridge-code" not in answer.headers
    assert answer.headers["x-weighbridge-decision-id"] != "mine"


def test_names_that_resolve_and_every_kind_of_address_are_accepted_by_envoy(tmp_path):
    upstreams = {"a@1": "http://localhost:8000", "a@2": "https://models.internal", "a@3": "https://10.0.0.1:8443"}
    certificate(tmp_path, "any.example")
    _, addresses = site(tmp_path, opa_address="unix:///run/opa.sock", trusted_ca=f"{tmp_path}/any.example.crt")
    path = tmp_path / "envoy.yaml"
    path.write_text(envoy_bootstrap("prod", Environment.model_validate({"upstreams": upstreams}), addresses))
    validate_bootstrap(path)
    path.write_text(json.dumps({"static_resources": {"listeners": [{"name": 1}]}}))
    with pytest.raises(EngineError, match=r"refuses envoy\.yaml"):
        validate_bootstrap(path)


def test_the_example_as_compiled_is_accepted_by_envoy(stage):
    validate_bootstrap(stage.output / "prod" / "envoy" / "envoy.yaml")
    assert CHAT in (stage.output / "prod" / "envoy" / "envoy.yaml").read_text()


def test_a_broken_bootstrap_is_told_with_what_envoy_says(tmp_path):
    _, addresses = site(tmp_path)
    text = envoy_bootstrap("prod", Environment(), addresses).replace("stat_prefix: calls", "stat_prefix: [1]")
    with pytest.raises(EngineError, match="envoy ended") as caught, EnvoyServer(text, folder=tmp_path):
        pass
    assert "stat_prefix" in caught.value.detail


def test_a_body_that_never_ends_is_cut_off(stage, tmp_path):
    stage.sidecar("envoy")
    port, addresses = site(tmp_path, opa_address=stage.grpc_address, request_seconds=1)
    with EnvoyServer(envoy_bootstrap("prod", environment("http://127.0.0.1:1"), addresses), folder=tmp_path):
        answer = Gateway(stage, port).send(b'{"model":', headers=["content-length: 100"])
        assert refusal(answer, 408, "INF-001")
