"""Hostile calls on the real Envoy: whatever a client writes, one decision is made, and it is the one that counts."""

import gzip
import json
import socket
import struct
import zlib

import pytest

from .conftest import ACME, CHAT, GLOBEX, chat

pytestmark = pytest.mark.engines

ALIAS, ACTIVE = "content-type", "magika@3.3.0"


def refused(answer, status, *codes):
    """A refusal in the form that SDKs show, with its code everywhere where one is looked for."""
    assert answer.route is None
    assert (answer.status, answer.codes) == (status, list(codes)), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json["error"]) == {"message", "type", "param", "code", "codes", "decision_id"}
    assert answer.headers["x-weighbridge-code"] == answer.code
    return True


def test_an_allowed_call_arrives_whole_and_without_its_credential(gateway):
    body = json.dumps(chat(), indent=3).encode() + b"\n  "
    answer = gateway.send(body, headers=["cookie: session=1", "proxy-authorization: Basic eA=="])
    assert (answer.status, answer.route) == (200, ACTIVE)
    assert answer.json["bytes"] == len(body)
    names = {name for name, _ in answer.json["headers"]}
    assert not names & {"authorization", "proxy-authorization", "cookie", "x-api-key"}
    assert answer.headers["x-weighbridge-decision-id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"model":"content-type","model":"nobody","max_tokens":1}', "INF-016"),
        (b'{"model":"nobody","model":"content-type","max_tokens":1}', ""),
        (b'{"model":"content-type","model":null,"max_tokens":1}', "INF-003"),
        (b'{"model":"content-type","model":["nobody"],"max_tokens":1}', "INF-003"),
        (b'{"m\\u006fdel":"content-type","max_tokens":1}', ""),
        (b'{"model":"nobody","m\\u006fdel":"content-type","max_tokens":1}', ""),
        (b'{"model":"content-type","m\\u006fdel":"nobody","max_tokens":1}', "INF-016"),
        (b'{"Model":"content-type","max_tokens":1}', "INF-003"),
        (b'{"MODEL":"nobody","model":"content-type","max_tokens":1}', ""),
        (b'{"x":{"model":"content-type"},"max_tokens":1}', "INF-003"),
        (b'{"model":"content-type\\u0000","max_tokens":1}', "INF-004"),
        (b'{"model":"content-type\x00","max_tokens":1}', "INF-001"),
        (b'{"model":" content-type","max_tokens":1}', "INF-004"),
        (b'{"model":"Content-Type","max_tokens":1}', "INF-004"),
        (b'{"model":"content-type@3.3.0","max_tokens":1}', "INF-016"),
        (b'{"model":"../magika","max_tokens":1}', "INF-004"),
        (b'{"model":"' + b"a" * 9000 + b'","max_tokens":1}', "INF-003"),
        (b'{"model":1,"max_tokens":1}', "INF-004"),
        (b"", "INF-001"),
        (b"null", "INF-001"),
        (b'"content-type"', "INF-001"),
        (b"{", "INF-001"),
        (b'{"model":"content-type","max_tokens":1', "INF-001"),
        (b'{"model":"content-type","max_tokens":1} {"model":"nobody"}', "INF-001"),
        (b'{"model":"content-type","max_tokens":1}x', "INF-001"),
        (b'{"model":"content-type","max_tokens":NaN}', "INF-001"),
        (b'{"model":"content-type","max_tokens":1e400}', "INF-001"),
        (b'{"model":"content-type","max_tokens":' + b"9" * 400 + b"}", "INF-001"),
        (b'{"model":"content-type","max_tokens":9223372036854775808}', "INF-001"),
        (b'{"model":"content-type","max_tokens":99999999999999999999999}', "INF-021"),
        (b'{"model":"content-type","max_tokens":1,"x":' + b"[" * 5000 + b"]" * 5000 + b"}", "INF-001"),
        (b'{"x":' * 20000 + b"1" + b"}" * 20000, "INF-001"),
        ('{"model":"content-type","max_tokens":1}'.encode("utf-16"), "INF-001"),
        (b'{"model":"content-type\xff","max_tokens":1}', "INF-001"),
        (b'{"model":"\\ud800","max_tokens":1}', "INF-001"),
        (b'/**/{"model":"content-type","max_tokens":1}', "INF-001"),
        (b"{'model':'content-type','max_tokens':1}", "INF-001"),
    ],
)
def test_odd_bodies_have_one_meaning(gateway, body, code):
    answer = gateway.send(body)
    if code:
        assert answer.route is None
        assert answer.code == code, answer.text
    else:
        assert answer.route == ACTIVE, answer.text


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/jsonx", "application/json, text/plain", "application/json; charset=utf-7",
     "application/json; charset=utf-16", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/json; x=y", None],
)  # fmt: skip
def test_a_body_of_another_type_is_not_read(gateway, content_type):
    answer = gateway.send(chat(), content_type=content_type)
    assert answer.route is None
    assert answer.code in {"INF-001", "INF-002"}, answer.text


def test_two_content_types_are_none(gateway):
    answer = gateway.send(chat(), headers=["Content-Type: text/plain"])
    assert answer.route is None
    assert answer.code in {"INF-001", "INF-002"}


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
def test_json_by_its_other_names_is_json(gateway, content_type):
    assert gateway.send(chat(), content_type=content_type).route == ACTIVE


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", bytes), ("gzip", bytes), ("identity, gzip", bytes)],
)
def test_what_envoy_read_is_what_the_server_reads(gateway, encoding, encode):
    answer = gateway.send(encode(json.dumps(chat()).encode()), headers=[f"content-encoding: {encoding}"])
    if answer.route is None:
        assert answer.code in {"INF-001", "INF-002"}
    else:
        # A body that is JSON as it stands: then no server may be told to unpack it into something else.
        assert encode is bytes
        assert "content-encoding" not in dict(answer.json["headers"])


def test_ten_megabytes_are_too_many(gateway):
    big = json.dumps(chat(padding="x" * 10_000_000)).encode()
    assert refused(gateway.send(big), 413, "INF-005")
    chunk = b"%x\r\n%s\r\n" % (len(big), big)
    assert refused(gateway.send(chunk + b"0\r\n\r\n", headers=["transfer-encoding: chunked"]), 413, "INF-005")


def test_a_body_in_chunks_is_a_body(gateway):
    body = json.dumps(chat()).encode()
    parts = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    answer = gateway.send(parts + b"0\r\n\r\n", headers=["transfer-encoding: chunked"])
    assert (answer.route, answer.json["bytes"]) == (ACTIVE, len(body))


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["transfer-encoding: chunked"], b"zz\r\n", 400),
        (["transfer-encoding: chunked", "content-length: 4"], b"0\r\n\r\n", 400),
        (["content-length: 4", "content-length: 5"], b"abcde", 400),
        (["content-length: -1"], b"", 400),
        (["transfer-encoding: gzip, chunked"], b"0\r\n\r\n", 501),
        (["bad header"], b"", 400),
        (["upgrade: websocket", "connection: upgrade"], b"", 403),
        ([f"x-{number}: 1" for number in range(100)], b"", 431),
        (["x-large: " + "a" * 60_000], b"", 431),
    ],
)
def test_a_malformed_request_gets_a_json_error(gateway, headers, body, status):
    answer = gateway.send(body, headers=headers)
    assert answer.status == status, answer.text
    assert refused(answer, status, answer.code)
    assert answer.code in {"INF-001", "INF-006"}


def test_a_header_that_some_servers_take_for_another_is_refused(gateway):
    # WSGI servers read x_weighbridge_route as x-weighbridge-route.
    answer = gateway.send(chat(), headers=["x_weighbridge_route: magika@3.0.0"])
    assert refused(answer, 400, "INF-001")


def test_http_1_0_is_refused(gateway):
    request = f"POST {CHAT} HTTP/1.0\r\nauthorization: Bearer {ACME}\r\ncontent-type: application/json\r\n\r\n"
    assert refused(gateway.raw(request.encode()), 426, "INF-006")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1%2Fchat/completions", 400),
        ("/v1/chat%5Ccompletions", 400),
        ("/v1/chat/completions/", 404),
        ("/v1/chat/completions;x=1", 404),
        ("/v1/chat/completions%2e", 404),
        ("/V1/chat/completions", 404),
        ("/v1/chat/completions/../models", 404),
        ("/v1/chat/../models", 405),
        ("/v1/chat/completions/extra", 404),
        ("/", 404),
        ("/metrics", 404),
        ("/v1/chat/completions%00", 400),
    ],
)
def test_other_paths_are_no_calls(gateway, path, status):
    answer = gateway.send(chat(), path=path)
    assert answer.status == status, answer.text
    assert "INF-006" in answer.codes


@pytest.mark.parametrize("path", ["//v1//chat///completions", "/x/../v1/chat/completions", "/v1/./chat/%63ompletions"])
def test_what_was_decided_on_is_the_path_that_the_server_sees(gateway, path):
    answer = gateway.send(chat(), path=path)
    if answer.route is None:
        assert answer.code == "INF-006"
    else:
        assert answer.json["path"] == CHAT


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_no_calls(gateway, method):
    answer = gateway.send(chat() if method == "PUT" else b"", method=method)
    assert answer.route is None
    assert answer.status >= 400


@pytest.mark.parametrize(
    "headers",
    [
        ["x-weighbridge-route: kb-qa-001@2025.03.15"],
        ["X-Weighbridge-Route: kb-qa-001@2025.03.15", "x-weighbridge-route: magika@3.0.0"],
        ["x-weighbridge-decision-id: mine", "x-weighbridge-anything: 1"],
        ["x-envoy-original-path: /v1/models", "x-envoy-upstream-rq-timeout-ms: 1", "x-envoy-retry-on: 5xx"],
        ["x-original-url: /admin", "x-rewrite-url: /admin", "x-http-method-override: DELETE", "forwarded: host=evil"],
        ["x-request-id: mine"],
    ],
)
def test_headers_of_ours_sent_by_a_client_are_nothing(gateway, headers):
    answer = gateway.send(chat(), headers=headers)
    assert answer.route == ACTIVE
    seen = dict(answer.json["headers"])
    assert seen["x-weighbridge-route"] == ACTIVE
    assert "mine" not in seen.values()
    sent = {header.split(":")[0].lower() for header in headers} - {"x-weighbridge-route", "x-weighbridge-decision-id"}
    assert not (sent - {"x-request-id"}) & set(seen)


def test_a_path_without_a_model_never_routes_by_a_clients_header(gateway):
    answer = gateway.send(
        path="/v1/models", method="GET", headers=[f"x-weighbridge-route: {ACTIVE}"], content_type=None
    )
    assert (answer.status, answer.route) == (200, None)
    assert answer.json["object"] == "list"
    assert answer.headers["x-weighbridge-decision-id"]


@pytest.mark.parametrize(
    "headers",
    [
        [f"authorization: Bearer {GLOBEX}"],
        [f"authorization: Bearer {ACME}"],
        ["x-api-key: something"],
    ],
)
def test_two_credentials_are_none(gateway, headers):
    answer = gateway.send(chat(), headers=headers)
    assert answer.route is None
    assert answer.code == "INF-008"


@pytest.mark.parametrize(
    ("value", "code"),
    [("", "INF-007"), (f"Basic {ACME}", "INF-008"), (f"bearer  {ACME}", "INF-008"), (f"Bearer {ACME}x", "INF-008"),
     (f"Bearer {ACME[:-1]}A", "INF-009"), (f"Bearer {ACME}, Bearer {ACME}", "INF-008"), ("Bearer wb_prod_", "INF-008"),
     ("Bearer " + "a" * 20_000, "INF-008")],
)  # fmt: skip
def test_other_credentials(gateway, value, code):
    headers = [f"authorization: {value}"] if value else []
    answer = gateway.send(chat(), key=None, headers=headers)
    assert answer.route is None
    assert answer.code == code, answer.text


def test_http_2_gets_the_same_decisions(gateway):
    allowed = http2(gateway.port, ACME, json.dumps(chat()).encode())
    assert b'"bytes"' in allowed
    denied = http2(gateway.port, "wb_prod_nobody00_" + "A" * 43, json.dumps(chat()).encode())
    assert b'"code":"INF-009"' in denied


def http2(port, key, body):
    """One request over HTTP/2 with prior knowledge (RFC 9113), header fields as literals (RFC 7541, 6.2.2)."""

    def literal(name, value):
        return b"\x00" + b"".join(hpack_string(text.encode()) for text in (name, value))

    def hpack_string(data):
        if len(data) < 127:
            return bytes([len(data)]) + data
        return b"\x7f" + bytes([len(data) - 127]) + data if len(data) < 255 else pytest.fail("too long for this test")

    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    fields = {":method": "POST", ":scheme": "http", ":authority": "gateway", ":path": CHAT,
              "authorization": f"Bearer {key}", "content-type": "application/json"}  # fmt: skip
    head = b"".join(literal(name, value) for name, value in fields.items())
    request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    request += frame(1, 4, 1, head) + frame(0, 1, 1, body)
    data = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        stream, received = connection.makefile("rb"), b""
        while len(received := stream.read(9)) == 9:
            length, kind, flags = int.from_bytes(received[:3]), received[3], received[4]
            payload = stream.read(length)
            if kind == 0:
                data += payload
            if kind in {0, 1} and flags & 1:
                break
    return data


@pytest.mark.parametrize("field", ["stream", "n", "max_tokens"])
@pytest.mark.parametrize("value", ["true", "1", "", -1, 0.5, 1e300])
def test_limits_of_another_type_are_refused(gateway, field, value):
    answer = gateway.send(chat(**{field: value}))
    assert answer.route is None, answer.text
    assert answer.code in {"INF-020", "INF-021", "INF-027"}


def test_a_version_without_an_upstream(gateway):
    answer = gateway.send(chat(model="kb-qa-001@2025.03.20"))
    assert answer.route is None
    assert answer.code == "INF-025"


def test_many_at_once_and_envoy_still_runs(gateway):
    for depth in (1000, 100_000, 200_000):
        assert gateway.send(b"[" * depth).code == "INF-001"
    assert gateway.send(chat()).route == ACTIVE
