"""`kinds`: where the pods of an operator's own kind lie (reference: The catalogue, kinds).

What the rules know of serving operators stands in `policies/lib/workload`. A catalogue adds to that, and takes nothing
away: points carry the table as `data.weighbridge.registry.kinds`, in the form of the rules' own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from weighbridge.catalogue.names import Document, form

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LISTS = 3
"""How many lists or maps a path may lead through."""
_STEP = re.compile(r"\[(\*)\]|([^.\[]+)")


def _few_lists(value: str) -> str:
    if path(value).count("*") > MOST_LISTS:
        raise ValueError(f"leads through more than {MOST_LISTS} lists. Describe a kind that is less deep.")
    return value


GroupKind = Annotated[
    str,
    form(
        r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+/[A-Z][A-Za-z0-9]*$",
        "Write the API group and the kind, such as argoproj.io/Rollout; Kubernetes' own kinds are known.",
        max_length=317,
    ),
]
FieldPath = Annotated[
    str,
    form(
        r"^[A-Za-z][A-Za-z0-9_-]*(\[\*\])?(\.([A-Za-z][A-Za-z0-9_-]*(\[\*\])?|\*))*$",
        "Write the fields from the top, such as spec.template, spec.groups[*].template or spec.roles.*.template.",
        max_length=512,
    ),
    AfterValidator(_few_lists),
]


class PodSpec(Document):
    """A pod spec with no template around it."""

    spec: FieldPath
    metadata: FieldPath | None = None
    """What holds the `labels` and `annotations` that reach the pods; without it no label is known to reach them."""


class Kind(Document):
    """Where one kind keeps its pods."""

    pods: tuple[FieldPath, ...] = Field(default=(), strict=False)
    """Paths of pod templates: objects with `metadata` and `spec`."""
    pod_specs: tuple[PodSpec, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _some(self) -> Kind:
        if not self.pods and not self.pod_specs:
            raise ValueError("needs `pods`, `pod_specs` or both. Say where the kind's pods lie.")
        return self


def path(text: str) -> list[str]:
    """`spec.groups[*].template` as its steps; `*` stands for every element of a list or map."""
    return [star or name for star, name in _STEP.findall(text)]


def table(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The kinds as the rules read them (`policies/lib/workload/kinds.rego`)."""
    return {
        name: [{"template": path(each)} for each in kind.pods] + [_bare(each) for each in kind.pod_specs]
        for name, kind in kinds.items()
    }


def _bare(pod: PodSpec) -> dict[str, Any]:
    metadata = None if pod.metadata is None else path(pod.metadata)
    return {
        "spec": path(pod.spec),
        "labels": [] if metadata is None else [[*metadata, "labels"]],
        "annotations": [] if metadata is None else [[*metadata, "annotations"]],
    }
