"""HTTP to one registry: credentials go to it and to nobody else, every answer is bounded, what may pass is retried.

Order of one exchange: send; follow redirects of reads by hand; answer a challenge of the registry itself once; wait
and try again after 408, 429, a failing server, or a broken connection. Content codings are refused, so a small answer
cannot grow in memory.
"""

from __future__ import annotations

import random
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from weighbridge import __version__
from weighbridge.canonical import parse_json
from weighbridge.catalogue.source import display
from weighbridge.errors import InputError
from weighbridge.oci.challenge import MAX_TOKEN_BYTES, Challenge, basic, parse_challenges, parse_token
from weighbridge.oci.reference import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from weighbridge.oci.credentials import Credentials

    Body = Callable[[], Iterable[bytes]]
    """Gives the body anew for every attempt."""


@dataclass(frozen=True)
class Limits:
    """Bounds of what a registry can make a client do."""

    attempts: int = 5
    """How often one exchange is tried."""
    connect_attempts: int = 3
    """How often, where nobody answers at all."""
    backoff: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    longest_wait: float = 60
    """Seconds waited at most, whatever `Retry-After` says."""
    connect: float = 15
    """Seconds for a connection."""
    silence: float = 60
    """Seconds without a byte."""
    answer: float = 120
    """Seconds for a whole answer that is kept in memory."""
    slowest: int = 1024
    """Bytes a second below which a download is given up, after `answer` seconds."""
    redirects: int = 5
    chunk: int = 64 * 1024**2
    """Blobs up to this size, in bytes, go by one request, larger ones in chunks of it."""
    pages: int = 100
    """Pages of one list of referrers."""


LIMITS = Limits()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_DELAY = re.compile(r"[0-9]{1,6}\Z")
_ASK = "Ask whoever runs the registry, or try again later."


class Transport:
    """A connection to one registry, on behalf of one user; may be used by several threads."""

    def __init__(
        self, host: str, repository: str, *, plain_http: bool, credentials: Credentials, limits: Limits = LIMITS
    ) -> None:
        """Connect to nothing yet.

        Args:
            host: with the port, if it is not the scheme's own.
            repository: what tokens are asked for.
            plain_http: speak HTTP without TLS even if the registry is not on this machine.
            credentials: for this registry.
            limits: bounds.
        """
        self.host, self.repository, self.limits = host, repository, limits
        self._plain = plain_http
        self._credentials = credentials
        scheme = "http" if plain_http or is_loopback(host) else "https"
        self.base = httpx.URL(f"{scheme}://{host}")
        self._authorization: dict[str, str] = {}
        # A proxy in the environment is for the world outside, and what is said to this machine is not for it.
        self._client = httpx.Client(
            timeout=httpx.Timeout(limits.silence, connect=limits.connect),
            trust_env=not is_loopback(host),
            follow_redirects=False,
            headers={"User-Agent": f"weighbridge/{__version__}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def exchange(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        actions: str = "pull",
    ) -> Iterator[httpx.Response]:
        """Send a request, and give the answer, whose body has not been read yet.

        Args:
            method: of HTTP.
            target: a path, or a URL of the registry itself.
            headers: beside our own.
            body: what is sent; its length stands in `headers`.
            actions: what a token is asked for, `pull` or `pull,push`.

        Raises:
            InputError: no answer, or one that asks for what must not be done.
        """
        url = self.own_url(target)
        response = self._answered(method, url, dict(headers or {}), body, actions)
        try:
            yield response
        finally:
            response.close()

    def own_url(self, target: str) -> httpx.URL:
        """A URL of this registry from what it said, such as an upload's `Location`.

        Raises:
            InputError: it is another server's, so neither content nor credentials go there.
        """
        url = self._url(self.base, target)
        if not self._own(url):
            message = f"sends us to another server, {display(url.host)[:100]}, where only its own is expected"
            raise InputError.single(self.host, message, _ASK)
        return url

    def _own(self, url: httpx.URL) -> bool:
        return (url.scheme, url.host, _port(url)) == (self.base.scheme, self.base.host, _port(self.base))

    def _url(self, base: httpx.URL, target: str) -> httpx.URL:
        try:
            url = base.join(target)
        except (httpx.InvalidURL, ValueError) as error:
            raise InputError.single(self.host, "names an address that is none", _ASK) from error
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
            raise InputError.single(self.host, "names an address that is no plain HTTP address", _ASK)
        if url.scheme == "http" and not (self._plain or (self.base.scheme == "http" and is_loopback(url.host))):
            message = f"sends us to {display(url.host)[:100]} without TLS"
            raise InputError.single(self.host, message, "Give --plain-http if that is what you want.")
        return url

    def _answered(
        self, method: str, url: httpx.URL, headers: dict[str, str], body: Body | None, actions: str
    ) -> httpx.Response:
        why, attempt = "", 0
        for attempt in range(self.limits.attempts):
            delay = self.limits.backoff * 2**attempt * (0.5 + random.random())  # noqa: S311 -- spreads load, no secret
            try:
                response = self._authorized(method, url, headers, body, actions)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                why = display(f"cannot be reached: {str(error) or type(error).__name__}")[:200]
                if isinstance(error, httpx.ConnectError) and attempt + 1 >= self.limits.connect_attempts:
                    break
            else:
                if response.status_code not in _RETRIED:
                    return response
                why = self.complaint(response)
                asked = response.headers.get("Retry-After", "")
                delay = max(delay, float(asked)) if _DELAY.match(asked) else delay
                response.close()
            if attempt + 1 < self.limits.attempts:
                time.sleep(min(delay, self.limits.longest_wait))
        raise InputError.single(self.host, f"{why} ({attempt + 1} attempts)", _ASK)

    def _authorized(
        self, method: str, url: httpx.URL, headers: dict[str, str], body: Body | None, actions: str
    ) -> httpx.Response:
        response = self._followed(method, url, headers, body, actions)
        if response.status_code != httpx.codes.UNAUTHORIZED or not self._own(response.url):
            return response
        challenges = parse_challenges(response.headers.get_list("WWW-Authenticate"))
        response.close()
        self._authorization[actions] = self._authorize(challenges, actions)
        response = self._followed(method, url, headers, body, actions)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response.close()
            who = "these credentials" if self._credentials else "anonymous users"
            raise InputError.single(self.host, f"refuses {who} ({actions} on {self.repository})", _LOG_IN)
        return response

    def _followed(
        self, method: str, url: httpx.URL, headers: dict[str, str], body: Body | None, actions: str
    ) -> httpx.Response:
        for _ in range(self.limits.redirects + 1):
            sent = dict(headers)
            if self._own(url) and actions in self._authorization:
                sent["Authorization"] = self._authorization[actions]
            request = self._client.build_request(method, url, headers=sent, content=body() if body else None)
            response = self._client.send(request, stream=True)
            if response.status_code not in _REDIRECTS or method not in {"GET", "HEAD"}:
                return response
            response.close()
            url = self._url(url, response.headers.get("Location", ""))
        raise InputError.single(self.host, f"redirects more than {self.limits.redirects} times", _ASK)

    def _authorize(self, challenges: Mapping[str, Challenge], actions: str) -> str:
        if "bearer" in challenges:
            return self._token(challenges["bearer"], actions)
        if "basic" in challenges and self._credentials.username:
            return basic(self._credentials)
        what = "asks for credentials" if "basic" in challenges else "asks for credentials in no way that is known"
        raise InputError.single(self.host, f"{what} ({actions} on {self.repository})", _LOG_IN)

    def _token(self, challenge: Challenge, actions: str) -> str:
        """A token for what the registry asks for; its server may be another, as the registry's own word has it."""
        url = self._url(self.base, challenge.realm)
        asked = {"service": challenge.service, "scope": challenge.scope or f"repository:{self.repository}:{actions}"}
        asked = {key: value for key, value in asked.items() if value}
        if self._credentials.identity_token:
            form = {"grant_type": "refresh_token", "client_id": "weighbridge", **asked}
            form["refresh_token"] = self._credentials.identity_token
            request = self._client.build_request("POST", url, data=form)
        else:
            headers = {"Authorization": basic(self._credentials)} if self._credentials else {}
            request = self._client.build_request("GET", url.copy_merge_params(asked), headers=headers)
        response = self._client.send(request, stream=True)
        try:
            if response.status_code in {400, 401, 403}:
                raise InputError.single(self.host, "its token server refuses these credentials", _LOG_IN)
            if response.status_code != httpx.codes.OK:
                raise httpx.RemoteProtocolError(f"its token server answered {response.status_code}")
            return parse_token(self.body(response, MAX_TOKEN_BYTES), f"{self.host} (token server)")
        finally:
            response.close()

    def body(self, response: httpx.Response, limit: int) -> bytes:
        """The whole body of an answer.

        Raises:
            InputError: more than `limit` bytes, too slow, coded, or broken off.
        """
        data, started = bytearray(), time.monotonic()
        try:
            for piece in self.raw(response):
                data += piece
                if len(data) > limit:
                    raise InputError.single(self.host, f"answers with more than {limit:,} bytes", _ASK)
                if time.monotonic() - started > self.limits.answer:
                    raise InputError.single(self.host, f"needs more than {self.limits.answer} s for an answer", _ASK)
        except httpx.TransportError as error:
            raise InputError.single(self.host, f"broke off its answer: {error}"[:300], _ASK) from error
        return bytes(data)

    def raw(self, response: httpx.Response) -> Iterator[bytes]:
        """The body's bytes as they come.

        Raises:
            InputError: they are coded, though nobody asked for it.
        """
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise InputError.single(self.host, "answers with a content coding that nobody asked for", _ASK)
        return response.iter_raw()

    def complaint(self, response: httpx.Response) -> str:
        """What a registry says is wrong, for people."""
        said = ""
        try:
            said = _first_error(self.body(response, 64 * 1024))
        except InputError:
            said = ""
        return f"answered {response.status_code}" + (f": {said}" if said else "")

    def unexpected(self, response: httpx.Response, what: str) -> InputError:
        """The error for an answer that means nothing here."""
        return InputError.single(self.host, f"{self.complaint(response)} ({what})", _ASK)


_LOG_IN = "Log in with `docker login`, or give --username and --password-stdin."


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _first_error(data: bytes) -> str:
    """Code and message of the first error in a body as the distribution spec has it; "" if there is none."""
    try:
        first = parse_json(data, "answer")["errors"][0]
        return display(f"{first['code']} {first.get('message', '')}".strip())[:200]
    except (InputError, LookupError, TypeError, AttributeError):
        return ""
