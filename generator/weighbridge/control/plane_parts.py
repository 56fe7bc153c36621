"""What goes into the control plane and what comes out of it, apart from orders (`answers.py`) and receipts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weighbridge.keys import PrivateKey, PublicKey

ReleaseOutcome = Literal["announced", "unchanged", "updated"]
"""`updated`: the same release, signed by other keys."""
BUNDLE_TYPE = "application/vnd.openpolicyagent.bundles"
"""Exactly this, or OPA does not go on waiting for news."""


class UnavailableError(WeighbridgeError):
    """The store cannot take it now: nothing was accepted. The text says why, and is fit for a stranger."""

    exit_status = 1


class ReportRefusedError(WeighbridgeError):
    """A status or receipt that cannot be of who sent it, or that cannot be understood."""

    exit_status = 1


class Reporter(Protocol):
    """Who sends statuses and receipts, as its credential says."""

    @property
    def name(self) -> str:
        """What the credential is called."""

    @property
    def environment(self) -> str:
        """The one environment it is bound to."""

    @property
    def cluster(self) -> str:
        """The cluster it is bound to."""

    @property
    def sidecars(self) -> int:
        """How many share the credential."""


@dataclass(frozen=True)
class PlaneTimes:
    """How patient the control plane is, in seconds."""

    coalesce: float = 0.25
    """Between two publications of one environment, over all replicas."""
    confirm: float = 30.0
    """How long a new release waits for sidecars to confirm that they know it, before it is served all the same."""
    overlap: float = 900.0
    """How long a release counts after another one was announced."""
    silent: float = 90.0
    """After so long without a word a sidecar is silent, and nobody waits for it."""
    batch: float = 0.02
    """Statuses that arrive within this time are stored together."""
    watch: float = 1.0
    """Between two looks at the folder that `compile` writes."""
    tick: float = 1.0
    """Between two looks at the clocks."""
    lock: float = 5.0
    """How long the database may be held by another replica."""


@dataclass(frozen=True)
class PlaneSettings:
    """What a control plane is told."""

    database: str
    """`postgresql://...`, or the path of a SQLite file, with or without `sqlite:///` before it."""
    live_keys: Sequence[PrivateKey] = field(repr=False)
    """The first signs the log and what is served without a key's name; live bundles are signed by each."""
    release_keys: Sequence[PublicKey] = field(repr=False)
    """By any of them a release may be signed."""
    bundles: Path | None = None
    """The folder that `compile` writes; watched. None: releases come by `announce` only."""
    log_keys: Sequence[PublicKey] = field(default=(), repr=False)
    """Live keys of the past, by which entries of the log were signed."""
    pss: bool = False
    """PS256 instead of RS256 for RSA keys."""
    times: PlaneTimes = PlaneTimes()


@dataclass(frozen=True, slots=True)
class Served:
    """What is served at a path."""

    data: bytes = field(repr=False)
    etag: str
    """With its quotes."""
    content_type: str


@dataclass(frozen=True)
class AnnouncedRelease:
    """What became of one environment of a folder that was announced."""

    environment: str
    revision: str
    outcome: ReleaseOutcome


@dataclass(frozen=True)
class Alarm:
    """Something that should not be: a point reports what was never issued."""

    environment: str
    kind: str
    """`unknown-live`, `unknown-release`, `too-many-sidecars`, `log-went-back`."""
    subject: str
    """Whom it is about: `<cluster>/<id>`."""
    detail: str
    first_ns: int
    last_ns: int
    count: int
