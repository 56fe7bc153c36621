"""How `weighbridge serve` is told what to do: a file, environment variables and flags, in rising order.

All three say the same words and are checked by the same document, so that nothing means something else in a file.
`load` reads every key and list that is named, and tells all that is wrong at once; nothing is opened yet.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from weighbridge.catalogue.names import Document, form
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import decode, parse_yaml
from weighbridge.control.server.clients import read_clients
from weighbridge.control.server.tls import TlsFiles, server_context
from weighbridge.errors import InputError, Problem
from weighbridge.example_keys import refuse_example_keys
from weighbridge.keys import bundle_algorithm, fingerprint, load_private_key, load_public_key

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from weighbridge.control.server.clients import ClientEntry
    from weighbridge.control.server.log import Form
    from weighbridge.keys import PrivateKey, PublicKey

T = TypeVar("T")
DEFAULT_LISTEN = "127.0.0.1:8282"
DEFAULT_DATABASE = "weighbridge-control.db"
MAX_FILE_BYTES = 1024 * 1024
Words = Annotated[str, Field(min_length=1, max_length=4096)]
Listen = Annotated[
    str, form(r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$", "Write HOST:PORT, such as 127.0.0.1:8282.")
]


class ServeDocument(Document):
    """`serve.yaml`; each key is also a flag, and a variable `WEIGHBRIDGE_SERVE_<KEY>`."""

    listen: Listen = DEFAULT_LISTEN
    bundles: Words | None = None
    """The folder that `compile` writes."""
    release_key: tuple[Words, ...] = Field(default=(), strict=False)
    """Public keys, files."""
    live_key: tuple[Words, ...] = Field(default=(), strict=False)
    """Private keys; the first signs."""
    past_live_key: tuple[Words, ...] = Field(default=(), strict=False)
    """Public keys, files: those that signed older entries of the log."""
    database: Words = DEFAULT_DATABASE
    clients: Words | None = None
    tls_cert: Words | None = None
    tls_key: Words | None = None
    client_ca: Words | None = None
    client_crl: Words | None = None
    client_certificates: Literal["optional", "required"] = "optional"
    publish: tuple[Words, ...] = Field(default=(), strict=False)
    decision_logs: Words | None = None
    log_format: Literal["json", "text"] = "json"
    insecure_listen: bool = False
    allow_example_keys: bool = False
    pss: bool = False


@dataclass(frozen=True)
class ServeSettings:
    """Everything that a server needs, read and checked."""

    host: str
    port: int
    database: str = field(repr=False)
    """May hold a password."""
    release_keys: tuple[PublicKey, ...]
    live_keys: tuple[PrivateKey, ...] = field(repr=False)
    past_live_keys: tuple[PublicKey, ...]
    clients_file: Path
    clients: tuple[ClientEntry, ...]
    bundles: Path | None
    tls_files: TlsFiles | None
    tls: ssl.SSLContext | None
    publish: tuple[str, ...]
    decision_logs: Path | None
    log_format: Form
    pss: bool


def read_file(path: Path) -> dict[str, Any]:
    """What a `serve.yaml` says, by key.

    Raises:
        InputError: with every problem, its line and column.
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise InputError.single(str(path), reason, "Name a file.", field="--config") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError.single(str(path), f"is larger than {MAX_FILE_BYTES} bytes", "Name a serve.yaml.")
    document = parse_yaml(decode(data, str(path)), str(path))
    value = {} if document.value is None else document.value
    validate(ServeDocument, value, str(path), lambda: document.places)
    return dict(value)


def load(given: Mapping[str, Any]) -> ServeSettings:
    """Read and check all that is named.

    Args:
        given: by the keys of `ServeDocument`.

    Raises:
        InputError: with everything that is wrong.
    """
    document = validate(ServeDocument, dict(given), "")
    problems = list(_missing(document))
    host, port = _listen(document, problems)
    release_keys = _all(document.release_key, _public("--release-key"), problems)
    live_keys = _all(document.live_key, lambda source: _live(source, pss=document.pss), problems)
    past = _all(document.past_live_key, _public("--past-live-key"), problems)
    clients = () if document.clients is None else _try(lambda: read_clients(Path(document.clients or "")), problems)
    tls_files = _tls_files(document)
    tls = None if tls_files is None else _try(lambda: server_context(tls_files), problems)
    _try(lambda: _check_keys(document, release_keys, live_keys), problems)
    if problems:
        raise InputError(problems)
    return ServeSettings(
        host=host,
        port=port,
        database=document.database,
        release_keys=release_keys,
        live_keys=live_keys,
        past_live_keys=past,
        clients_file=Path(document.clients or ""),
        clients=clients or (),
        bundles=None if document.bundles is None else Path(document.bundles),
        tls_files=tls_files,
        tls=tls,
        publish=document.publish,
        decision_logs=None if document.decision_logs is None else Path(document.decision_logs),
        log_format=document.log_format,
        pss=document.pss,
    )


def _missing(document: ServeDocument) -> list[Problem]:
    needed = [
        ("--release-key", document.release_key, "Give the public key that releases are signed with."),
        ("--live-key", document.live_key, "Give the private key that live data is signed with."),
        ("--clients", document.clients, "Give the list of who may ask; `weighbridge serve token` makes entries."),
    ]
    problems = [Problem("", 0, 0, option, "is missing", fix) for option, value, fix in needed if not value]
    pairs = [
        ("--tls-key", document.tls_cert, document.tls_key),
        ("--tls-cert", document.tls_key, document.tls_cert),
        ("--tls-cert", document.client_ca, document.tls_cert),
        ("--client-ca", document.client_crl, document.client_ca),
        ("--client-ca", "required" if document.client_certificates == "required" else None, document.client_ca),
    ]
    problems += [
        Problem("", 0, 0, option, "is missing", "Give it, too: the rest of TLS needs it.")
        for option, there, needed_too in pairs
        if there and not needed_too
    ]
    return problems


def _listen(document: ServeDocument, problems: list[Problem]) -> tuple[str, int]:
    host, _, port = document.listen.rpartition(":")
    host = host.strip("[]")
    if int(port) > 65535:
        problems.append(Problem("", 0, 0, "--listen", f"has the port {port}", "Ports end at 65535."))
    if document.tls_cert is None and not document.insecure_listen and not _is_loopback(host):
        message = f"is {document.listen} without TLS: tokens could be read on the way, and answers be held back"
        fix = "Give --tls-cert and --tls-key. Where something before it speaks TLS, say --insecure-listen."
        problems.append(Problem("", 0, 0, "--listen", message, fix))
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls_files(document: ServeDocument) -> TlsFiles | None:
    if document.tls_cert is None or document.tls_key is None:
        return None
    authority = None if document.client_ca is None else Path(document.client_ca)
    revoked = None if document.client_crl is None else Path(document.client_crl)
    return TlsFiles(Path(document.tls_cert), Path(document.tls_key), authority, document.client_certificates, revoked)


def _public(option: str) -> Callable[[str], PublicKey]:
    def read(name: str) -> PublicKey:
        try:
            return load_public_key(Path(name).read_bytes(), name)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise InputError.single(name, reason, "Name a PEM file.", field=option) from error

    return read


def _live(source: str, *, pss: bool) -> PrivateKey:
    key = load_private_key(source)
    bundle_algorithm(key, source, pss=pss)
    return key


def _check_keys(
    document: ServeDocument, release_keys: tuple[PublicKey, ...], live_keys: tuple[PrivateKey, ...]
) -> None:
    publics = [key.public_key() for key in live_keys]
    if {fingerprint(key) for key in release_keys} & {fingerprint(key) for key in publics}:
        fix = "Use two keys: the live key is online, and may only restrict."
        raise InputError.single("", "is also a release key", fix, field="--live-key")
    if not document.allow_example_keys:
        named = [("--release-key", key) for key in release_keys] + [("--live-key", key) for key in publics]
        for option, key in named:
            refuse_example_keys({option: key})


def _all(sources: tuple[str, ...], read: Callable[[str], T], problems: list[Problem]) -> tuple[T, ...]:
    found = (_try(partial(read, source), problems) for source in sources)
    return tuple(value for value in found if value is not None)


def _try(read: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return read()
    except InputError as error:
        problems.extend(error.problems)
        return None
