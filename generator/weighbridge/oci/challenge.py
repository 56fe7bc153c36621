"""What a registry answers to somebody it does not know, and how a token is asked for.

Sources: RFC 7235 (challenges), RFC 7617 (Basic), distribution's token authentication (`docs/spec/auth/token.md` and
`oauth.md`). No I/O.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.oci.credentials import Credentials

MAX_TOKEN_BYTES = 256 * 1024
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|\Z)\s*')
_SCHEME = re.compile(r"\s*([A-Za-z]+)\s+(?=[A-Za-z_]+\s*=)")
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")


@dataclass(frozen=True)
class Challenge:
    """One challenge: the scheme in lower case, and what it asks for."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(headers: Iterable[str]) -> dict[str, Challenge]:
    """The challenges of `WWW-Authenticate` headers by scheme, the first of each; what cannot be read is left out."""
    found: dict[str, Challenge] = {}
    for header in headers:
        position = 0
        while match := _SCHEME.match(header, position):
            given: dict[str, str] = {}
            scheme, position = match.group(1).lower(), match.end()
            # A name with a value belongs to this challenge; a name without one begins the next.
            while parameter := _PARAMETER.match(header, position):
                quoted, bare = parameter.group(2), parameter.group(3)
                value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
                given.setdefault(parameter.group(1).lower(), value)
                position = parameter.end()
            named = {key: given.get(key, "") for key in ("realm", "service", "scope")}
            found.setdefault(scheme, Challenge(scheme, **named))
    return found


def basic(credentials: Credentials) -> str:
    """The `Authorization` header of RFC 7617."""
    return "Basic " + b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def parse_token(data: bytes, name: str) -> str:
    """The `Authorization` header with the token that a token server answered.

    Raises:
        InputError: it holds none that could stand in a header.
    """
    document = parse_json(data, name)
    given = document if isinstance(document, Mapping) else {}
    token = given.get("token") or given.get("access_token")
    if not isinstance(token, str) or not _TOKEN.match(token):
        raise InputError.single(name, "answered without a token", "Ask whoever runs the registry.")
    return f"Bearer {token}"
