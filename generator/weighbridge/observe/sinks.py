"""Where events go: standard output, a file of JSON Lines, an HTTP endpoint that takes CloudEvents.

Order of steps: `open_sink` refuses what is no sink before anything is sent; `send` returns only once the event is
there (written and synced, or accepted by the endpoint with 2xx) and raises `DeliveryError` in every other case.

Source: CloudEvents 1.0.2, HTTP protocol binding, structured mode (`application/cloudevents+json`).
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from weighbridge.errors import InputError, WeighbridgeError
from weighbridge.observe.events import check_event, digest_text, project

if TYPE_CHECKING:
    import httpx

    from weighbridge.observe.events import EventDocument

TOKEN_VARIABLE = "WEIGHBRIDGE_EVENT_TOKEN"  # noqa: S105 -- the name of a variable, not what it holds
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FORMS = "Write - or stdout, file:PATH, or https://HOST/PATH."


class DeliveryError(WeighbridgeError):
    """An event did not arrive, or nobody knows whether it did."""

    exit_status = 1


@dataclass(frozen=True)
class Delivery:
    """How an endpoint is asked; times in seconds."""

    timeout: float = 10.0
    """For connecting, and for each read or write."""
    attempts: int = 4
    """The first included."""
    backoff: float = 0.5
    """Before the second attempt; doubled each time."""
    longest_wait: float = 30.0
    """Of any wait, whatever the endpoint's Retry-After says."""


class Sink(Protocol):
    """Takes events."""

    def send(self, event: EventDocument) -> None:
        """Deliver one event.

        Raises:
            DeliveryError: it did not arrive.
            InputError: it is no event.
        """


def open_sink(target: str, *, asb: bool = False, delivery: Delivery | None = None) -> Sink:
    """The sink that a user named.

    Args:
        target: `-` or `stdout`, `file:PATH`, `https://...`; `http://` for this machine only.
        asb: send each event's projection to ASB v0.1.
        delivery: how an endpoint is asked.

    Raises:
        InputError: no sink, or one to which events would travel in clear text.
    """
    if target in {"-", "stdout"}:
        return _Stdout(asb)
    if target.startswith("file:"):
        path = target.removeprefix("file:")
        if not path or path.startswith("//"):
            raise _no_sink(target, "names no file", "Write file:PATH, such as file:events.jsonl.")
        return _File(Path(path), asb)
    if target.startswith(("https://", "http://")):
        return _endpoint(target, delivery or Delivery(), asb=asb)
    raise _no_sink(target, "is no sink", _FORMS)


def _no_sink(target: str, message: str, fix: str) -> InputError:
    return InputError.single("", f"{target!r:.200} {message}", fix, field="--event")


def line(event: EventDocument, *, asb: bool = False) -> bytes:
    """One line of JSON, checked.

    Raises:
        InputError: it is no event.
    """
    check_event(event)
    return digest_text(project(event) if asb else event).encode() + b"\n"


@dataclass(frozen=True)
class _Stdout:
    asb: bool

    def send(self, event: EventDocument) -> None:
        data = line(event, asb=self.asb)
        try:
            # As bytes: a terminal's encoding must not change what is told.
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise DeliveryError(f"the event could not be written to standard output: {error.strerror}") from error


@dataclass(frozen=True)
class _File:
    path: Path
    asb: bool

    def send(self, event: EventDocument) -> None:
        from weighbridge.observe.append import append_line  # noqa: PLC0415 -- `fcntl` is not everywhere

        data = line(event, asb=self.asb)
        try:
            append_line(self.path, data)
        except OSError as error:
            reason = f"{self.path}: the event could not be written: {error.strerror or error}"
            raise DeliveryError(f"{reason}. Name a file in a writable folder with room.") from error


def cloud_event(event: EventDocument, *, asb: bool = False) -> dict[str, Any]:
    """The CloudEvents 1.0 envelope of an event, in structured mode."""
    about = event["operation"].get("model", {})
    name = f"{about['name']}@{about['version']}" if "version" in about else None
    envelope = {
        "specversion": "1.0",
        "id": event["event_id"],
        "source": f"/weighbridge/{event['env']}" if "env" in event else "/weighbridge",
        "type": f"dev.weighbridge.{event['operation']['category']}",
        "subject": name,
        "time": event["timestamp"],
        "datacontenttype": "application/json",
        "data": project(event) if asb else event,
    }
    return {key: value for key, value in envelope.items() if value is not None}


def _endpoint(url: str, delivery: Delivery, *, asb: bool) -> _Endpoint:
    parts = urlsplit(url)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise _no_sink(url, f"is no URL: {error}", _FORMS) from error
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise _no_sink(parts._replace(netloc=host or "").geturl(), "names no host, or holds credentials", _FORMS)
    if parts.scheme == "http" and host not in _LOOPBACK:
        shown = parts._replace(query="").geturl()
        raise _no_sink(shown, "would send events in clear text", "Use https; http is for this machine only.")
    _authorization()
    return _Endpoint(url, delivery, asb)


@dataclass(frozen=True)
class _Endpoint:
    url: str
    delivery: Delivery
    asb: bool

    def send(self, event: EventDocument) -> None:
        check_event(event)
        body = digest_text(cloud_event(event, asb=self.asb)).encode()
        headers = {"content-type": CONTENT_TYPE, **_authorization()}
        what = ""
        for attempt in range(self.delivery.attempts):
            what, wait = self._attempt(body, headers)
            if not what:
                return
            if wait < 0:
                break
            if attempt + 1 < self.delivery.attempts:
                time.sleep(min(wait or self.delivery.backoff * 2**attempt, self.delivery.longest_wait))
        host = urlsplit(self.url).hostname
        fix = "Correct the endpoint or its token, and announce it again: the same event keeps its id."
        raise DeliveryError(f"the event {event['event_id']} was not accepted by {host}: {what}. {fix}")

    def _attempt(self, body: bytes, headers: dict[str, str]) -> tuple[str, float]:
        """What went wrong, "" if nothing; and how long to wait, 0 for the usual time, below 0 to give up."""
        import httpx  # noqa: PLC0415 -- costs 0.1 s, and most runs send nothing

        # A redirect is not followed: it would take the token and the event to whoever the answer names. Nor is a proxy
        # asked for this machine, and of an answer nothing but its head is read.
        client = httpx.Client(
            timeout=self.delivery.timeout, follow_redirects=False, trust_env=self.url.startswith("https://")
        )
        try:
            with client, client.stream("POST", self.url, content=body, headers=headers) as answer:
                if answer.is_success:
                    return "", 0
                again = answer.status_code == 429 or answer.is_server_error
                return f"it answered {answer.status_code}", _retry_after(answer) if again else -1
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return _why(error), 0


def _authorization() -> dict[str, str]:
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        # A library's own complaint would print it.
        fix = "Set it to the token alone, or unset it."
        raise InputError.single("", "holds what no bearer token can", fix, field=TOKEN_VARIABLE)
    return {"authorization": f"Bearer {token}"} if token else {}


def _why(error: Exception) -> str:
    """What went wrong, without what the request held."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _retry_after(answer: httpx.Response) -> float:
    """In seconds; 0 where the endpoint does not say."""
    given = answer.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
