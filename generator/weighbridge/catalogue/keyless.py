"""Keyless signers: an issuer and an identity that a Sigstore certificate must name, exactly or by a bounded pattern.

A pattern is no free regular expression. It is a sequence of literals, escaped characters, classes and plain
alternatives, few of them repeated, so that matching is bounded and a reader can say what it accepts; and what names
the domain in it is literal, so that nobody else's identity can match. It must match the whole identity.

Sources: Fulcio's certificate extensions (sigstore/fulcio, docs/oid-info.md).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from weighbridge.canonical import canonical, digest
from weighbridge.catalogue.names import Document, Identifier, Text, Uri

PUBLIC = "public"
"""The trusted root of the public Sigstore instance, unless `trust.sigstore.public` names another."""
MAX_PATTERN = 512
"""Characters of a pattern."""
MAX_IDENTITY = 1000
"""Characters of an identity in a certificate; a longer one matches nothing."""
MAX_REPEATS = 2
"""Repetitions in a pattern: with these, matching takes at most some MAX_IDENTITY squared steps."""
ClaimName = Literal[
    "build_signer_uri",
    "build_signer_digest",
    "runner_environment",
    "source_repository_uri",
    "source_repository_digest",
    "source_repository_ref",
    "source_repository_identifier",
    "source_repository_owner_uri",
    "source_repository_owner_identifier",
    "build_config_uri",
    "build_config_digest",
    "build_trigger",
    "run_invocation_uri",
    "source_repository_visibility",
]
CLAIM_OIDS: dict[str, str] = {
    "1.3.6.1.4.1.57264.1.9": "build_signer_uri",
    "1.3.6.1.4.1.57264.1.10": "build_signer_digest",
    "1.3.6.1.4.1.57264.1.11": "runner_environment",
    "1.3.6.1.4.1.57264.1.12": "source_repository_uri",
    "1.3.6.1.4.1.57264.1.13": "source_repository_digest",
    "1.3.6.1.4.1.57264.1.14": "source_repository_ref",
    "1.3.6.1.4.1.57264.1.15": "source_repository_identifier",
    "1.3.6.1.4.1.57264.1.16": "source_repository_owner_uri",
    "1.3.6.1.4.1.57264.1.17": "source_repository_owner_identifier",
    "1.3.6.1.4.1.57264.1.18": "build_config_uri",
    "1.3.6.1.4.1.57264.1.19": "build_config_digest",
    "1.3.6.1.4.1.57264.1.20": "build_trigger",
    "1.3.6.1.4.1.57264.1.21": "run_invocation_uri",
    "1.3.6.1.4.1.57264.1.22": "source_repository_visibility",
}
"""Fulcio's extensions whose value is a DER UTF8String, by object identifier."""

_LITERAL = r"(?:[A-Za-z0-9@:/_~%=,#!&' -]|\\[.+*?()\[\]{}|\\^$/@_-])"
_CLASS = r"\[\^?(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[@:/_.%=,#!+])*-?\]"
_REPEAT = r"(?:[+*?]|\{[0-9]{1,3}(?:,[0-9]{1,3})?\})"
_CHOICE = rf"\({_LITERAL}+(?:\|{_LITERAL}+)+\)"
_TOKEN = re.compile(rf"(?P<choice>{_CHOICE})|(?P<one>{_LITERAL}|{_CLASS})(?P<repeat>{_REPEAT})?")
_HOST = r"(?:[A-Za-z0-9-]|\\\.)+(?::[0-9]+)?"
_OWNER = r"(?:[A-Za-z0-9_~-]|\\\.)+/(?![+*?{])"
_URI = re.compile(rf"[a-z][a-z0-9-]*://{_HOST}/{_OWNER}.*", re.DOTALL)
_MAIL = re.compile(r".*@(?:[A-Za-z0-9-]+\\\.)+[A-Za-z0-9-]+", re.DOTALL)


def _pattern(value: str) -> str:
    if len(value) > MAX_PATTERN:
        raise ValueError(f"is a pattern of more than {MAX_PATTERN} characters. Name the identities one by one.")
    position = repeats = 0
    while position < len(value):
        token = _TOKEN.match(value, position)
        if token is None:
            raise ValueError(
                f"is a pattern that is not accepted from {value[position : position + 20]!r} on. Write literals, `\\.` "
                "for a dot, classes such as [^/], `(a|b)`, and + * ? {m,n} behind a literal or class; no ^ and $: a "
                "pattern matches the whole identity."
            )
        repeats += token["repeat"] is not None
        position = token.end()
    if repeats > MAX_REPEATS:
        raise ValueError(f"repeats more than {MAX_REPEATS} times. Name the identities one by one, or be more exact.")
    if not (_URI.fullmatch(value) or ("://" not in value and _MAIL.fullmatch(value))):
        raise ValueError(
            "leaves open whose identities match. Begin with a literal scheme, host and owner, such as "
            "https://github\\.com/acme/; or end with @ and a literal domain, such as @example\\.com."
        )
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no pattern: {error}. Correct it.") from error
    return value


class Keyless(Document):
    """A signer known by a Sigstore certificate: its issuer, its identity, and what else it must say."""

    issuer: Uri
    identity: Text | None = None
    """The whole identity: an e-mail address, or the URI of a workflow with its ref."""
    identity_pattern: Annotated[str, Field(min_length=1), AfterValidator(_pattern)] | None = None
    """Or a pattern of literals, classes such as `[^/]`, `(a|b)` and at most two repetitions; it matches the whole."""
    root: Identifier = PUBLIC
    """Which of `trust.sigstore` vouches for certificate, log and timestamps; `public` is shipped."""
    claims: dict[ClaimName, Text] = Field(default_factory=dict)
    """Further extensions of the certificate, each compared exactly."""

    @model_validator(mode="after")
    def _one_identity(self) -> Keyless:
        if (self.identity is None) == (self.identity_pattern is None):
            raise ValueError("needs exactly one of `identity` and `identity_pattern`")
        return self

    def names(self, identity: str) -> bool:
        """Whether this is the identity, or the pattern matches the whole of it."""
        if self.identity_pattern is None:
            return identity == self.identity
        same_kind = ("://" in identity) == ("://" in self.identity_pattern)
        # A class such as [^/] would also take a line break, or a letter that only looks like another one.
        plain = len(identity) <= MAX_IDENTITY and identity.isascii() and identity.isprintable()
        return same_kind and plain and bool(re.fullmatch(self.identity_pattern, identity))

    @property
    def fingerprint(self) -> str:
        """`sha256:<hex>` of issuer and identity: who signs counts once, whatever root vouches and however often."""
        kind = "identity" if self.identity is not None else "identity_pattern"
        return digest(canonical(["sigstore", self.issuer, kind, self.identity or self.identity_pattern]))


def may_be_one(first: Keyless, second: Keyless) -> bool:
    """Whether one identity could be both. Two patterns of one issuer could: what both match is not worked out here."""
    if first.issuer != second.issuer:
        return False
    if first.identity is not None:
        return second.names(first.identity)
    return second.identity is None or first.names(second.identity)
