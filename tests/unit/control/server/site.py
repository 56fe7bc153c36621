"""A server in this event loop: the real plane on SQLite, real sockets, a release of our own."""

import asyncio
import contextlib
import dataclasses

import httpx
import uvloop
from tests.control_plane import Release, key, plane, until

from weighbridge.canonical import digest
from weighbridge.control.server import server as serving
from weighbridge.control.server.clients import ClientEntry
from weighbridge.control.server.limits import Limits
from weighbridge.control.server.server import Server, bind
from weighbridge.control.server.settings import ServeSettings

serving._DRAIN_SECONDS = 0.05
BUNDLE = "application/vnd.openpolicyagent.bundles"
LIVE = "/bundles/prod/live.tar.gz"
TOKENS = {name: f"wbs_{name * 43}"[:47] for name in ("s", "a", "r", "d", "x")}


def client(name, role="sidecar", environment="prod", cluster="east", **more):
    return ClientEntry(
        name=f"client-{name}",
        role=role,
        environment=environment,
        cluster=cluster,
        token_sha256=digest(TOKENS[name].encode()),
        **more,
    )


CLIENTS = (
    client("s"),
    client("a", "agent"),
    client("r", "reader", None, None),
    client("d", environment="dev"),
)


def bearer(name="s"):
    return {"authorization": f"Bearer {TOKENS[name]}"}


def settings(folder, **changes):
    given = ServeSettings(
        host="127.0.0.1",
        port=0,
        database="",
        release_keys=(key("release").public_key(),),
        live_keys=(key("live"),),
        past_live_keys=(),
        clients_file=folder / "clients.yaml",
        clients=CLIENTS,
        bundles=folder / "bundles",
        tls_files=None,
        tls=None,
        publish=(),
        decision_logs=folder / "decisions",
        log_format="json",
        pss=False,
    )
    return dataclasses.replace(given, **changes)


class Site:
    """A running server.

    Attributes:
        client: of HTTP, without a credential.
    """

    def __init__(self, server, given, plane_, client_, address):
        self.server, self.settings, self.plane, self.client, self.address = server, given, plane_, client_, address

    async def get(self, path=LIVE, *, who="s", **headers):
        shown = {} if who is None else bearer(who)
        return await self.client.get(
            path, headers={**shown, **{name.replace("_", "-"): v for name, v in headers.items()}}
        )

    async def raw(self, data, *, until_closed=True, timeout=10):
        """Bytes sent on a connection of their own, and what came back before it was closed."""
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read() if until_closed else reader.readuntil(b"\r\n\r\n"), timeout)
        writer.close()
        return answer

    async def waiting(self, number):
        await until(lambda: len(self.server.waiters) == number)


@contextlib.asynccontextmanager
async def site(folder, *, limits=None, release=True, **changes):
    """A server and what speaks to it."""
    folder.mkdir(exist_ok=True)
    if release:
        Release(folder / "bundles").write()
    given = settings(folder, **changes)
    listening = bind(given)
    address = listening.getsockname()
    async with plane(folder / "control.db", folder / "bundles") as running:
        if release:
            await until(lambda: not running.not_ready())
        server = Server(given, running, limits or Limits())
        task = asyncio.create_task(server.run(listening))
        await until(lambda: server._uvicorn is not None and server._uvicorn.started)
        scheme = "https" if given.tls else "http"
        async with httpx.AsyncClient(
            base_url=f"{scheme}://127.0.0.1:{address[1]}", trust_env=False, timeout=30, verify=False
        ) as http:
            try:
                yield Site(server, given, running, http, address)
            finally:
                await http.aclose()
                if not server.waiters.draining:
                    server.end()
                await asyncio.wait_for(task, 15)


def run(scenario):
    """On the loop that the command uses."""
    return uvloop.run(scenario())
