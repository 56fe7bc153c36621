"""Sinks: an event is there, whole and once, or the sender is told."""

import datetime
import errno
import fcntl
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.errors import InputError
from weighbridge.observe.events import model_release
from weighbridge.observe.sinks import TOKEN_VARIABLE, Delivery, DeliveryError, open_sink

EVENT = model_release(
    model_id="kb-qa-001", version="1", artifact_digest="sha256:" + "a" * 64, attestations=["x"], at_ns=1
)
QUICK = Delivery(timeout=2, attempts=3, backoff=0.0, longest_wait=0.0)


@dataclass
class Endpoint:
    """A real HTTP server that answers what it was told to, then 202, and keeps what it got."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    length: int = 0
    """What the answers say of their own size."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    yield from served(None)


def served(context: ssl.SSLContext | None) -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            state.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(state.answers.pop(0) if state.answers else 202)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(state.length))
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}/events"
    yield state
    server.shutdown()
    server.server_close()


def send(url: str) -> None:
    open_sink(url, delivery=QUICK).send(EVENT)


def test_a_cloud_event(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    send(endpoint.url)
    ((headers, body),) = endpoint.got
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["authorization"] == "Bearer s3cret"
    envelope = json.loads(body)
    assert envelope == {
        "specversion": "1.0",
        "id": EVENT["event_id"],
        "source": "/weighbridge",
        "type": "dev.weighbridge.model_release",
        "subject": "kb-qa-001@1",
        "time": "1970-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": EVENT,
    }


def test_no_token_no_header(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    send(endpoint.url)
    assert "authorization" not in endpoint.got[0][0]


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "é"])
def test_a_token_that_is_none_is_not_shown(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    with pytest.raises(InputError) as caught:
        send(endpoint.url)
    assert token not in str(caught.value)
    assert endpoint.got == []


@pytest.mark.parametrize("answers", [[503], [429, 500]])
def test_retried_with_the_same_bytes(endpoint: Endpoint, answers: list[int]) -> None:
    endpoint.answers = list(answers)
    send(endpoint.url)
    assert len(endpoint.got) == len(answers) + 1
    assert len({body for _, body in endpoint.got}) == 1


def test_retry_after_is_bounded(endpoint: Endpoint) -> None:
    endpoint.answers, endpoint.headers = [429], {"retry-after": "99999"}
    send(endpoint.url)
    assert len(endpoint.got) == 2


@pytest.mark.parametrize(
    ("answers", "asked"), [([503] * 9, 3), ([400], 1), ([401], 1), ([302], 1), ([307], 1), ([304], 1)]
)
def test_not_accepted(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, answers: list[int], asked: int) -> None:
    """A redirect is no acceptance, and is not followed: it would take the token elsewhere."""
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    status = answers[0]
    endpoint.answers, endpoint.headers = answers, {"location": endpoint.url}
    with pytest.raises(DeliveryError, match=f"answered {status}") as caught:
        send(endpoint.url)
    assert len(endpoint.got) == asked
    assert caught.value.exit_status == 1
    assert "s3cret" not in str(caught.value)


def test_a_proxy_gets_nothing_that_is_for_this_machine(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    send(endpoint.url)
    assert len(endpoint.got) == 1


def test_an_endless_answer_is_not_read(endpoint: Endpoint) -> None:
    """It says that ten megabytes follow, and sends none of them."""
    endpoint.headers = {"x-pad": "x"}
    endpoint.length = 10_000_000
    send(endpoint.url)
    assert len(endpoint.got) == 1


def test_nobody_listens() -> None:
    with pytest.raises(DeliveryError, match="ConnectError"):
        send("http://127.0.0.1:9/")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of our own for 127.0.0.1, key and all."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "here.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.fixture
def tls(certificate: Path) -> Iterator[Endpoint]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from served(context)


def test_tls_is_verified(tls: Endpoint, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
        send(tls.url)
    assert tls.got == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    send(tls.url)
    assert len(tls.got) == 1


@pytest.mark.parametrize(
    "target",
    [
        "",
        "events.jsonl",
        "file:",
        "file:///etc/x",
        "http://events.example.com/",
        "https://user:pass@example.com/",
        "https://",
        "https://example.com:99999/",
        "https://example.com/#f",
        "http://127.0.0.1.example.com/",
        "ftp://example.com",
    ],
)
def test_no_sink(target: str) -> None:
    with pytest.raises(InputError) as caught:
        open_sink(target)
    assert "pass@" not in str(caught.value)


def test_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    open_sink("-").send(EVENT)
    open_sink("stdout", asb=True).send(EVENT)
    ours, projected = capsys.readouterr().out.splitlines()
    assert json.loads(ours) == EVENT
    assert json.loads(projected)["schema_version"] == "asb-sec-0.1"


def test_stdout_of_another_encoding_changes_nothing() -> None:
    event = model_release(
        model_id="a", version="1", artifact_digest="sha256:" + "a" * 64, attestations=[], at_ns=1, parent_run_id="Läuft"
    )
    code = (
        "import json, sys; from weighbridge.observe.sinks import open_sink; open_sink('-').send(json.load(sys.stdin))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(event).encode(),
        env={**os.environ, "PYTHONIOENCODING": "ascii:replace"},
        capture_output=True,
        check=True,
    )
    assert json.loads(told.stdout) == event


def test_a_file_grows_by_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(open_sink(f"file:{file}").send, EVENT) for _ in range(40)]:
            done.result()
    assert [json.loads(line) for line in file.read_text().splitlines()] == [EVENT] * 40
    assert file.stat().st_mode & 0o007 == 0


def test_nobody_writes_while_another_may_take_his_line_back(tmp_path: Path) -> None:
    """Who fails halfway cuts the file to what it was; so nobody else may have written meanwhile."""
    file = tmp_path / "events.jsonl"
    with file.open("w") as other, ThreadPoolExecutor(1) as pool:
        fcntl.flock(other, fcntl.LOCK_EX)
        sent = pool.submit(open_sink(f"file:{file}").send, EVENT)
        with pytest.raises(TimeoutError):
            sent.result(0.2)
        assert file.stat().st_size == 0
        fcntl.flock(other, fcntl.LOCK_UN)
        sent.result()
    assert json.loads(file.read_text()) == EVENT


def test_a_torn_line_spoils_itself_only(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"torn')
    open_sink(f"file:{file}").send(EVENT)
    first, second = file.read_text().splitlines()
    assert first == '{"torn'
    assert json.loads(second) == EVENT


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes half of the line: stood in for, since no disk here is small enough."""
    file = tmp_path / "events.jsonl"
    open_sink(f"file:{file}").send(EVENT)
    before = file.read_bytes()
    write, calls = os.write, []

    def full(descriptor: int, data: Any) -> int:
        calls.append(data)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:40])

    monkeypatch.setattr("weighbridge.observe.append.os.write", full)
    with pytest.raises(DeliveryError, match="No space left"):
        open_sink(f"file:{file}").send(EVENT)
    assert file.read_bytes() == before


def test_files_that_cannot_be_appended_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "no" / "folder", tmp_path, tmp_path / "fifo"):
        with pytest.raises(DeliveryError, match="could not be written"):
            open_sink(f"file:{path}").send(EVENT)


def test_what_is_no_event_is_never_sent(endpoint: Endpoint, tmp_path: Path) -> None:
    for target in (endpoint.url, f"file:{tmp_path / 'e'}", "-"):
        with pytest.raises(InputError):
            open_sink(target, delivery=QUICK).send({**EVENT, "resource": {}})
    assert endpoint.got == []
    assert not (tmp_path / "e").exists()
