"""Model servers: one a version, each with only its own model, speaking OpenAI's chat API.

They are what the gate protects, so they trust it: no authentication of their own. Each remembers the headers that
reached it, so that the demo can show that no credential ever did.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from builder.inference import Model, load
from weighbridge.harness.serving import AppServer


class Upstreams:
    """All model servers of a site, each on a loopback port of its own, for as long as a `with` block lasts.

    They listen first, as the catalogue names their ports, and get their models by `load`.

    Args:
        versions: what to serve, `<model>@<version>`.
    """

    def __init__(self, versions: Iterable[str]) -> None:
        self._servers = {name: _ModelServer(name) for name in versions}
        self._running = ExitStack()
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        for name, server in self._servers.items():
            app = Starlette(routes=[Route("/v1/chat/completions", server.chat, methods=["POST"])])
            self.urls[name] = f"http://{self._running.enter_context(AppServer(app)).address}"
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def load(self, models: Path) -> None:
        """Load every version's model from the folder of its name."""
        for name, server in self._servers.items():
            server.model = load(name.split("@")[0], models / name)

    def seen_headers(self) -> set[str]:
        """The names of all headers that ever reached a model."""
        return set().union(*(server.seen for server in self._servers.values()))


class _ModelServer:
    def __init__(self, name: str) -> None:
        self._name = name
        self.model: Model | None = None
        self.seen: set[str] = set()

    async def chat(self, request: Request) -> Response:
        self.seen |= {name.lower() for name in request.headers}
        if self.model is None:
            return JSONResponse({"error": {"message": "the model is still being loaded"}}, status_code=503)
        call = await request.json()
        prompt = next((turn["content"] for turn in reversed(call.get("messages", [])) if turn["role"] == "user"), "")
        answer = await run_in_threadpool(self.model.answer, prompt)
        usage = _usage(prompt, answer)
        if call.get("stream"):
            return StreamingResponse(self._chunks(answer, usage), media_type="text/event-stream")
        message = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        return JSONResponse(self._document("chat.completion", [message], usage))

    def _chunks(self, answer: str, usage: dict[str, int]) -> Iterator[str]:
        for word in answer.split(" "):
            delta = {"index": 0, "delta": {"role": "assistant", "content": f"{word} "}, "finish_reason": None}
            yield _event(self._document("chat.completion.chunk", [delta], None))
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        yield _event(self._document("chat.completion.chunk", [end], None))
        yield _event(self._document("chat.completion.chunk", [], usage))
        yield "data: [DONE]\n\n"

    def _document(self, kind: str, choices: list[dict[str, Any]], usage: dict[str, int] | None) -> dict[str, Any]:
        return {
            "id": "chatcmpl-example",
            "object": kind,
            "created": int(time.time()),
            "model": self._name,
            "choices": choices,
            "usage": usage,
        }


def _event(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document)}\n\n"


def _usage(prompt: str, answer: str) -> dict[str, int]:
    prompted, answered = len(prompt.split()), len(answer.split())
    return {"prompt_tokens": prompted, "completion_tokens": answered, "total_tokens": prompted + answered}
