"""The options of the commands that speak to a control plane, and the connection that they make."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weighbridge.cli import options
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from weighbridge.control.client import ControlClient
    from weighbridge.keys import PrivateKey, PublicKey

F = TypeVar("F", bound="Callable[..., object]")
T = TypeVar("T")
_FILE = click.Path(path_type=Path)
_SERVER_OPTIONS = (
    click.option(
        "--server",
        "servers",
        metavar="URL",
        multiple=True,
        envvar="WEIGHBRIDGE_SERVER",
        show_envvar=True,
        help="The control plane; several replicas are asked one after the other, until one has answered.",
    ),
    click.option(
        "--ca", metavar="FILE", type=_FILE, envvar="WEIGHBRIDGE_CA", help="PEM of who signed its certificate."
    ),
    click.option(
        "--client-cert", metavar="FILE", type=_FILE, help="PEM to show to a server that asks everybody for one."
    ),
    click.option("--client-key", metavar="FILE", type=_FILE, help="Its private key; by default in the same file."),
    click.option("--plain-http", is_flag=True, help="Speak HTTP without TLS; to this machine it may always be spoken."),
)
MAX_TOKEN_BYTES = 8192


def options_of(*given: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, shown in this order."""

    def decorate(function: F) -> F:
        for option in reversed(given):
            function = option(function)
        return function

    return decorate


server_options = options_of(*_SERVER_OPTIONS)
reading_options = options_of(
    *_SERVER_OPTIONS,
    click.option("--key", metavar="K", help=f"Of somebody who may sign orders: {options.PRIVATE_KEY}."),
    click.option(
        "--token-file",
        metavar="FILE",
        type=_FILE,
        envvar="WEIGHBRIDGE_TOKEN_FILE",
        show_envvar=True,
        help="Or a reader's token.",
    ),
)


@dataclass(frozen=True)
class Connection:
    """Where the control plane is."""

    servers: tuple[str, ...]
    ca: Path | None
    client_cert: Path | None
    client_key: Path | None
    plain_http: bool

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Connection:
        """From the options of `server_options`, which are taken out of what was given."""
        return cls(**{field.name: given.pop(field.name) for field in fields(cls)})

    @asynccontextmanager
    async def open(self, key: PrivateKey | None = None, token: str | None = None) -> AsyncIterator[ControlClient]:
        """A client that reads by the key, or by the token.

        Raises:
            InputError: no server, or an address that is none.
        """
        from weighbridge.control.ask import Servers  # noqa: PLC0415 -- the help of a command needs no HTTP
        from weighbridge.control.client import ControlClient, Identity  # noqa: PLC0415 -- the same
        from weighbridge.control.server_address import trusted  # noqa: PLC0415 -- the same

        context = trusted(self.ca, self.client_cert, self.client_key)
        async with Servers(self.servers, context=context, plain_http=self.plain_http) as servers:
            yield ControlClient(servers, Identity(key, token))


@dataclass(frozen=True)
class Reader:
    """Where the control plane is, and who reads."""

    connection: Connection
    key: PrivateKey | None
    token: str | None


def reader(*, key: str | None, token_file: Path | None, **given: Any) -> Reader:
    """The options of `reading_options`, of a command that only reads.

    Raises:
        InputError: neither key nor token, or one that cannot be read.
    """
    from weighbridge.keys import load_private_key  # noqa: PLC0415 -- it takes a while

    if key is None and token_file is None:
        fix = "Give --key of somebody who may sign orders, or --token-file with a reader's token."
        raise InputError.single("", "is missing", fix, field="--key")
    token = None if token_file is None else _token(token_file)
    own = load_private_key(key) if key is not None and token is None else None
    return Reader(Connection.taken(given), own, token)


def _token(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            token = stream.read(MAX_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError.single(str(file), f"cannot be read: {reason}", field="--token-file") from error
    if not token.isprintable() or not token or " " in token:
        raise InputError.single(str(file), "holds no token", "Give the file with the reader's token alone.")
    return token


def public_key(file: Path | None, option: str) -> PublicKey | None:
    """The public key in a file, if one was given.

    Raises:
        InputError: there is none in it.
    """
    from weighbridge.keys import MAX_KEY_BYTES, load_public_key  # noqa: PLC0415 -- it takes a while

    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            return load_public_key(stream.read(MAX_KEY_BYTES), str(file))
    except OSError as error:
        raise InputError.single(str(file), f"cannot be read: {error.strerror}", field=option) from error


def run(work: Coroutine[object, object, T]) -> T:
    """The result of asynchronous work, from a command."""
    return asyncio.run(work)
