"""What the agent can do to something that runs: a call to the API, with the reason and what it follows from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Object = dict[str, Any]


@dataclass(frozen=True)
class Ref:
    """One object."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Call:
    """How it is done."""

    method: Literal["patch", "apply", "delete", "event", "nothing"]
    body: Any = field(default=None, repr=False)
    subresource: str = ""


@dataclass(frozen=True)
class Action:
    """One thing to do."""

    verb: str
    """For people: `cordon`, `scale to zero`, ..."""
    ref: Ref
    order: str
    """Id of the order that it follows from, or that is lifted."""
    why: str
    call: Call
    remember: Mapping[str, Any] | None = None
    """What must be kept before it is done, so that it can be undone."""
    otherwise: Action | None = None
    """What is done instead if the API server, or Gatekeeper, refuses this for good."""
    forget: bool = False
    """Whether what was kept may be forgotten afterwards."""

    def __str__(self) -> str:
        return f"{self.verb} {self.ref}: {self.why}, order {self.order}"


@dataclass(frozen=True)
class Namespace:
    """What one namespace holds."""

    name: str
    objects: Mapping[str, Sequence[Object]] = field(repr=False)
    """By kind: those of `READ`, and NetworkPolicies."""


def memory_key(ref: Ref) -> str:
    """Under what something scaled down is remembered."""
    return f"{ref.kind}/{ref.namespace}/{ref.name}"


def uid(obj: Object) -> str:
    """What tells an object from another one that had its name before."""
    return str(obj["metadata"].get("uid", ""))


def ref_of(obj: Object) -> Ref:
    """Which object it is."""
    metadata = obj["metadata"]
    return Ref(obj["kind"], metadata.get("namespace", ""), metadata["name"], uid(obj))
