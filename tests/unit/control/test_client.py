"""The client: tokens for what is read, the server's clock where ours is wrong, and what counts as an answer."""

import asyncio
import json
import time
from email.utils import formatdate

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from weighbridge.control.ask import Servers, Unanswered
from weighbridge.control.client import TOLERATED_S, ControlClient, Identity
from weighbridge.control.operator_token import verify_operator_token
from weighbridge.keys import fingerprint

KEY = ec.generate_private_key(ec.SECP256R1())
KNOWN = {fingerprint(KEY.public_key()): KEY.public_key()}


def answer(status, document=None, headers=None):
    """An answer whose body has not been read yet, as one from the network."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(json.dumps(document).encode()))


class Clocked:
    """A server whose clock is off by so many seconds, and that believes tokens by its clock alone."""

    def __init__(self, off_s=0.0):
        self.off_s = off_s
        self.asked = []

    def __call__(self, request):
        now = time.time() + self.off_s
        self.asked.append(request)
        date = {"Date": formatdate(now, usegmt=True)}
        try:
            verify_operator_token(
                request.headers.get("authorization", "").removeprefix("Bearer "),
                KNOWN,
                method=request.method,
                target=request.url.raw_path.decode(),
                body=request.content,
                at_ns=int(now * 1e9),
            )
        except ValueError as error:
            return answer(401, {"error": {"message": f"the token {error}"}}, headers=date)
        if request.method == "POST":
            return answer(200, {"results": []}, headers=date)
        return answer(200, {"environments": ["prod"], "orders": []}, headers=date)


def with_client(server, work, identity=None):
    async def run():
        async with Servers(["https://x"], transport=httpx.MockTransport(server)) as servers:
            return await work(ControlClient(servers, identity or Identity(KEY)))

    return asyncio.run(run())


@pytest.mark.parametrize("off_s", [0.0, 20.0, 3600.0, -3600.0, 10 * 86400.0])
def test_a_clock_that_is_off_does_not_keep_an_operator_from_reading(off_s):
    server, identity = Clocked(off_s), Identity(KEY)
    before = time.time_ns()
    assert with_client(server, lambda client: client.environments(), identity) == ("prod",)
    if abs(off_s) > TOLERATED_S:
        assert abs(identity.now_ns() - before - off_s * 1e9) < 10e9
    else:
        assert identity.ahead_ns == 0
    assert len(server.asked) <= 2


def test_a_server_that_believes_nothing_is_asked_twice_at_most():
    def never(request):
        calls.append(request)
        return answer(401, None, headers={"Date": formatdate(0, usegmt=True)})

    calls = []
    with pytest.raises(Unanswered, match="s ahead of the server's"):
        with_client(never, lambda client: client.environments())
    assert len(calls) == 2


def test_one_token_is_signed_for_the_same_request_until_it_nears_its_end():
    async def twice(client):
        await client.environments()
        await client.environments()
        await client.orders("prod", everything=True)

    server = Clocked()
    with_client(server, twice)
    first, second, third = (request.headers["authorization"] for request in server.asked)
    assert first == second
    assert third != first
    assert server.asked[2].url.raw_path == b"/v1/orders?environment=prod&all=true"


def test_an_order_shows_a_token_too_so_that_strangers_do_not_hold_it_up():
    server = Clocked()
    results, reply = with_client(server, lambda client: client.submit(b'{"x": 1}'))
    assert results == ()
    assert reply.status == 200


def test_names_are_quoted():
    server = Clocked()
    with pytest.raises(Unanswered):
        with_client(server, lambda client: client.environment("../orders?x#y"))
    assert server.asked[0].url.raw_path == b"/v1/environments/..%2Forders%3Fx%23y"


def test_a_reader_shows_what_it_was_given():
    def server(request):
        assert request.headers["authorization"] == "Bearer wbs_x"
        return answer(200, {"environments": []})

    assert with_client(server, lambda client: client.environments(), Identity(KEY, "wbs_x")) == ()


def test_nobody_shows_nothing():
    def server(request):
        assert "authorization" not in request.headers
        return answer(200, {"environments": []})

    assert with_client(server, lambda client: client.environments(), Identity()) == ()
