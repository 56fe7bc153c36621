"""Many sidecars in one process: real HTTP/1.1 connections that speak to a control plane as OPA does.

Each has, as an OPA has, a long poll for every bundle and one more connection for its statuses. It says `If-None-Match`
and `Prefer: wait`, goes on only while the media type is exactly OPA's, reads whole bodies, and posts a status after
each bundle, after each answer that nothing is new, and whenever OPA's decision log would have made it post one. The
status is one of a real OPA (60 KB, most of it metrics), in which the id and the revision are replaced.

`python -m benchmarks.pollers` reads one JSON object (`Plan`) from its standard input, writes a JSON object a line, and
ends with its input. Its clock is CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
import resource
import sys
import tarfile
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import uvloop

from benchmarks.polled_http import AT_ONCE, Http, header

BUNDLE = b"application/vnd.openpolicyagent.bundles"
ACTIVATING_SECONDS = 0.015
"""What a real OPA needs from the end of a download to the status that says that it is active, on an idle machine."""


@dataclass(frozen=True)
class Plan:
    """What to do; JSON on standard input."""

    ports: list[int]
    """Of the replicas, dealt out in turns."""
    clients: int
    bundles: dict[str, str]
    """Path by the bundle's name, such as `live`."""
    tokens: list[str]
    """Bearer tokens, dealt out in turns."""
    status: dict[str, Any]
    """What a real OPA posted."""
    ticks: tuple[float, float]
    """Seconds between two decision log uploads, at least and at most: each is followed by a status; 0 for none."""
    status_connections: int
    """Connections for statuses: one a client, as OPA has, or fewer, as behind a proxy."""
    wait: int = 25


@dataclass
class Times:
    """When, in nanoseconds of the monotonic clock, each client had a revision, and had its receipt taken."""

    delivered: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)


def compact(document: dict[str, Any]) -> bytes:
    """JSON as OPA writes it, without spaces."""
    return json.dumps(document, separators=(",", ":")).encode()


def say(message: dict[str, Any]) -> None:
    """A line for the parent."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Poll(Http):
    """The long poll of one client for one bundle."""

    def __init__(self, fleet: Fleet, client: Client, name: str) -> None:
        super().__init__(fleet, client.number)
        self._client, self._name, self._etag = client, name, b""
        path = fleet.plan.bundles[name]
        lines = (
            f"GET {path} HTTP/1.1",
            "Host: control.example.com",
            "User-Agent: Open-Policy-Agent/1 (benchmark)",
            f"Authorization: Bearer {client.token}",
            f"Prefer: modes=snapshot,delta;wait={fleet.plan.wait}",
        )
        self._request = "\r\n".join(lines).encode() + b"\r\n"

    def begin(self) -> None:
        """Ask for the bundle, once it is another one than before."""
        assert self.transport is not None
        known = b"If-None-Match: " + self._etag + b"\r\n" if self._etag else b""
        self.transport.write(self._request + known + b"\r\n")

    def answered(self, status: int, head: bytes, body: bytes) -> None:
        """Note when, say so, and wait for the next."""
        now = time.monotonic_ns()
        if status == 200 and header(head, b"content-type") == BUNDLE:
            self._etag = header(head, b"etag")
            self._client.activated(self._name, self.fleet.revision(body), now)
        elif status == 304:
            self.fleet.unchanged += 1
            self._client.post()
        else:
            # A real OPA would poll from now on.
            self.fleet.failed(f"{self._name}: {status}, {header(head, b'content-type')!r}: {body[:200]!r}")
            return
        self.begin()


class Post(Http):
    """A connection for statuses, opened with the first one; what cannot go at once waits."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        super().__init__(fleet, number)
        self._waiting: deque[tuple[Client, str | None, bytes]] = deque()
        self._under_way: tuple[Client, str | None, bytes] | None = None
        self._opened = False

    def send(self, client: Client, revision: str | None, request: bytes) -> None:
        """Post it when its turn comes; `revision` is what it first tells, if anything."""
        self._waiting.append((client, revision, request))
        if not self._opened:
            self._opened = True
            self.fleet.spawn(self.open())
        self._next()

    def begin(self) -> None:
        """What was under way when the connection broke goes again."""
        if self._under_way is not None:
            self._waiting.appendleft(self._under_way)
            self._under_way = None
        self._next()

    def _next(self) -> None:
        if self.transport is not None and self._under_way is None and self._waiting:
            self._under_way = self._waiting.popleft()
            self.transport.write(self._under_way[2])

    def answered(self, status: int, head: bytes, body: bytes) -> None:
        """Note when a receipt was taken."""
        now = time.monotonic_ns()
        assert self._under_way is not None
        _, revision, _ = self._under_way
        self._under_way = None
        self.fleet.statuses += 1
        if not 200 <= status < 300:
            self.fleet.failed(f"status: {status} {head[:200]!r} {body[:200]!r}")
            return
        if revision is not None:
            self.fleet.acknowledged(revision, now)
        self._next()


class Client:
    """One sidecar."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.number = number
        self.token = fleet.plan.tokens[number % len(fleet.plan.tokens)]
        self._fleet = fleet
        self._labels = {**fleet.plan.status["labels"], "id": str(uuid.uuid4())}
        self._bundles: dict[str, Any] = {}
        self._post = fleet.posts[number % len(fleet.posts)]
        self.polls = [Poll(fleet, self, name) for name in fleet.plan.bundles]

    def activated(self, name: str, revision: str, now: int) -> None:
        """A bundle is here: tell."""
        known = self._fleet.plan.status["bundles"][name]
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{now % 10**9:09}Z"
        self._bundles[name] = {
            **known,
            "active_revision": revision,
            "last_successful_activation": moment,
            "last_successful_download": moment,
            "last_successful_request": moment,
            "last_request": moment,
        }
        self._fleet.delivered(name, revision, now)
        told = revision if name == "live" else None
        asyncio.get_running_loop().call_later(ACTIVATING_SECONDS, self.post, told)

    def post(self, revision: str | None = None) -> None:
        """Post a status as OPA does."""
        body = compact({"labels": self._labels, "bundles": self._bundles})[:-1] + self._fleet.rest
        lines = (
            "POST /status HTTP/1.1",
            "Host: control.example.com",
            "User-Agent: Open-Policy-Agent/1 (benchmark)",
            f"Authorization: Bearer {self.token}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        self._post.send(self, revision, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def tick(self) -> None:
        """What OPA does after each upload of its decision log, also of an empty one."""
        self.post()
        self.later()

    def later(self) -> None:
        """Plan the next tick."""
        if self._fleet.plan.ticks[1] > 0:
            asyncio.get_running_loop().call_later(random.uniform(*self._fleet.plan.ticks), self.tick)


class Fleet:
    """All clients, and what they saw."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.opening = asyncio.Semaphore(AT_ONCE)
        self.over = False
        self.reconnects = self.failures = self.unchanged = self.statuses = 0
        rest = {key: value for key, value in plan.status.items() if key not in {"labels", "bundles"}}
        self.rest = b"," + compact(rest)[1:] if rest else b"}"
        self.posts = [Post(self, number) for number in range(plan.status_connections)]
        self._clients = [Client(self, number) for number in range(plan.clients)]
        self._times: dict[str, Times] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: tuple[bytes, str] = (b"", "")

    def spawn(self, work: Any) -> None:
        """Let it happen, and keep hold of it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self) -> None:
        """Open every connection, then answer the parent's questions until it has none."""
        await asyncio.gather(*(poll.open() for client in self._clients for poll in client.polls))
        for client in self._clients:
            client.later()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            counted = {name: getattr(self, name) for name in ("reconnects", "failures", "unchanged", "statuses")}
            say({"counted": counted, "times": {name: vars(times) for name, times in self._times.items()}})
        self.over = True

    def revision(self, body: bytes) -> str:
        """The revision of a bundle, read once for all who have the same."""
        if body != self._known[0]:
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as archive:
                members = {member.name.lstrip("/"): member for member in archive}
                manifest = archive.extractfile(members[".manifest"])
                assert manifest is not None
                self._known = (body, json.loads(manifest.read())["revision"])
        return self._known[1]

    def delivered(self, name: str, revision: str, now: int) -> None:
        """A client has a bundle, whole."""
        if name == "live":
            self._times.setdefault(revision, Times()).delivered.append(now)

    def acknowledged(self, revision: str, now: int) -> None:
        """A client's receipt was taken."""
        times = self._times[revision]
        times.acknowledged.append(now)
        if len(times.acknowledged) < self.plan.clients:
            return
        say({"revision": revision, **vars(times)})
        del self._times[revision]

    def failed(self, what: str) -> None:
        """Tell the parent once of what a real OPA would not have borne."""
        self.failures += 1
        if self.failures == 1:
            say({"failed": what})


def main() -> None:
    """Run as the child that `benchmarks.fleet` starts."""
    given = json.loads(sys.stdin.readline())
    plan = Plan(**{**given, "ticks": tuple(given["ticks"])})
    needed = plan.clients * len(plan.bundles) + plan.status_connections + 100
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if needed > hard:
        sys.exit(f"{needed} open files are needed, and {hard} allowed: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

    async def run() -> None:
        await Fleet(plan).run()

    uvloop.run(run())


if __name__ == "__main__":
    main()
