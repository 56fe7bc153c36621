"""A bundle server that its test commands, and a real OPA that polls it.

The server answers long-polls as the control plane will, so that OPA notices a publication within milliseconds, and
keeps every status that OPA reports: a test waits for the report about its own bundle and never for time to pass.
"""

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from weighbridge.canonical import sha256_hex

WAIT_SECONDS = 20.0
_BUNDLES = "application/vnd.openpolicyagent.bundles"


class BundleServer:
    """Serves what was published, remembers who fetched what and what was reported."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bundles: dict[str, bytes] = {}
        self.statuses: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self.fetched: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._closed = False
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def publish(self, name: str, bundle: bytes | None) -> None:
        """Serve this bundle from now on; None withholds it."""
        with self._changed:
            self.statuses.clear()
            if bundle is None:
                self._bundles.pop(name, None)
            else:
                self._bundles[name] = bundle
            self._changed.notify_all()

    def get(self, name: str, known: str | None, *, wait: bool) -> tuple[bytes, str] | None:
        """The bundle and its tag; None if there is none, or none but the known one for some seconds."""
        with self._changed:
            if wait and known:
                self._changed.wait_for(lambda: self._closed or self._tag(name) != known, 5)
            tag = self._tag(name)
            if tag is None or tag == known:
                return None
            self.fetched.append(tag)
            return self._bundles[name], tag

    def has(self, name: str) -> bool:
        with self._changed:
            return name in self._bundles

    def _tag(self, name: str) -> str | None:
        return f'"{sha256_hex(self._bundles[name])}"' if name in self._bundles else None

    def report(self, kind: str, document: Any) -> None:
        with self._changed:
            if kind == "status":
                self.statuses.append(document)
            else:
                self.decisions.extend(document)
            self._changed.notify_all()

    def wait_for_status(self, name: str, predicate: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first report since the last publication in which the bundle's state is as wanted."""

        def found() -> dict[str, Any] | None:
            states = (status.get("bundles", {}).get(name, {}) for status in self.statuses)
            return next((state for state in states if predicate(state)), None)

        with self._changed:
            state = self._changed.wait_for(found, WAIT_SECONDS)
            assert state, f"no such status of {name} in {json.dumps(self.statuses[-3:], indent=1)[:3000]}"
            return state

    def activated(self, name: str, revision: str) -> dict[str, Any]:
        return self.wait_for_status(
            name, lambda state: state.get("active_revision") == revision and not state.get("code")
        )

    def refused(self, name: str) -> dict[str, Any]:
        return self.wait_for_status(name, lambda state: bool(state.get("message")))


def _handler(server: BundleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            known = self.headers.get("If-None-Match")
            found = server.get(name, known, wait="wait=" in self.headers.get("Prefer", ""))
            status = 200 if found else 304 if known and server.has(name) else 404
            self.send_response(status)
            self.send_header("Content-Type", _BUNDLES)
            body, tag = found or (b"", known or "")
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # OPA hangs up when it stops
                self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            server.report(self.path.strip("/").split("/")[0], json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture(scope="module")
def bundle_server() -> Iterator[BundleServer]:
    server = BundleServer()
    yield server
    server.close()
