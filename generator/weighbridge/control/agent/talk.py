"""HTTP to the control plane: conditional reads that wait for news, and receipts.

Several addresses are several replicas: whichever fails, the next one is asked. Nothing that comes from there is
believed here; `signed.py` and `control_data.py` verify it. The token's file is read for each request, so that a new one
counts at once.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from weighbridge import __version__
from weighbridge.control.server_address import server_url, speaks_here, trusted
from weighbridge.errors import InputError, WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WAIT_SECONDS = 15
"""For how long the control plane is asked to hold a request for news."""
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 10.0
"""Beyond the time that it was asked to wait."""
_LIVE_BYTES = 8 * 1024**2
_RELEASE_BYTES = 1024**3
"""Largest control data, and largest set of approvals: some 200,000 versions."""
_MAX_TOKEN_BYTES = 8192


class TalkError(WeighbridgeError):
    """The control plane gave no usable answer."""

    exit_status = 1


@dataclass(frozen=True)
class Credentials:
    """How the agent shows who it is; a token or a certificate, or both."""

    token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    """Authorities that vouch for the control plane; the system's without it."""


@dataclass(frozen=True)
class Answer:
    """What the control plane has at a path now."""

    etag: str
    data: bytes


class Talk:
    """One environment's conversation. Any thread may use it.

    Args:
        servers: addresses of the replicas.
        environment: whose documents are read.
        credentials: who asks.
        plain_http: whether HTTP without TLS may be spoken to others than this machine.

    Raises:
        InputError: no address, or credentials that cannot be read.
    """

    def __init__(
        self, servers: Sequence[str], environment: str, credentials: Credentials, *, plain_http: bool = False
    ) -> None:
        self._root = f"/v1/environments/{environment}/"
        self._token_file = credentials.token_file
        context = _context(credentials)
        self._clients = [
            httpx.Client(
                base_url=base,
                verify=context,
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=not speaks_here(base),
                follow_redirects=False,
                headers={"User-Agent": f"weighbridge-agent/{__version__}", "Accept-Encoding": "identity"},
            )
            for base in (server_url(url, plain_http=plain_http) for url in dict.fromkeys(servers))
        ]
        self._first = 0
        self._authorization()

    def close(self) -> None:
        """Give the connections back; whoever waits for an answer gets an error."""
        for client in self._clients:
            client.close()

    def read(self, name: str, etag: str = "", *, wait: int = 0) -> Answer | None:
        """A document of the environment; None if it is still the one with that ETag.

        Args:
            name: `livestate.jws`, `approvals` or `control.tar.gz`.
            etag: of the one that is known.
            wait: seconds for which the control plane may hold the request until there is another one.

        Raises:
            TalkError: no replica gave a usable answer.
        """
        headers = {"If-None-Match": etag} if etag else {}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        limit = _LIVE_BYTES if name == "livestate.jws" else _RELEASE_BYTES
        timeout = httpx.Timeout(_ANSWER_SECONDS + wait, connect=_CONNECT_SECONDS)
        found: Answer | None = self._each(lambda client: self._read(client, name, headers, limit, timeout))
        return found

    def send_receipt(self, receipt: dict[str, Any]) -> None:
        """Say what has become of it here.

        Raises:
            TalkError: no replica took it.
        """
        self._each(lambda client: self._post(client, receipt))

    def _each(self, ask: Any) -> Any:
        reasons = []
        for offset in range(len(self._clients)):
            place = (self._first + offset) % len(self._clients)
            try:
                found = ask(self._clients[place])
            except (httpx.HTTPError, TalkError, RuntimeError) as error:  # RuntimeError: closed meanwhile
                reasons.append(f"{self._clients[place].base_url}: {str(error) or type(error).__name__}")
                continue
            # Who has answered once is asked first from now on.
            self._first = place
            return found
        raise TalkError("; ".join(reasons))

    def _read(
        self, client: httpx.Client, name: str, headers: dict[str, str], limit: int, timeout: httpx.Timeout
    ) -> Answer | None:
        given = {**headers, **self._authorization()}
        with client.stream("GET", self._root + name, headers=given, timeout=timeout) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED and "If-None-Match" in headers:
                return None
            if response.status_code != httpx.codes.OK:
                raise TalkError(f"answered {response.status_code} for {name}")
            data = bytearray()
            for piece in response.iter_raw():
                data += piece
                if len(data) > limit:
                    raise TalkError(f"answered with more than {limit:,} bytes for {name}")
            return Answer(response.headers.get("ETag", ""), bytes(data))

    def _post(self, client: httpx.Client, receipt: dict[str, Any]) -> None:
        response = client.post("/v1/receipts", json=receipt, headers=self._authorization())
        if not response.is_success:
            raise TalkError(f"answered {response.status_code} to a receipt")

    def _authorization(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        fix = "Give a file with the token alone, as `weighbridge serve token` prints it."
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise InputError.single(str(self._token_file), "cannot be read as a token", fix) from error
        if not token or len(token) > _MAX_TOKEN_BYTES or not token.isprintable() or " " in token:
            raise InputError.single(str(self._token_file), "holds no token", fix)
        return {"Authorization": f"Bearer {token}"}


def _context(credentials: Credentials) -> ssl.SSLContext | bool:
    context = trusted(credentials.ca)
    if credentials.certificate is None:
        return context
    if isinstance(context, bool):
        context = ssl.create_default_context()
    try:
        context.load_cert_chain(credentials.certificate, credentials.key)
    except (OSError, ssl.SSLError) as error:
        fix = "Give PEM files: the certificate with its chain, and its key."
        raise InputError.single(str(credentials.certificate), "cannot be used as a client certificate", fix) from error
    return context
