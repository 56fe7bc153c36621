"""What is known about a version once its evidence was verified and judged: plain data, picklable, JSON-able."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.names import NEVER_NS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, order=True)
class Refusal:
    """A file, or one statement in it, that did not count, and why."""

    file: str
    """Relative to the catalogue."""
    reason: str


@dataclass(frozen=True)
class Verdict:
    """One statement by one key about one subject, judged."""

    file: str
    signer: str
    fingerprint: str
    statement_sha256: str
    """Of the signed payload's bytes, `sha256:<hex>`."""
    at_ns: int | None
    """The statement's own signed time; None where its predicate carries none."""
    passed: bool
    reasons: tuple[str, ...]
    """What the rule said, or why its answer could not be used."""
    expires_ns: int
    """The first of `at` + `max_age`, the signer's `not_after` and what the rule said; else NEVER_NS."""
    claims: Mapping[str, Any]
    """What the rule derived, such as `{"metrics": {...}}`; empty unless passed."""
    subject: str
    """Digest of the artifact or image that it speaks about."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it says of an image, passed or not; empty where its rule tells none."""


@dataclass(frozen=True)
class AttestationState:
    """Whether one attestation holds for one version."""

    name: str
    held: bool
    """Enough distinct keys passed, and none of what it takes has expired at `--at`."""
    expires_ns: int
    """Held: until when. Not held: at or before `--at` if it lapsed then and age is all that is wrong, else NEVER_NS."""
    verdicts: tuple[Verdict, ...]
    """What decided: of each key and subject the latest."""
    refused: tuple[Refusal, ...]
    """Statements that did not count, or what keeps an attestation from holding where no statement is to blame."""


@dataclass(frozen=True)
class PackageState:
    """Whether the latest trusted package statement matches manifest and card."""

    matched: bool
    signer: str
    """"" unless matched."""
    at_ns: int | None
    """When the package statement was made; None unless matched."""
    reason: str
    """Why not; "" if matched."""


@dataclass(frozen=True)
class Consent:
    """A verified `approval/v1` about this version and its manifest, by one of the environment's approvers."""

    signer: str
    fingerprint: str
    environment: str
    manifest_sha256: str
    at_ns: int
    file: str
    expires_ns: int = NEVER_NS
    """When the signer ceases to count."""


@dataclass(frozen=True)
class Promotion:
    """A verified `promotion/v1` about this version, by one of the target's `promotions.signers`."""

    signer: str
    fingerprint: str
    from_: str
    to: str
    at_ns: int
    record_sha256: str
    file: str
    expires_ns: int = NEVER_NS
    """When the signer ceases to count."""


@dataclass(frozen=True)
class VersionEvidence:
    """All that evidence says about one version."""

    name: str
    """`<model>@<version>`."""
    digest: str
    """The artifact digest."""
    package: PackageState
    attestations: Mapping[str, AttestationState] = field(default_factory=dict)
    """Every attestation of the configuration, by name."""
    approvals: tuple[Consent, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    refused: tuple[Refusal, ...] = ()
    """Files that nobody could use."""
