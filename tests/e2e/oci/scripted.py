"""A registry that does what a test tells it: the remote side of everything that no real one would do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Scripted:
    """What it answers by method and path (without the query), and what it was asked."""

    host: str = ""
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def on(self, method: str, path: str, answer: Answer) -> None:
        self.answers[method, path] = answer

    def authorizations(self) -> list[str]:
        return [headers["authorization"] for _, _, headers in self.asked if "authorization" in headers]


def reply(body: bytes = b"", status: int = 200, length: int | None = None, **headers: str) -> Answer:
    """An answer; headers are written with `_` for `-`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def endless(**headers: str) -> Answer:
    """Bytes until nobody listens any more."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last for ever."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


@contextmanager
def scripted(name: str = "127.0.0.1") -> Iterator[Scripted]:
    """Start one; `name` is what it is called in its own host."""
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            path = self.path.partition("?")[0]
            script.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            length = int(self.headers.get("Content-Length") or 0)
            self.body = self.rfile.read(length)
            try:
                script.answers.get((self.command, path), reply(b"", 404))(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def __getattr__(self, name: str) -> object:
            if name in {"do_GET", "do_HEAD", "do_PUT", "do_POST", "do_PATCH"}:
                return self.handle_one
            raise AttributeError(name)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.host = f"{name}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
