"""Bundles as OPA asks for them: long polling, tags, and nothing that a cache could keep."""

import asyncio
import dataclasses
import gzip
import tarfile

import pytest
from tests.control_plane import order, revoke, until

from weighbridge.control.server.bundles import seconds, wanted
from weighbridge.control.server.limits import Limits

from .site import BUNDLE, LIVE, TOKENS, run, site

WAIT = "modes=snapshot,delta;wait=25"


def test_a_bundle_is_served_as_opa_wants_it(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            first = await given.get()
            assert first.status_code == 200
            assert first.headers["content-type"] == BUNDLE
            assert first.headers["etag"].startswith('"')
            assert first.headers["cache-control"] == "no-store"
            assert first.headers["vary"] == "*"
            (tmp_path / "live.tar.gz").write_bytes(first.content)
            with tarfile.open(tmp_path / "live.tar.gz") as archive:
                assert "data.json" in "".join(archive.getnames())
            assert gzip.decompress(first.content)
            for point in ("envoy", "workload"):
                release = await given.get(f"/bundles/prod/{point}/release.tar.gz")
                assert (release.status_code, release.headers["content-type"]) == (200, BUNDLE)
            again = await given.get(if_none_match=first.headers["etag"])
            assert (again.status_code, again.content) == (304, b"")
            # Without it in this answer too, OPA would drop to polling.
            assert again.headers["content-type"] == BUNDLE
            assert again.headers["etag"] == first.headers["etag"]

    run(scenario)


@pytest.mark.parametrize("tags", ["W/{tag}", '"old", {tag}', '{tag}, "older", "oldest"'])
def test_any_of_the_tags_that_opa_names_counts(tmp_path, tags):
    async def scenario():
        async with site(tmp_path) as given:
            tag = (await given.get()).headers["etag"]
            assert (await given.get(if_none_match=tags.format(tag=tag))).status_code == 304
            assert (await given.get(if_none_match=tags.format(tag='"no"'))).status_code == 200

    run(scenario)


def test_who_waits_has_an_order_at_once_and_the_others_go_on_waiting(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            live, release = await given.get(), await given.get("/bundles/prod/envoy/release.tar.gz")
            polls = [asyncio.create_task(given.get(if_none_match=live.headers["etag"], prefer=WAIT)) for _ in range(20)]
            other = asyncio.create_task(
                given.get("/bundles/prod/envoy/release.tar.gz", if_none_match=release.headers["etag"], prefer=WAIT)
            )
            await given.waiting(21)
            answer = await given.client.post("/v1/orders", content=revoke())
            assert answer.json()["results"][0]["outcome"] == "accepted"
            news = await asyncio.gather(*polls)
            assert {poll.status_code for poll in news} == {200}
            assert {poll.headers["etag"] for poll in news} != {live.headers["etag"]}
            assert not other.done()
            other.cancel()

    run(scenario)


def test_waiting_ends_before_the_client_stops_waiting(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            tag = (await given.get()).headers["etag"]
            answer = await asyncio.wait_for(given.get(if_none_match=tag, prefer="wait=1"), 1)
            assert answer.status_code == 304

    run(scenario)


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        (b"", 0), (b"wait=10", 8), (b"modes=snapshot,delta;wait=10", 8), (b"wait=25", 20), (b"wait=999999", 20),
        (b"wait=-1", 0), (b"await=10", 0), (b"wait=1e3", 0), (b"wait=9999999", 0), (b"modes=snapshot, wait=5", 4),
    ],
)  # fmt: skip
def test_how_long_is_waited(prefer, expected):
    assert seconds(prefer, 20.0) == expected


def test_who_goes_away_is_not_waited_for(tmp_path):
    async def scenario():
        async with site(tmp_path, limits=dataclasses.replace(Limits(), first_wait=20.0)) as given:
            tag = (await given.get()).headers["etag"]
            reader, writer = await asyncio.open_connection(*given.address)
            head = f"GET {LIVE} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKENS['s']}\r\nif-none-match: {tag}\r\n"
            writer.write(f"{head}prefer: wait=25\r\n\r\n".encode())
            await given.waiting(1)
            writer.close()
            # Long before the answer would be due.
            await asyncio.wait_for(given.waiting(0), 8)
            del reader

    run(scenario)


def test_only_the_head_and_no_part(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            whole = await given.get()
            head = await given.client.head(LIVE, headers={"authorization": f"Bearer {TOKENS['s']}", "prefer": "wait=9"})
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(whole.content))
            part = await given.get(range="bytes=0-9")
            assert (part.status_code, part.content) == (200, whole.content)
            assert (await given.client.put(LIVE)).status_code == 405

    run(scenario)


HOSTILE = [
    "/bundles/prod/../dev/live.tar.gz", "/bundles/prod/%2e%2e/dev/live.tar.gz", "/bundles//prod/live.tar.gz",
    "//bundles/prod/live.tar.gz", "/bundles/prod/live.tar.gz/", "/bundles/prod%2flive.tar.gz",
    "/bundles/prod/live.tar.gz%00",
    "/bundles/PROD/live.tar.gz", "/bundles/prod/gatekeeper/release.tar.gz", "/bundles/prod/control.tar.gz",
    "/bundles/prod/keys/0123/live.tar.gz", "/bundles/..-/live.tar.gz", "/bundles/prod/live.tar.gz\\..",
    "/bundles/prod/%6Cive.tar.gz", "/v1/environments/prod/../dev/log.jsonl", "/v1/%65nvironments", "/v1//orders",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_only_the_plain_path_is_one(path):
    assert wanted(path.encode()) is None


def test_odd_paths_are_answered_alike(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            for path in HOSTILE:
                head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKENS['r']}\r\n"
                answer = await given.raw(f"{head}connection: close\r\n\r\n".encode())
                assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), (path, answer)
                assert b'{"error": {"code": ' in answer

    run(scenario)


def test_who_may_read_what(tmp_path):
    cases = [
        (None, LIVE, 401), ("x", LIVE, 401), ("d", LIVE, 403), ("s", LIVE, 200), ("a", LIVE, 200), ("r", LIVE, 200),
        ("d", "/bundles/dev/live.tar.gz", 404), ("s", "/bundles/dev/live.tar.gz", 403),
        ("s", "/v1/environments/prod/log.jsonl", 403), ("a", "/v1/environments/prod/log.jsonl", 200),
        ("a", "/v1/environments/prod/control.tar.gz", 200), ("r", "/v1/environments/prod/livestate.jws", 200),
        ("a", "/v1/environments/prod/approvals", 200), ("d", "/v1/environments/prod/livestate.jws", 403),
        ("s", "/v1/orders", 403), ("a", "/v1/orders", 403), ("r", "/v1/orders", 200),
        ("s", "/v1/environments/prod/fleet", 403), ("r", "/v1/environments/prod/fleet", 200),
        ("r", "/v1/environments/nowhere/fleet", 404), ("s", "/metrics", 403), ("r", "/metrics", 200),
        (None, "/metrics", 401), (None, "/health", 200), (None, "/ready", 200), (None, "/openapi.json", 200),
        (None, "/nothing", 404), ("s", "/logs", 405), (None, "/v1/environments", 401),
    ]  # fmt: skip

    async def scenario():
        async with site(tmp_path) as given:
            for who, path, expected in cases:
                answer = await given.get(path, who=who)
                assert answer.status_code == expected, (who, path, answer.text)
                assert answer.headers["cache-control"] == "no-store", path
                if expected >= 400:
                    assert set(answer.json()["error"]) == {"code", "message"}

    run(scenario)


def test_agents_wait_for_the_state_of_clusters(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            path = "/v1/environments/prod/livestate.jws"
            first = await given.get(path, who="a")
            poll = asyncio.create_task(given.get(path, who="a", if_none_match=first.headers["etag"], prefer="wait=20"))
            await given.waiting(1)
            await given.client.post("/v1/orders", content=order("freeze", "qa@2.0.0"))
            assert (await poll).text != first.text

    run(scenario)


def test_a_credential_that_was_taken_off_gets_no_more_news(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            tag = (await given.get()).headers["etag"]
            poll = asyncio.create_task(given.get(if_none_match=tag, prefer="wait=20"))
            await given.waiting(1)
            given.settings.clients_file.write_text("clients: []\n")
            given.server.reload()
            assert (await poll).status_code == 401
            # A file that cannot be used leaves the list as it was.
            given.settings.clients_file.write_text("clients: [{name: 7}]\n")
            given.server.reload()
            assert given.server.gate.directory.names == frozenset()

    run(scenario)


def test_a_server_that_ends_answers_who_waits(tmp_path):
    async def scenario():
        async with site(tmp_path) as given:
            tag = (await given.get()).headers["etag"]
            poll = asyncio.create_task(given.get(if_none_match=tag, prefer="wait=25"))
            await given.waiting(1)
            given.server.end()
            assert (await given.get("/ready", who=None)).json() == {"ready": False, "reasons": ["the server ends"]}
            answer = await asyncio.wait_for(poll, 5)
            assert (answer.status_code, answer.headers["connection"]) == (304, "close")
            await until(lambda: len(given.server.waiters) == 0)

    run(scenario)
