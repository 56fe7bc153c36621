"""`clients.yaml`: who may talk to the control plane, by the hash of a token or by a client certificate.

The file holds no secret. Each entry is bound to one environment, sidecars and agents to one cluster as well, so that a
stolen credential reads and reports there and nowhere else.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from weighbridge.canonical import digest
from weighbridge.catalogue.names import Digest, Document, Identifier, Name, TimeNs, Uri, form
from weighbridge.catalogue.validation import validate
from weighbridge.catalogue.yaml_document import decode, parse_yaml
from weighbridge.errors import InputError, Problem
from weighbridge.keys import b64url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Role = Literal["sidecar", "agent", "reader"]
MAX_FILE_BYTES = 4 * 1024**2
TOKEN_PREFIX = "wbs_"  # noqa: S105 -- what tells such a token from a tenant's key, no secret
_MAKE = "Make one with `weighbridge serve token`."
DnsName = Annotated[
    str, form(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", "Write a host name in lower case, without a wildcard.")
]


class CertificateMatch(Document):
    """Which client certificate is meant: exactly one of these."""

    fingerprint: Digest | None = None
    """SHA-256 of the certificate (DER), as `openssl x509 -fingerprint -sha256` has it."""
    uri: Uri | None = None
    """A URI among its subject alternative names, such as a SPIFFE id; compared whole."""
    dns: DnsName | None = None
    """A DNS name among them; compared whole."""

    @model_validator(mode="after")
    def _exactly_one(self) -> CertificateMatch:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("needs exactly one of `fingerprint`, `uri` and `dns`")
        return self


class ClientEntry(Document):
    """One client."""

    name: Identifier
    role: Role
    environment: Name | None = None
    """Sidecars and agents need one; a reader without one reads all."""
    cluster: Name | None = None
    token_sha256: Digest | None = None
    """Of the whole token."""
    previous_token_sha256: Digest | None = None
    """Of the token before, which still counts while another one is handed out."""
    certificate: CertificateMatch | None = None
    not_after: TimeNs | None = None
    """When the entry ceases to count."""
    sidecars: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """How many share it; its limits follow from this."""

    @model_validator(mode="after")
    def _bound(self) -> ClientEntry:
        if self.role != "reader" and (self.environment is None or self.cluster is None):
            raise ValueError(f"a {self.role} is bound to an `environment` and a `cluster`. Name both.")
        if self.token_sha256 is None and self.certificate is None:
            raise ValueError(f"has neither `token_sha256` nor `certificate`. {_MAKE}")
        if self.previous_token_sha256 is not None and self.token_sha256 is None:
            raise ValueError("has `previous_token_sha256` without `token_sha256`. Write the present one, too.")
        return self


class ClientsDocument(Document):
    """The whole file."""

    clients: tuple[ClientEntry, ...] = Field(strict=False)


def read_clients(path: Path) -> tuple[ClientEntry, ...]:
    """The clients of a file.

    Raises:
        InputError: with every problem, its line and column.
    """
    file = str(path)
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError.single(file, f"cannot be read: {error.strerror}", _MAKE) from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError.single(file, f"is larger than {MAX_FILE_BYTES} bytes", "Bind a cluster, not each sidecar.")
    document = parse_yaml(decode(data, file), file)
    clients = validate(ClientsDocument, document.value, file, lambda: document.places).clients
    places = document.places
    problems = [
        Problem(file, *places.value(("clients", index, *field)), f"clients[{index}].{'.'.join(field)}", message, fix)
        for index, field, message, fix in _ambiguous(clients)
    ]
    if problems:
        raise InputError(problems)
    return clients


def _ambiguous(clients: Iterable[ClientEntry]) -> list[tuple[int, tuple[str, ...], str, str]]:
    """What two entries claim: a credential must belong to one."""
    claims = [(index, field, value) for index, client in enumerate(clients) for field, value in _claims(client)]
    counts = Counter((field[-1].removeprefix("previous_"), value) for _, field, value in claims)
    return [
        (index, field, f"{value} stands here more than once", "Give each client a name and a credential of its own.")
        for index, field, value in claims
        if counts[field[-1].removeprefix("previous_"), value] > 1
    ]


def _claims(client: ClientEntry) -> list[tuple[tuple[str, ...], str]]:
    match = client.certificate.model_dump(exclude_none=True) if client.certificate else {}
    given: list[tuple[tuple[str, ...], str | None]] = [
        (("name",), client.name),
        (("token_sha256",), client.token_sha256),
        (("previous_token_sha256",), client.previous_token_sha256),
        *((("certificate", kind), value) for kind, value in match.items()),
    ]
    return [(field, value) for field, value in given if value is not None]


def make_token(fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A new random token, and the entry of `clients.yaml` that knows it by its hash.

    Args:
        fields: of the entry: `name`, `role`, `environment`, `cluster`.

    Raises:
        InputError: a field is not of its form.
    """
    token = f"{TOKEN_PREFIX}{b64url(secrets.token_bytes(32))}"
    entry = {name: value for name, value in fields.items() if value is not None}
    entry["token_sha256"] = digest(token.encode())
    validate(ClientEntry, entry, "")
    return token, entry


def entry_yaml(entry: dict[str, Any]) -> str:
    """The entry as one YAML list item, to paste."""
    # In quotes: a name of digits alone would be read as a number.
    return "- {" + ", ".join(f"{name}: {json.dumps(value)}" for name, value in entry.items()) + "}"
