"""The calls that the demo makes, and what each must lead to.

A denial must carry exactly the expected code and status; an allowed call the very answer that the model gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai

from builder.material import Material

PYTHON = "import os\n\n\ndef main():\n    for name in os.listdir('.'):\n        print(name)\n"
JSON = '{"name": "weighbridge", "tags": ["policy", "models"], "nested": {"a": [1, 2, 3]}}'
QUESTION = "What is meant by an attestation?"
ANSWER = "A named claim that policy derives from verified evidence; nobody writes one by hand."
CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Result:
    """What came back."""

    status: int
    code: str
    """The denial's code; empty if allowed."""
    said: str
    """The model's answer, or the denial's message."""


@dataclass(frozen=True)
class Call:
    """One call."""

    who: str
    what: str
    make: Callable[[Client], Result]
    status: int = 200
    code: str = ""
    answer: str = ""
    """What the answer must be, or contain for a list of models; "" for a denial."""

    def met(self, result: Result) -> bool:
        """Whether the result is what it should be."""
        if (result.status, result.code) != (self.status, self.code):
            return False
        return bool(result.said) and (not self.answer or self.answer in result.said)


@dataclass(frozen=True)
class Client:
    """Who makes calls: knows the gateway and every tenant's key."""

    url: str
    material: Material
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30))
    openai_http: openai.DefaultHttpxClient = field(default_factory=lambda: openai.DefaultHttpxClient(trust_env=False))
    """Neither looks for a proxy: the gateway is on this machine."""

    def close(self) -> None:
        """Close all connections."""
        self.http.close()
        self.openai_http.close()

    def chat(self, key: str | None, model: str, prompt: str, **more: Any) -> Result:
        """A chat call with a plain HTTP client; `key` is a key's id, None for no credential."""
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 64, **more}
        return self.post(self.credential(key), json=body)

    def credential(self, key: str | None) -> dict[str, str]:
        """The header for a key's id."""
        return {} if key is None else {"authorization": f"Bearer {self.material.tenant_key(key)}"}

    def post(self, headers: dict[str, str], **content: Any) -> Result:
        """Any POST to the chat path."""
        return _result(self.http.post(f"{self.url}{CHAT}", headers=headers, **content))

    def models(self, key: str) -> Result:
        """The list of models that the gate answers by itself."""
        response = self.http.get(f"{self.url}/v1/models", headers=self.credential(key))
        if response.status_code != httpx.codes.OK:
            return _result(response)
        return Result(200, "", " ".join(sorted(entry["id"] for entry in response.json()["data"])))

    def sdk(self, key: str, model: str, prompt: str, **more: Any) -> Result:
        """The same through the `openai` package."""
        client = openai.OpenAI(
            base_url=f"{self.url}/v1",
            api_key=self.material.tenant_key(key),
            max_retries=0,
            http_client=self.openai_http,
        )
        try:
            messages = [{"role": "user", "content": prompt}]
            answer = client.chat.completions.create(**{"model": model, "messages": messages, "max_tokens": 64, **more})
            if not more.get("stream"):
                return Result(200, "", str(answer.choices[0].message.content))
            chunks = list(answer)
        except openai.APIStatusError as error:
            body = error.body if isinstance(error.body, dict) else {}
            return Result(error.status_code, str(error.code or ""), str(body.get("message", "")))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        return Result(200, "", f"{text.strip()} ({chunks[-1].usage.total_tokens} tokens)")


def _result(response: httpx.Response) -> Result:
    try:
        document = response.json()
    except ValueError:
        return Result(response.status_code, "", response.text[:200])
    if "error" in document:
        error = document["error"]
        return Result(response.status_code, str(error.get("code")), str(error.get("message")))
    return Result(response.status_code, "", str(document["choices"][0]["message"]["content"]))


def _denied(who: str, what: str, status: int, code: str, make: Callable[[Client], Result]) -> Call:
    return Call(who, what, make, status, code)


ALLOWED = (
    Call(
        "acme",
        "alias content-type: what is this text?",
        lambda c: c.chat("k7m2p9qa", "content-type", PYTHON),
        answer="python",
    ),
    Call("acme", "version magika@3.3.0 by name", lambda c: c.chat("k7m2p9qa", "magika@3.3.0", JSON), answer="json"),
    Call("acme (openai SDK)", "alias kb-qa", lambda c: c.sdk("k7m2p9qa", "kb-qa", QUESTION), answer=ANSWER),
    Call(
        "acme (openai SDK)",
        "the same, streamed, with usage",
        lambda c: c.sdk("k7m2p9qa", "kb-qa", QUESTION, stream=True, stream_options={"include_usage": True}),
        answer=ANSWER,
    ),
    Call(
        "globex",
        "which models may I use?",
        lambda c: c.models("g4b9x2ue"),
        answer="kb-qa kb-qa-001@2025.03.01 kb-qa-001@2025.03.15",
    ),
)
"""Calls that must reach a model, or be answered by the gate."""

DENIED = (
    _denied("nobody", "no credential", 401, "INF-007", lambda c: c.chat(None, "kb-qa", QUESTION)),
    _denied(
        "somebody",
        "a key of another form",
        401,
        "INF-008",
        lambda c: c.post({"authorization": "Bearer sk-1234"}, json={"model": "kb-qa", "messages": []}),
    ),
    _denied("somebody", "a key that nobody gave out", 401, "INF-009", lambda c: c.chat("zzzzzzzz", "kb-qa", QUESTION)),
    _denied("acme", "a key that expired", 401, "INF-010", lambda c: c.chat("e3x6p1rd", "kb-qa", QUESTION)),
    _denied("acme", "a key that was revoked", 401, "INF-011", lambda c: c.chat("r8v4k2ed", "kb-qa", QUESTION)),
    _denied("initech", "a tenant that is suspended", 403, "INF-013", lambda c: c.chat("i1n8t5ec", "kb-qa", QUESTION)),
    _denied(
        "globex", "a model it is not entitled to", 403, "INF-012", lambda c: c.chat("g4b9x2ue", "content-type", JSON)
    ),
    _denied("acme", "a key for magika only, on kb-qa", 403, "INF-012", lambda c: c.chat("m5d1n7ly", "kb-qa", QUESTION)),
    _denied("acme", "magika@3.1.0: revoked", 403, "INF-014", lambda c: c.chat("k7m2p9qa", "magika@3.1.0", JSON)),
    _denied("acme", "magika@3.2.1: frozen", 403, "INF-015", lambda c: c.chat("k7m2p9qa", "magika@3.2.1", JSON)),
    _denied(
        "acme", "magika@3.3.1: attestation missing", 403, "INF-018", lambda c: c.chat("k7m2p9qa", "magika@3.3.1", JSON)
    ),
    _denied(
        "acme", "magika@3.2.0: its scan is too old", 403, "INF-018", lambda c: c.chat("k7m2p9qa", "magika@3.2.0", JSON)
    ),
    _denied(
        "acme",
        "magika@3.0.0: its approval ended since policy was compiled",
        403,
        "INF-019",
        lambda c: c.chat("k7m2p9qa", "magika@3.0.0", JSON),
    ),
    _denied(
        "acme (openai SDK)",
        "magika@3.4.0: scored too low",
        403,
        "INF-018",
        lambda c: c.sdk("k7m2p9qa", "magika@3.4.0", JSON),
    ),
    _denied(
        "acme",
        "kb-qa-001@2025.03.20: nothing serves it",
        503,
        "INF-025",
        lambda c: c.chat("k7m2p9qa", "kb-qa-001@2025.03.20", QUESTION),
    ),
    _denied("acme", "gpt-4: unknown here", 404, "INF-016", lambda c: c.chat("k7m2p9qa", "gpt-4", QUESTION)),
    _denied(
        "acme", "an alias that points nowhere", 503, "INF-017", lambda c: c.chat("k7m2p9qa", "content-type-next", JSON)
    ),
    _denied(
        "acme (openai SDK)",
        "a stream that hides its usage",
        400,
        "INF-020",
        lambda c: c.sdk("k7m2p9qa", "kb-qa", QUESTION, stream=True),
    ),
    _denied(
        "globex",
        "1,000 tokens where 256 are allowed",
        400,
        "INF-021",
        lambda c: c.chat("g4b9x2ue", "kb-qa", QUESTION, max_tokens=1000),
    ),
    _denied(
        "acme",
        "a body that is cut off",
        400,
        "INF-001",
        lambda c: c.post(
            {**c.credential("k7m2p9qa"), "content-type": "application/json"}, content='{"model": "kb-qa", "mess'
        ),
    ),
    _denied(
        "acme",
        "two megabytes where one is allowed",
        413,
        "INF-005",
        lambda c: c.chat("k7m2p9qa", "content-type", "x" * 2_000_000),
    ),
)
"""Calls that must not reach a model, each for a reason of its own."""
