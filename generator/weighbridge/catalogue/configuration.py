"""`weighbridge.yaml`: trust, attestations, environments (CONTRACTS: weighbridge.yaml).

What one document alone can tell wrong is told here; what crosses references (a signer that nobody defined, a promotion
cycle) is told by `weighbridge.catalogue.references`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from weighbridge.catalogue.enforcement import Steps
from weighbridge.catalogue.keyless import Keyless
from weighbridge.catalogue.kinds import GroupKind, Kind
from weighbridge.catalogue.names import (
    Code,
    Digest,
    Document,
    DurationNs,
    Identifier,
    KeyId,
    Name,
    PositiveCount,
    RuleName,
    SizeBytes,
    Text,
    TimeNs,
    Uri,
    VersionName,
    form,
)
from weighbridge.catalogue.workloads import Workloads

OrderKind = Literal["revoke", "restore", "freeze", "thaw", "suspend", "resume", "revoke-key", "route", "distrust"]
RelativePath = Annotated[
    str,
    form(
        r"^[^/\\\x00-\x1f\x7f][^\\\x00-\x1f\x7f]*$",
        "Write a path relative to the catalogue, with `/`, such as keys/ci.pub.",
        max_length=512,
    ),
]
LabelName = Annotated[
    str,
    form(
        r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$",
        "Write the name of a Kubernetes label, such as model_id or example.com/model-id.",
    ),
]
CallPath = Annotated[
    str,
    form(
        r"^(GET|POST|PUT|PATCH|DELETE) /[A-Za-z0-9._~/-]*$",
        "Write a method, a space and a path, such as POST /v1/chat/completions.",
    ),
]


def _port(value: str) -> str:
    port = value.rpartition(":")[2]
    if port.isdigit() and not 1 <= int(port) <= 65535:
        raise ValueError("whose port is none. Use a port from 1 to 65535.")
    return value


Upstream = Annotated[
    str,
    form(
        r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$",
        "Write scheme, host and port without a path, such as http://model.namespace:8000.",
    ),
    AfterValidator(_port),
]


class SignerDocument(Document):
    """Who may sign: one key, or one keyless identity, and when it counts."""

    key: RelativePath | None = None
    sigstore: Keyless | None = None
    not_before: TimeNs | None = None
    not_after: TimeNs | None = None
    compromised_from: TimeNs | None = None
    waives: tuple[Code, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _one_identity(self) -> SignerDocument:
        if (self.key is None) == (self.sigstore is None):
            raise ValueError("needs exactly one of `key` and `sigstore`")
        if self.not_before is not None and self.not_after is not None and self.not_before >= self.not_after:
            raise ValueError("`not_before` must lie before `not_after`")
        return self


class Trust(Document):
    """The signers, by name, and the Sigstore instances that vouch for keyless ones and for timestamps."""

    signers: dict[Identifier, SignerDocument] = Field(min_length=1)
    sigstore: dict[Identifier, RelativePath] = Field(default_factory=dict)
    """Trusted roots (`trusted_root.json`) by the name that a signer's `root` gives; `public` replaces the shipped."""
    control_plane: tuple[RelativePath, ...] = Field(default=(), strict=False)
    """Public live keys, present and past: what they log as accepted restricts, also when its signers have gone."""


class AttestationDocument(Document):
    """A named claim: which predicate, by whom, judged by which rule with which parameters."""

    predicate: Uri
    about: Literal["model", "images"]
    signers: tuple[Identifier, ...] = Field(min_length=1, strict=False)
    rule: RuleName
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    max_age: DurationNs | None = None
    threshold: PositiveCount = 1


class Labels(Document):
    """The names of the labels that a serving workload carries."""

    model_id: LabelName = "model_id"
    model_version: LabelName = "model_version"


class Promotions(Document):
    """Who promotes into an environment, and how long a version must have been in the one before."""

    signers: tuple[Identifier, ...] = Field(min_length=1, strict=False)
    min_time: DurationNs | None = None


class Bound(Document):
    """Bounds of one metric; at least one is given."""

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _bounded(self) -> Bound:
        if self.min is None and self.max is None:
            raise ValueError("needs `min`, `max` or both")
        return self


class Threshold(Document):
    """So many distinct keys out of these signers; one that could never be met is refused."""

    signers: tuple[Identifier, ...] = Field(min_length=1, strict=False)
    threshold: PositiveCount = 1


class Route(Document):
    """An alias: the models it may point to, and the version it points to."""

    models: tuple[Name, ...] = Field(min_length=1, strict=False)
    active: VersionName | None = None


class CallRule(Document):
    """What one method and path is: a call that names its model in the body, or one that the gate answers by itself."""

    model: Literal["body"] | None = None
    answer: Literal["entitlements"] | None = None

    @model_validator(mode="after")
    def _one(self) -> CallRule:
        if (self.model is None) == (self.answer is None):
            raise ValueError("needs exactly one of `model: body` and `answer: entitlements`")
        return self


def _default_paths() -> dict[str, CallRule]:
    return {
        "POST /v1/chat/completions": CallRule(model="body"),
        "POST /v1/completions": CallRule(model="body"),
        "POST /v1/embeddings": CallRule(model="body"),
        "GET /v1/models": CallRule(answer="entitlements"),
    }


class Calls(Document):
    """Which calls exist, and how large a body may be."""

    body_limit: SizeBytes = 8 * 1024**2
    paths: dict[CallPath, CallRule] = Field(default_factory=_default_paths, min_length=1)


class LiveDocument(Document):
    """How long live data counts before everything fails closed."""

    not_after: DurationNs = 600 * 10**9
    clusters_not_after: DurationNs = 3600 * 10**9


ReleaseRequirement = Literal[
    "sbom",
    "license",
    "threat-model",
    "dependencies",
    "environment-variables",
    "lineage",
    "evaluation",
    "approvals",
]


def _every_requirement() -> tuple[ReleaseRequirement, ...]:
    return get_args(ReleaseRequirement)


class Release(Document):
    """What announcing a version demands beside the gate's approval; all of it, unless this says otherwise."""

    requires: tuple[ReleaseRequirement, ...] = Field(default_factory=_every_requirement, strict=False)


class Environment(Document):
    """What one environment requires, and what it allows."""

    requires: tuple[Identifier, ...] = Field(default=(), strict=False)
    promotes_from: Name | None = None
    promotions: Promotions | None = None
    metrics: dict[Text, Bound] = Field(default_factory=dict)
    approvals: Threshold | None = None
    orders: dict[OrderKind, Threshold] = Field(default_factory=dict)
    enforcement: dict[Code, Steps] = Field(default_factory=dict)
    multi_tenant: bool = False
    routes: dict[Name, Route] = Field(default_factory=dict)
    upstreams: dict[VersionName, Upstream] = Field(default_factory=dict)
    calls: Calls = Field(default_factory=Calls)
    live: LiveDocument = Field(default_factory=LiveDocument)
    release: Release = Field(default_factory=Release)
    workloads: Workloads = Field(default_factory=Workloads)

    @model_validator(mode="after")
    def _promotion(self) -> Environment:
        if (self.promotes_from is None) != (self.promotions is None):
            raise ValueError("`promotes_from` and `promotions` go together. Give both, or neither.")
        return self


class Configuration(Document):
    """The whole of `weighbridge.yaml`."""

    api_version: Literal["weighbridge.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Catalogue"]
    trust: Trust
    attestations: dict[Identifier, AttestationDocument] = Field(min_length=1)
    labels: Labels = Field(default_factory=Labels)
    support_images: tuple[Digest, ...] = Field(default=(), strict=False)
    exempt_namespaces: tuple[Name, ...] = Field(default=(), strict=False)
    kinds: dict[GroupKind, Kind] = Field(default_factory=dict)
    environments: dict[Name, Environment] = Field(min_length=1)


class TenantKey(Document):
    """One key of a tenant: its public id and the hash of the whole key."""

    id: KeyId
    sha256: Digest
    not_after: TimeNs
    models: tuple[Name, ...] | None = Field(default=None, min_length=1, strict=False)


class Limits(Document):
    """Limits of one call."""

    max_tokens: PositiveCount | None = None


class Entitlement(Document):
    """What a tenant may use in one environment."""

    models: tuple[Name, ...] = Field(min_length=1, strict=False)
    limits: Limits = Field(default_factory=Limits)
    keys: tuple[TenantKey, ...] = Field(default=(), strict=False)


class Tenant(Document):
    """A tenant, environment by environment."""

    environments: dict[Name, Entitlement] = Field(min_length=1)


class Tenants(Document):
    """The whole of `tenants.yaml`."""

    api_version: Literal["weighbridge.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Tenants"]
    tenants: dict[Name, Tenant]
