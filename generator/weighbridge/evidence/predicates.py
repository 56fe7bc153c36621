"""Predicate types: our own with their shapes (CONTRACTS: Predicate types of our own), and the names of others'."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from weighbridge.catalogue.card import Source
from weighbridge.catalogue.configuration import OrderKind
from weighbridge.catalogue.names import Code, Digest, Document, Name, Text, TimeNs, Uri, VersionName
from weighbridge.evidence.executable_content import EXECUTABLE_CONTENT, ExecutableContentPredicate
from weighbridge.evidence.image_profile import ImageProfilePredicate

PACKAGE = "https://weighbridge.dev/package/v1"
EVALUATION = "https://weighbridge.dev/evaluation/v1"
APPROVAL = "https://weighbridge.dev/approval/v1"
PROMOTION = "https://weighbridge.dev/promotion/v1"
ORDER = "https://weighbridge.dev/order/v1"
WAIVER = "https://weighbridge.dev/waiver/v1"
PUBLICATION = "https://weighbridge.dev/publication/v1"
IMAGE_PROFILE = "https://weighbridge.dev/image-profile/v1"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
MAX_WAIVER_NS = 90 * 86_400 * 10**9
"""How long a waiver may last, in nanoseconds."""


class PackagePredicate(Document):
    """Binds manifest and card to the artifact digest."""

    manifest_sha256: Digest
    card_sha256: Digest
    at: TimeNs


class Dataset(Document):
    """What a model was evaluated on."""

    uri: Uri
    digest: Digest


class EvaluationPredicate(Document):
    """Metrics that somebody other than the author measured."""

    metrics: dict[Text, Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1)
    dataset: Dataset
    finished_at: TimeNs


class PublicationPredicate(Document):
    """Where an artifact was put, by immutable addresses."""

    sources: tuple[Source, ...] = Field(min_length=1, max_length=64, strict=False)
    at: TimeNs


class ApprovalPredicate(Document):
    """A person's consent to one version in one environment."""

    environment: Name
    manifest_sha256: Digest
    at: TimeNs


class PromotionPredicate(Document):
    """A version was moved from one environment into the next."""

    from_: Name = Field(alias="from")
    to: Name
    at: TimeNs
    record_sha256: Digest


def _uuid(value: object) -> str:
    text = str(value)
    if str(UUID(text)) != text:
        raise ValueError("must be a UUID in its usual lower-case form")
    return text


OrderId = Annotated[str, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]


class OrderPredicate(Document):
    """A signed operator statement."""

    id: OrderId
    kind: OrderKind
    target: Text
    to: VersionName | None = None
    expects: Text | None = None
    environments: tuple[Name, ...] = Field(min_length=1, strict=False)
    reason: Text
    reference: Text | None = None
    issued_at: TimeNs
    expires: TimeNs | None = None
    undoes: OrderId | None = None


class WaiverScope(Document):
    """What is waived: an artifact, or one workload with the images that it runs; none if it is no pod."""

    artifact: Digest | None = None
    namespace: Text | None = None
    kind: Text | None = None
    name: Text | None = None
    images: tuple[Digest, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _one(self) -> WaiverScope:
        workload = (self.namespace, self.kind, self.name)
        if self.artifact is None and not all(workload):
            raise ValueError("needs `artifact`, or `namespace`, `kind`, `name` and `images`. Add what is missing.")
        if self.artifact is not None and (any(workload) or self.images):
            raise ValueError("has both an artifact and a workload. Write two waivers.")
        return self


class WaiverPredicate(Document):
    """Requirements that need not hold for something, for a while."""

    codes: tuple[Code, ...] = Field(min_length=1, strict=False)
    environment: Name
    scope: WaiverScope
    reason: Text
    not_before: TimeNs
    not_after: TimeNs

    @model_validator(mode="after")
    def _span(self) -> WaiverPredicate:
        if not 0 < self.not_after - self.not_before <= MAX_WAIVER_NS:
            raise ValueError("`not_after` must lie after `not_before`, and at most 90 days later. Shorten it.")
        return self


MODELS: dict[str, type[Document]] = {
    PACKAGE: PackagePredicate,
    EVALUATION: EvaluationPredicate,
    PUBLICATION: PublicationPredicate,
    APPROVAL: ApprovalPredicate,
    PROMOTION: PromotionPredicate,
    ORDER: OrderPredicate,
    WAIVER: WaiverPredicate,
    IMAGE_PROFILE: ImageProfilePredicate,
    EXECUTABLE_CONTENT: ExecutableContentPredicate,
}
"""Our own predicate types that have a shape."""
