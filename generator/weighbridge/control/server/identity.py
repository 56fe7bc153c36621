"""Who asks: by bearer token, by client certificate, or by a token that an operator signed for one request.

A token is only ever looked up by its SHA-256: how long that takes says nothing about any token. A certificate has been
verified by TLS before anything here sees it; here it is only recognised. Whoever shows both must be the
same client by both.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cryptography import x509

from weighbridge.canonical import digest
from weighbridge.control.server.clients import TOKEN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.control.server.clients import ClientEntry

Role = Literal["sidecar", "agent", "reader", "operator"]
MAX_CREDENTIAL = 8192
"""Longest Authorization header that is looked at, in bytes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who was recognised."""

    name: str
    """As `clients.yaml` has it; of an operator, the key's fingerprint."""
    role: Role
    environments: frozenset[str] | None
    """Where it may look; None is everywhere."""
    cluster: str = ""
    sidecars: int = 1000
    """How many share it."""
    not_after_ns: int | None = None

    def sees(self, environment: str) -> bool:
        """Whether this environment is one of its own."""
        return self.environments is None or environment in self.environments

    @property
    def environment(self) -> str:
        """The one of a sidecar or agent."""
        (environment,) = self.environments or {""}
        return environment


@dataclass(frozen=True)
class Directory:
    """The clients of one file, found by what they show."""

    by_token: dict[str, Identity] = field(default_factory=dict, repr=False)
    """By `sha256:<hex>` of the token."""
    by_fingerprint: dict[str, Identity] = field(default_factory=dict)
    by_uri: dict[str, Identity] = field(default_factory=dict)
    by_dns: dict[str, Identity] = field(default_factory=dict)

    @classmethod
    def of(cls, clients: Iterable[ClientEntry]) -> Directory:
        """Everybody whom `read_clients` found."""
        directory = cls()
        for client in clients:
            identity = Identity(
                name=client.name,
                role=client.role,
                environments=None if client.environment is None else frozenset({client.environment}),
                cluster=client.cluster or "",
                sidecars=client.sidecars,
                not_after_ns=client.not_after,
            )
            for sha256 in (client.token_sha256, client.previous_token_sha256):
                if sha256 is not None:
                    directory.by_token[sha256] = identity
            directory._add_certificate(client, identity)
        return directory

    def _add_certificate(self, client: ClientEntry, identity: Identity) -> None:
        if client.certificate is None:
            return
        for known, value in (
            (self.by_fingerprint, client.certificate.fingerprint),
            (self.by_uri, client.certificate.uri),
            (self.by_dns, client.certificate.dns),
        ):
            if value is not None:
                known[value] = identity

    @property
    def names(self) -> frozenset[str]:
        """Of everybody who is known."""
        known = (self.by_token, self.by_fingerprint, self.by_uri, self.by_dns)
        return frozenset(identity.name for kind in known for identity in kind.values())

    def by_bearer(self, token: bytes) -> Identity | None:
        """Whose token this is, if anybody's and if it still counts."""
        if len(token) > MAX_CREDENTIAL or not token.startswith(TOKEN_PREFIX.encode()):
            return None
        identity = self.by_token.get(digest(token))
        return None if identity is None else _in_time(identity)

    def by_certificate(self, der: bytes) -> Identity | None:
        """Whose certificate this is, if anybody's; one that fits two clients fits nobody."""
        found = [self.by_fingerprint.get(digest(der))]
        try:
            names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
            found += [self.by_uri.get(uri) for uri in names.value.get_values_for_type(x509.UniformResourceIdentifier)]
            found += [self.by_dns.get(name.lower()) for name in names.value.get_values_for_type(x509.DNSName)]
        except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
            pass
        known = {identity.name: identity for identity in found if identity is not None}
        return _in_time(next(iter(known.values()))) if len(known) == 1 else None


def _in_time(identity: Identity) -> Identity | None:
    return identity if identity.not_after_ns is None or time.time_ns() < identity.not_after_ns else None


def bearer(header: bytes) -> bytes:
    """The token of an Authorization header; empty if it is of another kind."""
    scheme, _, token = header.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
