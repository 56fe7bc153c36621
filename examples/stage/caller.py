"""A client that never stops calling: it remembers when which version answered, and when it was refused."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Self

import httpx

from weighbridge.errors import EngineError

PAUSE_SECONDS = 0.004
TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Seen:
    """One answer."""

    asked_ns: int
    answered_ns: int
    """Both of this machine's clock, as is the time of a log entry."""
    model: str
    """What was asked for: an alias, or a version."""
    status: int
    said: str
    """The version that answered, or the code of the denial."""


class Caller:
    """Calls each of several models in turns, through one gateway, inside a `with` block.

    Args:
        url: of the gateway.
        credential: the headers of a tenant.
        models: an alias and a version, say.
        prompt: what is asked.
    """

    def __init__(self, url: str, credential: dict[str, str], models: tuple[str, ...], prompt: str) -> None:
        self._client = httpx.Client(base_url=url, headers=credential, trust_env=False, timeout=30)
        self._models = models
        self._messages = [{"role": "user", "content": prompt}]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: list[Seen] = []

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, after the call that is under way."""
        self._over.set()
        self._thread.join()
        self._client.close()

    def wait_until_answered(self) -> None:
        """Until then the gateway has no bundles, and refuses."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while any(self._call(model).status != httpx.codes.OK for model in self._models):
            if time.monotonic() > deadline:
                raise EngineError(f"{self._client.base_url} did not answer within {TIMEOUT_SECONDS:g} s")
            time.sleep(PAUSE_SECONDS)

    def _run(self) -> None:
        while not self._over.is_set():
            for model in self._models:
                self.seen.append(self._call(model))
            self._over.wait(PAUSE_SECONDS)

    def _call(self, model: str) -> Seen:
        body = {"model": model, "messages": self._messages, "max_tokens": 64}
        asked = time.time_ns()
        try:
            response = self._client.post("/v1/chat/completions", json=body)
            document = response.json()
            said = document["error"]["code"] if "error" in document else document["model"]
            return Seen(asked, time.time_ns(), model, response.status_code, str(said))
        except (httpx.HTTPError, ValueError, KeyError) as error:
            return Seen(asked, time.time_ns(), model, 0, type(error).__name__)

    def first(self, model: str, said: str, since_ns: int) -> Seen | None:
        """The first answer about a model that says this and came from then on; None if none comes in time."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        position = 0
        while time.monotonic() < deadline:
            for seen in self.seen[position:]:
                position += 1
                if (seen.model, seen.said) == (model, said) and seen.answered_ns >= since_ns:
                    return seen
            time.sleep(PAUSE_SECONDS)
        return None

    def of(self, model: str, since_ns: int, until_ns: int) -> list[Seen]:
        """The answers about a model to calls that were made in that time."""
        return [seen for seen in self.seen if seen.model == model and since_ns <= seen.asked_ns < until_ns]
