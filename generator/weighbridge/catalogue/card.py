"""The `weighbridge:` block in the front matter of a Hugging Face model card.

Everything else in the front matter belongs to the hub and is left alone; only the shapes of `license`, `base_model`,
`datasets`, `metrics` and `model-index` are checked, and `model-index` counts for nothing: it is the author grading
himself.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weighbridge.catalogue.names import Digest, Document, PositiveCount, Text, Uri, form

Source = Annotated[
    str,
    form(
        r"^(oci://[^\s@]+@sha256:[0-9a-f]{64}|hf://[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?@[0-9a-f]{40}"
        r"|(s3|gs|https)://[^\s?#]+\?versionId=[A-Za-z0-9._~-]+|(s3|gs)://[^\s?#]+#[0-9]+)$",
        "Name it immutably: oci://...@sha256:..., hf://repo@<40 hex>, s3://...?versionId=... or gs://...#<generation>.",
        max_length=1024,
    ),
]
"""Where weights come from, immutably: an OCI digest, `hf://repo@<40 hex>`, or a versioned object."""


class ServingImage(Document):
    """An image that serves this version; `digest` is what counts, `name` is for people."""

    digest: Digest
    name: Text | None = None


class Lineage(Document):
    """From which run and which ancestors this version comes."""

    parent_run_id: Text
    training_data: tuple[Text, ...] = Field(default=(), strict=False)
    code: Uri | None = None


class CardLimits(Document):
    """What the model itself can take."""

    context_length: PositiveCount | None = None
    max_output_tokens: PositiveCount | None = None


class CardBlock(Document):
    """The `weighbridge:` block of a model card."""

    source: Text | None = None
    """The hub's own name of the model."""
    sources: tuple[Source, ...] = Field(default=(), strict=False)
    images: tuple[ServingImage, ...] = Field(default=(), strict=False)
    lineage: Lineage | None = None
    limits: CardLimits = Field(default_factory=CardLimits)
    threat_model: Text | None = None
    dependencies: tuple[Text, ...] = Field(default=(), strict=False)
    environment_variables: tuple[Text, ...] = Field(default=(), strict=False)
