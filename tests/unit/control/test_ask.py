"""Several replicas: the first good answer counts; dead, hung, lying and endless ones hold nobody up."""

import asyncio
import contextlib
import time

import httpx
import pytest

from weighbridge.control.ask import Limits, Servers, Unanswered, Unusable
from weighbridge.control.server_address import trusted
from weighbridge.engines.process import free_port
from weighbridge.errors import InputError

QUICK = Limits(connect=0.5, patience=0.1, answer=1.0, answer_bytes=1000)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@contextlib.asynccontextmanager
async def serving(*pieces, hang=False):
    """A server that sends these bytes to whoever asks, and then hangs or closes; it counts who has asked."""
    asked = []

    async def handle(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if hang:
                await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", asked
    finally:
        server.close()


async def ask(*urls, limits=QUICK, **given):
    async with Servers(urls, limits=limits) as servers:
        return await servers.ask("GET", "/v1/orders", **given)


def run(work):
    return asyncio.run(work)


def dead():
    return f"http://127.0.0.1:{free_port()}"


def test_one_that_answers():
    async def work():
        async with serving(GOOD) as (url, asked):
            reply = await ask(url, headers={"Authorization": "Bearer x"})
            assert (reply.status, reply.body) == (200, b"ok")
            assert b"GET /v1/orders HTTP/1.1" in asked[0]
            assert b"Bearer x" in asked[0]

    run(work())


def test_a_dead_one_is_passed_over_at_once():
    async def work():
        async with serving(GOOD) as (url, _):
            reply = await ask(dead(), dead(), url, limits=Limits(patience=30.0))
            assert reply.server.rstrip("/") == url

    run(work())


def test_a_hung_one_is_not_waited_for():
    async def work():
        async with serving(hang=True) as (hung, _), serving(GOOD) as (url, _):
            reply = await ask(hung, url)
            assert reply.server.rstrip("/") == url

    run(work())


def test_who_has_answered_is_asked_first_from_then_on():
    async def work():
        async with (
            serving(hang=True) as (hung, asked),
            serving(GOOD) as (url, _),
            Servers([hung, url], limits=QUICK) as servers,
        ):
            for _ in range(3):
                await servers.ask("GET", "/v1/orders")
            assert len(asked) == 1

    run(work())


def test_all_dead_says_so_and_that_nothing_was_sent():
    with pytest.raises(Unanswered, match="cannot be reached") as caught:
        run(ask(dead(), dead()))
    assert not caught.value.sent
    assert len(caught.value.reasons) == 2
    assert caught.value.exit_status == 1


def test_all_hung_ends_in_time_and_may_have_been_taken():
    async def work():
        async with serving(hang=True) as (first, _), serving(hang=True) as (second, _):
            await ask(first, second)

    began = time.monotonic()
    with pytest.raises(Unanswered, match="has not answered within 1 s") as caught:
        run(work())
    assert caught.value.sent
    assert len(caught.value.reasons) == 2
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("answer", "reason", "sent"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n",
            "sends us elsewhere",
            False,
        ),
        (b"HTTP/1.1 307 X\r\nLocation: /v1/orders\r\nContent-Length: 0\r\n\r\n", "sends us elsewhere", False),
        (b'HTTP/1.1 503 X\r\nContent-Length: 31\r\n\r\n{"error":{"message":"disk \x1bfull"}}', "answered 503", True),
        (b'HTTP/1.1 503 X\r\nContent-Length: 36\r\n\r\n{"error": {"message": "the disk is f"}}', "answered 503", True),
        (b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", "answered 429", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, "more than 1,000 bytes", True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b"x" * 500 + b"\r\n",
            "broke off",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", "content coding", True),
        (b"SSH-2.0-OpenSSH_9\r\n", "broke off", True),
        (b"", "broke off", True),
    ],
    ids=[
        "redirect",
        "redirect-home",
        "broken-json",
        "unavailable",
        "limited",
        "huge",
        "cut",
        "coded",
        "ssh",
        "nothing",
    ],
)
def test_what_is_no_answer_is_passed_over(answer, reason, sent):
    async def alone():
        async with serving(answer) as (url, _):
            await ask(url)

    with pytest.raises(Unanswered, match=reason) as caught:
        run(alone())
    assert caught.value.sent is sent
    assert str(caught.value).isprintable()

    async def with_another():
        async with serving(answer) as (url, _), serving(GOOD) as (other, _):
            assert (await ask(url, other)).body == b"ok"

    run(with_another())


def test_an_endless_answer_ends():
    async def work():
        async def endless(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(b"1\r\nx\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.05)

        server = await asyncio.start_server(endless, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await ask(f"http://127.0.0.1:{port}")
        finally:
            server.close()

    with pytest.raises(Unanswered, match="has not answered within"):
        run(work())


def test_an_answer_that_the_caller_does_not_take_leads_to_the_next():
    def picky(reply):
        if reply.body == b"ok":
            raise Unusable("is not what was asked for", sent=True)

    better = GOOD.replace(b"ok", b"OK")

    async def work():
        async with serving(GOOD) as (url, _), serving(better) as (other, _):
            assert (await ask(url, other, check=picky)).body == b"OK"
            await ask(url, check=picky)

    with pytest.raises(Unanswered, match="not what was asked for"):
        run(work())


def test_the_clock_is_compared():
    def reply(date):
        return GOOD.replace(b"\r\n\r\n", b"\r\nDate: " + date + b"\r\n\r\n")

    async def work(date):
        async with serving(reply(date)) as (url, _):
            return (await ask(url)).ahead_s

    ahead = run(work(b"Wed, 21 Oct 2015 07:28:00 GMT"))
    assert ahead is not None
    assert ahead > 1e8
    assert run(work(b"yesterday")) is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "no plain address"),
        ("ftp://x", "no plain address"),
        ("https://user:secret@x", "no plain address"),
        ("https://x/prefix", "no plain address"),
        ("https://x?y", "no plain address"),
        ("http://control.example:8443", "without TLS"),
        ("http://127.0.0.1.example.com", "without TLS"),
        ("https://[::1", "no address"),
        ("https://x:99999999", "no plain address"),
    ],
)
def test_an_address_must_be_one_and_with_tls(url, message):
    with pytest.raises(InputError, match=message):
        Servers([url])


def test_without_tls_only_to_this_machine_or_on_demand():
    for url in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://x", "x:8443"):
        Servers([url])
    Servers(["http://control.example"], plain_http=True)
    with pytest.raises(InputError, match="is missing"):
        Servers([])


def test_certificates_must_be_readable(tmp_path):
    file = tmp_path / "ca.pem"
    for text in (None, "no certificate"):
        if text is not None:
            file.write_text(text)
        with pytest.raises(InputError, match="cannot be read as certificates"):
            trusted(file)
        with pytest.raises(InputError, match="cannot be read as a certificate with its key"):
            trusted(None, file)


def test_a_certificate_that_nobody_vouches_for_is_not_believed():
    def untrusted(request):
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")

    async def work():
        async with Servers(["https://x"], transport=httpx.MockTransport(untrusted)) as servers:
            await servers.ask("POST", "/v1/orders", body=b"{}")

    with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED") as caught:
        run(work())
    assert not caught.value.sent
