"""Credentials for registries, from where Docker, Podman and their credential helpers keep them.

Order: what the command line was given, then `REGISTRY_AUTH_FILE` (Podman), else `config.json` in `DOCKER_CONFIG` or
`~/.docker`: there `credHelpers`, then `auths`, then `credsStore`. A file that cannot be read is an error, for nobody
wants to be anonymous by mistake. Nothing of a secret ever stands in a message.

Sources: docker/cli `config/configfile`, docker-credential-helpers' protocol, containers-auth.json(5).
"""

from __future__ import annotations

import binascii
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighbridge.canonical import parse_json
from weighbridge.errors import InputError

MAX_CONFIG_BYTES = 1024**2
MAX_SECRET_BYTES = 64 * 1024
TOKEN_USER = "<token>"  # noqa: S105 -- the user name by which helpers say that the secret is an identity token
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_HELPER_SECONDS = 60
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_LOG_IN = "Log in again with `docker login`, or give --username and --password-stdin."


@dataclass(frozen=True)
class Credentials:
    """A user and a secret; both empty: anonymous."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth 2 refresh token, instead of the two."""

    def __bool__(self) -> bool:
        return bool(self.username or self.password or self.identity_token)


ANONYMOUS = Credentials()


def find_credentials(host: str) -> Credentials:
    """What Docker's or Podman's configuration has for a registry; anonymous if it has nothing.

    Raises:
        InputError: a configuration or a helper that cannot be read.
    """
    path = _configuration()
    if path is None:
        return ANONYMOUS
    name = str(path)
    document = parse_json(_bounded(path), name)
    if not isinstance(document, dict):
        raise InputError.single(name, "is no JSON object", _LOG_IN)
    keys = _keys(host)
    helpers = document.get("credHelpers")
    for key in keys:
        helper = helpers.get(key) if isinstance(helpers, Mapping) else None
        if isinstance(helper, str):
            return _ask(helper, key)
    auths = document.get("auths")
    for key in keys:
        entry = auths.get(key) if isinstance(auths, Mapping) else None
        if isinstance(entry, Mapping) and (found := _entry(entry, name)):
            return found
    store = document.get("credsStore")
    if isinstance(store, str) and store:
        return _ask(store, keys[0])
    return ANONYMOUS


def _configuration() -> Path | None:
    podman = os.environ.get("REGISTRY_AUTH_FILE")
    if podman:
        return Path(podman)
    folder = os.environ.get("DOCKER_CONFIG")
    path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    return path if path.exists() else None


def _bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise InputError.single(str(path), f"cannot be read: {error.strerror}", _LOG_IN) from error
    if len(data) > MAX_CONFIG_BYTES:
        raise InputError.single(str(path), f"has more than {MAX_CONFIG_BYTES:,} bytes", _LOG_IN)
    return data


def _keys(host: str) -> tuple[str, ...]:
    if host == "registry-1.docker.io":
        return (_DOCKER_HUB_KEY, "docker.io", "index.docker.io")
    return (host, f"https://{host}", f"https://{host}/", f"https://{host}/v1/", f"https://{host}/v2/")


def _entry(entry: Mapping[str, Any], name: str) -> Credentials:
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credentials(identity_token=token)
    encoded = entry.get("auth")
    if not isinstance(encoded, str) or not encoded:
        return ANONYMOUS
    try:
        user, colon, password = b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise InputError.single(name, "has an entry that is not base64 of user:password", _LOG_IN, field="auths")
    # Docker pads the secret with NUL.
    return Credentials(user, password.rstrip("\x00"))


def _ask(helper: str, key: str) -> Credentials:
    """What a credential helper answers; anonymous if it knows nothing of the registry."""
    program = f"docker-credential-{helper}"
    if not _HELPER.match(helper):  # it becomes a program's name
        raise InputError.single(program[:100], "is no credential helper's name", _LOG_IN)
    try:
        result = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError.single(program, f"did not answer: {type(error).__name__}", _LOG_IN) from error
    if result.returncode != 0:
        if b"credentials not found" in result.stdout + result.stderr:
            return ANONYMOUS
        raise InputError.single(program, f"failed with status {result.returncode}", _LOG_IN)
    document = parse_json(result.stdout[:MAX_SECRET_BYTES], program)
    user = document.get("Username") if isinstance(document, dict) else None
    secret = document.get("Secret") if isinstance(document, dict) else None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise InputError.single(program, "answered without Username and Secret", _LOG_IN)
    return Credentials(identity_token=secret) if user == TOKEN_USER else Credentials(user, secret)
