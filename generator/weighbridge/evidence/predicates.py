"""Predicate types: our own with their shapes (CONTRACTS: Predicate types of our own), and the names of others'."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from weighbridge.catalogue.configuration import OrderKind
from weighbridge.catalogue.names import Digest, Document, Name, Text, TimeNs, VersionName

PACKAGE = "https://weighbridge.dev/package/v1"
EVALUATION = "https://weighbridge.dev/evaluation/v1"
APPROVAL = "https://weighbridge.dev/approval/v1"
PROMOTION = "https://weighbridge.dev/promotion/v1"
ORDER = "https://weighbridge.dev/order/v1"
WAIVER = "https://weighbridge.dev/waiver/v1"
IMAGE_PROFILE = "https://weighbridge.dev/image-profile/v1"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"


class PackagePredicate(Document):
    """Binds manifest and card to the artifact digest."""

    manifest_sha256: Digest
    card_sha256: Digest
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
