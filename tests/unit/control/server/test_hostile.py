"""What strangers and broken networks do: none of it holds up an order, and all of it ends."""

import asyncio
import dataclasses
import gzip
import json
import re

import pytest
from tests.control_plane import Release, control_document, revoke, until

from weighbridge.control.server.limits import Limits

from .site import BUNDLE, LIVE, TOKENS, bearer, run, site

SIDECAR = f"authorization: Bearer {TOKENS['s']}\r\n"
QUICK = dataclasses.replace(Limits(), header_seconds=0.3, body_seconds=0.3, idle_seconds=1.0)
WAITING = "prefer: wait=25\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5_000 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /status HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", b"400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST /status HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\nhost: x\r\nx : y\r\n\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n", b"400"),
        (b"GET /heal\x00th HTTP/1.1\r\nhost: x\r\n\r\n", b"400"),
        (b"CONNECT evil:443 HTTP/1.1\r\nhost: x\r\n\r\n", b"4"),
        (b"GET http://evil/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b""),
        (f"GET {LIVE} HTTP/1.1\r\nhost: x\r\n{SIDECAR}{SIDECAR}\r\n".encode(), b"400"),
        (f"GET {LIVE} HTTP/1.1\r\nhost: x\r\nauthorization: Basic eDp5\r\nconnection: close\r\n\r\n".encode(), b"401"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"4"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40, b"400"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_the_connection_ends(tmp_path, data, status):
    async def scenario():
        async with site(tmp_path, limits=QUICK) as given:
            answer = await given.raw(data)
            assert answer.startswith(b"HTTP/1.1 " + status), answer
            assert len(re.findall(rb"HTTP/1.1 \d", answer)) == 1, "one request, one answer"

    run(scenario)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nhost: x\r\n", b"\r\n\r\n\r\n",
        f"POST /status HTTP/1.1\r\nhost: x\r\n{SIDECAR}content-length: 10\r\n\r\n{{".encode(),
        b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{",
    ],
)  # fmt: skip
def test_who_does_not_go_on_is_given_up(tmp_path, data):
    async def scenario():
        async with site(tmp_path, limits=QUICK) as given:
            answer = await given.raw(data, timeout=5)
            assert answer.startswith(b"HTTP/1.1 408") if data else not answer, answer

    run(scenario)


def test_an_idle_connection_without_a_credential_ends(tmp_path):
    async def scenario():
        async with site(tmp_path, limits=QUICK) as given:
            answer = await given.raw(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n", timeout=5)
            assert answer.startswith(b"HTTP/1.1 200")

    run(scenario)


def test_an_address_has_so_many_connections_and_who_shows_a_credential_is_not_among_them(tmp_path):
    async def scenario():
        limits = dataclasses.replace(Limits(), anonymous_connections=5)
        async with site(tmp_path, limits=limits) as given:
            poll = f"GET {LIVE} HTTP/1.1\r\nhost: x\r\n{SIDECAR}\r\n".encode()
            known = []
            for _ in range(8):
                reader, writer = await asyncio.open_connection(*given.address)
                writer.write(poll)
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                known.append(writer)
            strangers = [await asyncio.open_connection(*given.address) for _ in range(5)]
            await until(lambda: given.server.connections.total == 13)
            assert (await given.raw(b"")).startswith(b"HTTP/1.1 503")
            for writer in (*known, *(writer for _, writer in strangers)):
                writer.close()
            await until(lambda: given.server.connections.total == 0)
            assert not given.server.connections.held

    run(scenario)


def test_strangers_and_clients_have_their_rates(tmp_path):
    async def scenario():
        limits = dataclasses.replace(
            Limits(), anonymous_rate=0.01, anonymous_burst=5, sidecar_rate=0.001, sidecar_burst=0.01, order_rate=0.01,
            order_burst=2,
        )  # fmt: skip
        async with site(tmp_path, limits=limits) as given:
            strangers = [(await given.get(who="x")).status_code for _ in range(7)]
            assert strangers == [401] * 5 + [429] * 2
            # A client of a thousand sidecars has a thousand times as much: ten requests here.
            known = [(await given.get()).status_code for _ in range(12)]
            assert known == [200] * 10 + [429] * 2
            orders = [(await given.client.post("/v1/orders", content=revoke())).status_code for _ in range(3)]
            assert orders == [200, 200, 429]
            text = (await given.get("/metrics", who="r")).text
            assert 'weighbridge_serve_refused_total{code="too_many"}' in text

    run(scenario)


def test_slow_readers_by_the_hundred_hold_nobody_up(tmp_path):
    async def scenario():
        limits = dataclasses.replace(Limits(), write_seconds=1.0, write_pace=10**9)
        folder = tmp_path / "bundles"
        Release(folder).write(control_document(), note="".join(f"{i * 2654435761 % 2**32:x}" for i in range(400_000)))
        async with site(tmp_path, limits=limits, release=False) as given:
            await until(lambda: not given.plane.not_ready())
            path = "/bundles/prod/envoy/release.tar.gz"
            size = len((await given.get(path)).content)
            assert size > 1_000_000
            slow = []
            for _ in range(300):
                reader, writer = await asyncio.open_connection(*given.address, limit=1)
                writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n{SIDECAR}\r\n".encode())
                slow.append((reader, writer))
            tag = (await given.get()).headers["etag"]
            poll = asyncio.create_task(given.get(if_none_match=tag, prefer="wait=25"))
            await given.waiting(1)
            answer = await given.client.post("/v1/orders", content=revoke())
            assert answer.json()["results"][0]["outcome"] == "accepted"
            assert (await poll).status_code == 200
            # Those who do not read are cut off.
            await until(lambda: given.server.connections.total < 50)
            for _, writer in slow:
                writer.transport.abort()

    run(scenario)


def test_half_open_connections_and_pipelines_end(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            tag = (await given.get()).headers["etag"]
            one = f"GET {LIVE} HTTP/1.1\r\nhost: x\r\n{SIDECAR}if-none-match: {tag}\r\n{WAITING}\r\n".encode()
            reader, writer = await asyncio.open_connection(*given.address)
            writer.write(one * 50)
            await given.waiting(1)
            # One after the other, and never more than one at a time.
            await given.client.post("/v1/orders", content=revoke())
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.transport.abort()
            await given.waiting(0)

    run(scenario)


def test_bodies_have_their_bounds(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            bomb = gzip.compress(b" " * 50_000_000)
            assert len(bomb) < 100_000
            packed = {**bearer(), "content-encoding": "gzip"}
            cases = [
                ("/v1/orders", b"x" * 70_000, {}, 413),
                ("/v1/orders", b"{}", {}, 422),
                ("/v1/orders", b"\xff", {}, 422),
                ("/status", b"x" * 2_000_000, bearer(), 413),
                ("/status", bomb, packed, 413),
                ("/status", b"{}", packed, 400),
                ("/status", gzip.compress(b"{}")[:-2], packed, 400),
                ("/status", b"{}", {**bearer(), "content-encoding": "br"}, 415),
                ("/status", b"[]", bearer(), 400),
                ("/status", b"[" * 1000 + b"]" * 1000, bearer(), 400),
                ("/status", b'{"labels": {}}', bearer(), 422),
                ("/status", b'{"labels": {"environment": "dev"}}', bearer(), 403),
                ("/status", b"{}", {}, 401),
                ("/status", b"{}", bearer("a"), 403),
                ("/logs", bomb, packed, 413),
                ("/logs", b"{}", bearer(), 400),
                ("/logs", b'[{"labels": {"environment": "dev"}}]', bearer(), 403),
                ("/v1/receipts", b"x" * 70_000, bearer("a"), 413),
                ("/v1/receipts", b'{"environment": "dev"}', bearer("a"), 403),
                ("/v1/receipts", b'{"cluster": "west"}', bearer("a"), 403),
                ("/v1/receipts", b"{}", bearer("s"), 403),
            ]  # fmt: skip
            for path, body, headers, expected in cases:
                answer = await given.client.post(path, content=body, headers=headers)
                assert answer.status_code == expected, (path, body[:40], answer.text)
                # What is refused as an order is answered as any order is.
                assert "error" in answer.json() or "results" in answer.json()

    run(scenario)


class Cache:
    """A cache that obeys RFC 9111: it keeps what it may, and asks again for nothing that it need not."""

    def __init__(self, client):
        self.client, self.kept, self.asked = client, {}, 0

    async def get(self, path, headers):
        found = self.kept.get(path)
        if found is not None:
            return found
        self.asked += 1
        answer = await self.client.get(path, headers=headers)
        directives = answer.headers.get("cache-control", "")
        # Section 3.5 forbids to keep what a credential was shown for; a cache that passes over that is the worse one.
        if not re.search(r"no-store|private|no-cache", directives) and answer.headers.get("vary") != "*":
            self.kept[path] = answer
        return answer


def test_no_cache_keeps_an_old_bundle(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            cache = Cache(given.client)
            before = await cache.get(LIVE, bearer())
            await given.client.post("/v1/orders", content=revoke())
            await until(lambda: given.plane.bundle("prod/live.tar.gz").etag != before.headers["etag"])
            after = await cache.get(LIVE, bearer())
            assert after.headers["etag"] != before.headers["etag"]
            for path in ("/v1/orders", "/v1/environments/prod/fleet", "/v1/environments/prod/log.jsonl", "/ready"):
                answer = await given.get(path, who="r")
                assert answer.headers["cache-control"] == "no-store"
                assert answer.headers["vary"] == "*"
            late = await given.get(if_none_match=after.headers["etag"])
            assert (late.status_code, late.headers["cache-control"]) == (304, "no-store")
            assert late.headers["content-type"] == BUNDLE

    run(scenario)


def test_no_credential_is_told_to_anybody(tmp_path, caplog):
    async def scenario():
        async with site(tmp_path) as given:
            event = {
                "labels": {"environment": "prod"}, "decision_id": "1",
                "input": {"attributes": {"request": {"http": {"headers": {
                    "Authorization": "Bearer wb_prod_k7m2p9qa_" + "z" * 43, "x-api-key": "sesame", "accept": "*/*"}}}}},
                "result": {"note": "wb_prod_k7m2p9qa_" + "z" * 43},
            }  # fmt: skip
            packed = gzip.compress(json.dumps([event]).encode())
            answer = await given.client.post("/logs", content=packed, headers={**bearer(), "content-encoding": "gzip"})
            assert answer.status_code == 200, answer.text
            await given.get(who="x")
            await given.get(f"/nothing/{TOKENS['s']}")
            written = "".join(file.read_text() for file in (tmp_path / "decisions").iterdir())
            assert '"decision_id": "1"' in written
            assert '"accept": "*/*"' in written
            assert '"received_from": {"client": "client-s", "cluster": "east", "environment": "prod"}' in written
            told = written + caplog.text + (await given.get("/metrics", who="r")).text
            for secret in ("z" * 43, "sesame", *TOKENS.values()):
                assert secret not in told

    run(scenario)
