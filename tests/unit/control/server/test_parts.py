"""The server's parts by themselves: buckets, decision logs, what is said, what is told, how it is described."""

import json
import logging

import pytest
from cryptography.hazmat.primitives import serialization
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.control_plane import key

from weighbridge.control.server import limits
from weighbridge.control.server.api import Api
from weighbridge.control.server.decision_log import DecisionLog, Sender
from weighbridge.control.server.decision_logs import DecisionLogs
from weighbridge.control.server.errors import Refused
from weighbridge.control.server.health import Health
from weighbridge.control.server.identity import Identity
from weighbridge.control.server.log import _Calm, _Lines
from weighbridge.control.server.openapi import document
from weighbridge.control.server.reports import without_metrics
from weighbridge.control.server.settings import load, read_file
from weighbridge.errors import InputError
from weighbridge.keys import public_pem

from .site import TOKENS, run

SENDER = Sender("one", "prod", "east")
WHO = Identity("one", "sidecar", frozenset({"prod"}), "east")


def test_a_bucket_empties_and_fills(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    buckets = limits.Buckets(rate=2, burst=3, kept=2)
    assert [buckets.take("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert buckets.take("b")
    now[0] = 0.5
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    now[0] = 60
    assert [buckets.take("a") for _ in range(4)] == [True] * 3 + [False]
    assert [buckets.take("c", 2) for _ in range(7)] == [True] * 6 + [False]
    for name in range(100):
        buckets.take(name)
    assert len(buckets._buckets) == 2


def event(number=1, **more):
    return {"decision_id": str(number), "labels": {"environment": "prod"}, **more}


def body(*events):
    return json.dumps(events).encode()


def test_decisions_are_kept_in_bounded_parts(tmp_path):
    log = DecisionLog(tmp_path, part_bytes=2_000, kept_bytes=5_000)
    for number in range(60):
        log.append(SENDER, body(event(number)))
    files = sorted(tmp_path.iterdir())
    assert 2 <= len(files) <= 4
    assert all(file.stat().st_size <= 2_000 for file in files)
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert lines[-1]["decision_id"] == "59"
    assert sum(file.stat().st_size for file in files) <= 5_000
    # Who sent it is what the credential says, whatever the event does.
    log.append(SENDER, body(event(received_from="mallory")))
    assert '"received_from": {"client": "one"' in max(tmp_path.iterdir()).read_text().splitlines()[-1]


def test_what_is_refused_leaves_nothing_written(tmp_path):
    log = DecisionLog(tmp_path)
    for given in (b"", b"{}", b"[1]", body(event(), {"labels": {"environment": "dev"}}), b'[{"a": 1, "a": 2}]'):
        with pytest.raises(Refused):
            log.append(SENDER, given)
    assert log.append(SENDER, b"[]") == 0
    assert log.append(SENDER, body(event(text="x" * 300_000), event(2))) == 1
    (file,) = tmp_path.iterdir()
    assert file.read_text().count("\n") == 1


def test_a_folder_that_cannot_be_written_is_told_and_comes_back(tmp_path):
    async def scenario():
        logs = DecisionLogs(tmp_path / "logs")
        await logs.append(WHO, body(event()), b"identity")
        (tmp_path / "logs").rename(tmp_path / "gone")
        with pytest.raises(Refused) as caught:
            await logs.append(WHO, body(event()), b"identity")
        assert caught.value.status == 503
        (tmp_path / "gone").rename(tmp_path / "logs")
        # A writer that died is replaced, and loses nobody but its own batch.
        logs._process.kill()
        await logs._process.wait()
        await logs.append(WHO, body(event(2)), b"identity")
        assert logs.written == 2
        await logs.stop()

    run(scenario)
    with pytest.raises(InputError):
        DecisionLogs(next((tmp_path / "logs").iterdir()))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b'{"labels":{"id":"a"},"metrics":{"prometheus":{"x":1}},"plugins":{}}', {"labels": {"id": "a"}}),
        (b'{"labels":{"a":"b","metrics":{"prometheus":{}}}}', {"labels": {"a": "b", "metrics": {"prometheus": {}}}}),
        (b'{"labels":{"id":",\\"metrics\\":{\\"prometheus\\":"}}', {"labels": {"id": ',"metrics":{"prometheus":'}}),
        (b'{"labels":{}}', {"labels": {}}),
    ],
)  # fmt: skip
def test_a_status_is_read_without_what_nobody_reads(given, expected):
    assert json.loads(without_metrics(given)) == expected


def files(folder):
    private = key("live").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "live.pem").write_bytes(private)
    (folder / "release.pub").write_text(public_pem(key("release").public_key()))
    (folder / "live.pub").write_text(public_pem(key("live").public_key()))
    (folder / "clients.yaml").write_text("clients: []\n")
    return {
        "release_key": [str(folder / "release.pub")],
        "live_key": [str(folder / "live.pem")],
        "clients": str(folder / "clients.yaml"),
    }


def test_settings_are_read(tmp_path):
    settings = load({**files(tmp_path), "listen": "[::1]:0"})
    assert (settings.host, settings.port) == ("::1", 0)
    assert "PRIVATE" not in repr(settings)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"release_key": [], "live_key": [], "clients": None}, {"--release-key", "--live-key", "--clients"}),
        ({"listen": "0.0.0.0:8282"}, {"--listen"}),
        ({"listen": "[::]:8282"}, {"--listen"}),
        ({"listen": "models.example.com:8282"}, {"--listen"}),
        ({"listen": "127.0.0.1:70000"}, {"--listen"}),
        ({"listen": "127.0.0.1"}, {"listen"}),
        ({"tls_cert": "cert.pem"}, {"--tls-key"}),
        ({"client_certificates": "required"}, {"--client-ca"}),
        ({"tls_cert": "none.pem", "tls_key": "none.pem"}, {"--tls-cert"}),
        ({"log_format": "xml"}, {"log_format"}),
        ({"unknown": 1}, {"unknown"}),
    ],
)
def test_settings_that_cannot_be_used_are_told(tmp_path, changes, fields):
    with pytest.raises(InputError) as caught:
        load({**files(tmp_path), **changes})
    assert {problem.field for problem in caught.value.problems} == fields


def test_keys_are_the_right_ones(tmp_path):
    given = files(tmp_path)
    with pytest.raises(InputError, match="also a release key"):
        load({**given, "release_key": [str(tmp_path / "live.pub")]})
    with pytest.raises(InputError):
        load({**given, "live_key": [str(tmp_path / "live.pub")]})
    with pytest.raises(InputError):
        load({**given, "past_live_key": [str(tmp_path / "none.pub")]})
    assert load({**given, "listen": "0.0.0.0:1", "insecure_listen": True}).host == "0.0.0.0"


def test_a_file_is_read_strictly(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text("listen: 127.0.0.1:9000\nlive_key: [a, b]\n")
    assert read_file(path) == {"listen": "127.0.0.1:9000", "live_key": ["a", "b"]}
    path.write_text("listen: 127.0.0.1:9000\nlisten_to: x\ninsecure_listen: maybe\n")
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert [(problem.line, problem.field) for problem in caught.value.problems] == [
        (2, "listen_to"), (3, "insecure_listen"),
    ]  # fmt: skip
    with pytest.raises(InputError):
        read_file(tmp_path / "none.yaml")


def record(message, **fields):
    made = logging.LogRecord("weighbridge.serve", logging.INFO, "", 0, message, (), None)
    made.fields = fields
    return made


def test_what_is_said_is_one_line_and_holds_no_credential():
    secret = TOKENS["s"]
    given = record(f"heard {secret}\nand Bearer abcdefghijkl", database="postgresql://me:sesame@host/db", level="x")
    for form in ("json", "text"):
        said = _Lines(form).format(given)
        assert "\n" not in said
        assert not any(text in said for text in (secret, "abcdefghijkl", "sesame"))
    assert json.loads(_Lines("json").format(given))["level"] == "info"
    calm = _Calm()
    assert [calm.filter(record("again")) for _ in range(12)] == [True] * 10 + [False] * 2


def test_the_description_is_valid_and_complete():
    described = document()
    OpenAPIV31SpecValidator(described).validate()
    served = {route.path for part in (Api, Health) for route in part.routes(object.__new__(part))}
    published = {path for path in described["paths"] if path.startswith("/bundles/")}
    named = ("control.tar.gz", "livestate.jws", "approvals")
    files_ = {f"/v1/environments/{{environment}}/{way}{name}" for way in ("", "keys/{key}/") for name in named}
    others = {"/status", "/logs", "/v1/environments/{environment}/log.jsonl"}
    assert set(described["paths"]) == served | published | files_ | others
    assert len(published) == 4
