"""The catalogue in memory: what reading yields, and what every later step starts from.

Nothing here is trusted yet. A `ModelVersion` says what its folder holds; whether its evidence means anything is for
`weighbridge.evidence` to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from weighbridge.catalogue.card import CardBlock
    from weighbridge.catalogue.configuration import Configuration, SignerDocument, Tenants
    from weighbridge.keys import PublicKey
    from weighbridge.packaging.manifest import Manifest


@dataclass(frozen=True)
class Signer:
    """Who may sign: a key or a keyless identity, with the times at which it counts."""

    name: str
    document: SignerDocument
    key: PublicKey | None
    """None for a keyless signer."""
    fingerprint: str
    """`sha256:<hex>` of the key, or of a keyless signer's issuer and identity: what thresholds count."""


@dataclass(frozen=True)
class EvidenceFile:
    """A signed file as it lies in the catalogue, unread."""

    path: str
    """Relative to the catalogue, with `/`."""
    data: bytes = field(repr=False)
    """The whole file; its size is bounded (`Limits.evidence`)."""


@dataclass(frozen=True)
class ModelVersion:
    """One folder `models/<id>/<version>`."""

    model: str
    version: str
    name: str
    """`<model>@<version>`."""
    card: CardBlock
    """The card's `weighbridge:` block, empty if there is none."""
    front_matter: Mapping[str, Any]
    """The card's front matter as plain JSON values, with the block."""
    card_sha256: str
    """`sha256:<hex>` of the bytes of README.md."""
    manifest: Manifest
    manifest_sha256: str
    """`sha256:<hex>` of the RFC 8785 bytes of manifest.json."""
    artifact_digest: str
    """Recomputed from the manifest's files; equal to what manifest and artifact.json say."""
    evidence: tuple[EvidenceFile, ...]


@dataclass(frozen=True)
class UserPolicy:
    """A Rego file of the user's; whether it keeps to its packages is checked on its AST, not here."""

    path: str
    """Relative to the catalogue, with `/`."""
    text: str = field(repr=False)


@dataclass(frozen=True)
class Catalogue:
    """A catalogue that was read without a problem."""

    root: Path
    configuration: Configuration
    tenants: Tenants | None
    signers: Mapping[str, Signer]
    versions: Mapping[str, ModelVersion]
    """By `<model>@<version>`, sorted."""
    images: Mapping[str, tuple[EvidenceFile, ...]]
    """Evidence about serving images, by `sha256:<hex>`, sorted."""
    orders: tuple[EvidenceFile, ...]
    acceptance: tuple[EvidenceFile, ...]
    """`orders/*.acceptance.json`."""
    policies: tuple[UserPolicy, ...]
    trusted: Mapping[str, str]
    """What trust signs: path to bare hex SHA-256, of the very bytes that were read, sorted by path."""
    trust_sha256: str
    """`sha256:<hex>` of the RFC 8785 bytes of `trusted` as a list of `[path, sha256]`."""
    trust_envelope: bytes | None = field(default=None, repr=False)
    """The bytes of weighbridge.yaml.dsse, unverified; None if there is no such file."""
    roots: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Sigstore's trusted roots by the name that signers give: those of `trust.sigstore`, and the shipped one."""
    waivers: tuple[EvidenceFile, ...] = ()
    control_plane: Mapping[str, PublicKey] = field(default_factory=dict)
    """Public live keys by fingerprint: whose log entries count as acceptance of restricting orders."""
