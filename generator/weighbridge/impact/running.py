"""What runs, from `kubectl get -o yaml` (or json): objects out of lists, with whoever controls them.

A dump holds the same workload several times: a Deployment, its ReplicaSets, their Pods. All are judged, since a webhook
has changed the Pods meanwhile and an old ReplicaSet may still have some; all are told under the one that nobody
controls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.points.manifests import Manifest, Manifests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

ENVIRONMENT_LABEL = "weighbridge.dev/environment"
"""The label by which a namespace is bound to an environment (CONTRACTS: Clusters)."""
_MOST_OWNERS = 16
"""Longest chain of controllers that is followed: a circle must end somewhere."""


@dataclass(frozen=True)
class Workload:
    """An object that nobody controls, as a report names it."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Running:
    """One object of a dump."""

    file: str
    value: Any = field(repr=False)
    """As it came."""
    top: Workload
    """The object itself, or the outermost that controls it."""
    labels: Mapping[str, str] = field(repr=False)
    """Of the outermost object, and of its pods where it has none of its own."""


class _Nowhere:
    """Stands for the places of an object out of a dump, of which nobody wants to know the line."""

    def place(self, document: int, path: Sequence[str | int]) -> tuple[int, int]:  # noqa: ARG002 -- as Composed has it
        return 0, 0


def read_running(paths: Sequence[Path], stdin: bytes | None = None) -> list[Running]:
    """Every object in these dumps, lists taken apart.

    Raises:
        InputError: with every problem of every file; also where nothing was found.
    """
    found = [(m.file, value) for m in Manifests(paths, stdin) for value in objects(m.value)]
    return arranged(found)


def objects(value: Any) -> list[Any]:
    """The objects in a document: itself, or the items of a list, at any depth."""
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        return [each for item in value["items"] for each in objects(item)]
    return [value]


def arranged(found: Iterable[tuple[str, Any]]) -> list[Running]:
    """Objects with the outermost that controls each, by `ownerReferences` as Kubernetes itself keeps them."""
    pairs = list(found)
    by_uid = {_metadata(value).get("uid"): value for _, value in pairs if _metadata(value).get("uid")}
    running = []
    for file, value in pairs:
        top = _top(value, by_uid)
        labels = {**_labels(value), **_labels(top)}
        running.append(Running(file, value, _workload(top, value), labels))
    return running


def bound(running: Sequence[Running], environment: str) -> list[Running]:
    """Those in namespaces that the environment judges; all of them where the dump shows no namespace."""
    namespaces = {
        _metadata(each.value).get("name"): _labels(each.value).get(ENVIRONMENT_LABEL)
        for each in running
        if isinstance(each.value, dict) and each.value.get("kind") == "Namespace"
    }
    others = [each for each in running if _kind(each.value) != "Namespace"]
    if not namespaces:
        return others
    # What the dump does not show may be bound: it is judged, too.
    return [
        each for each in others if namespaces.get(_metadata(each.value).get("namespace"), environment) == environment
    ]


def manifests(running: Iterable[Running]) -> list[Manifest]:
    """As `weighbridge check` takes them."""
    nowhere: Any = _Nowhere()
    return [Manifest(each.file, number, each.value, nowhere) for number, each in enumerate(running, start=1)]


def _top(value: Any, by_uid: Mapping[Any, Any]) -> Any:
    for _ in range(_MOST_OWNERS):
        references = _metadata(value).get("ownerReferences")
        controllers = [
            each for each in references if isinstance(each, dict) and each.get("controller") is True
        ] if isinstance(references, list) else []  # fmt: skip
        owner = by_uid.get(controllers[0].get("uid")) if controllers else None
        if owner is None:
            return value
        value = owner
    return value


def _workload(top: Any, value: Any) -> Workload:
    metadata = _metadata(top)
    name = metadata.get("name") or metadata.get("generateName") or ""
    namespace = metadata.get("namespace") or _metadata(value).get("namespace") or ""
    return Workload(_kind(top) or "object", str(namespace), str(name))


def _kind(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _metadata(value: Any) -> dict[str, Any]:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _labels(value: Any) -> dict[str, str]:
    labels = _metadata(value).get("labels")
    return {k: v for k, v in labels.items() if isinstance(v, str)} if isinstance(labels, dict) else {}
