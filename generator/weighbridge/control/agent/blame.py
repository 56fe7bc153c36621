"""Which pods are of something that is revoked: by the images that they run, and by their labels.

A label is what a pod's author wrote. So an image digest that is itself revoked counts whatever the labels say; a label
that names a revoked version counts, as nobody says that of a good one; and a pod whose labels name a version that does
not have its images is taken for each version that does. Where only some of these are revoked nobody can tell, and it is
told but not acted upon. No I/O.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weighbridge.control.agent.signed import Live
    from weighbridge.control.control_data import ControlData

Object = dict[str, Any]
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


@dataclass(frozen=True)
class Blame:
    """Why a pod, or a template, is of something revoked."""

    order: str
    """Id of the order."""
    why: str
    """The version or digest, and what told it."""
    sure: bool = True
    """False where another version, which is not revoked, might be meant."""


class Judge:
    """What is revoked now, in one environment.

    Args:
        live: verified; the newest that is known.
        control: of the current release, verified.
        now_ns: the agent's clock.
    """

    def __init__(self, live: Live, control: ControlData, now_ns: int) -> None:
        self._control, self._now_ns = control, now_ns
        self._revoked = {**_standing(control.orders.revoked, now_ns), **_standing(live.revoked, now_ns)}
        self._frozen = {**_standing(control.orders.frozen, now_ns), **_standing(live.frozen, now_ns)}
        self._by_image: dict[str, set[str]] = defaultdict(set)
        for name, version in control.versions.items():
            for image in version.images:
                self._by_image[image].add(name)

    @property
    def anything(self) -> bool:
        """Whether anything is revoked at all."""
        return bool(self._revoked)

    def blame(self, metadata: Object, spec: Object, status: Object | None = None) -> Blame | None:
        """Why this pod is of something revoked; None if it is not, or if it only supports.

        Args:
            metadata: of the pod or template.
            spec: of the pod.
            status: of a pod that runs: the digests there are what runs, whatever the spec names.
        """
        images = list(_images(spec))
        digests = {match.group(1) for match in map(_DIGEST.search, images) if match}
        if images and all(_supports(image, self._control.support_images) for image in images):
            return None
        digests |= set(_running(status or {})) | set(_mounted(spec))
        for digest in sorted(digests):
            if digest in self._revoked:
                return Blame(self._id(digest), f"image {digest}")
        return self._by_version(metadata, digests - self._control.support_images)

    def may_run(self, metadata: Object, spec: Object) -> bool:
        """Whether a template is of a version that is approved, in time, and neither revoked nor frozen."""
        name = self._labelled(metadata)
        version = self._control.versions.get(name)
        return (
            version is not None
            and version.approved
            and version.not_after > self._now_ns
            and name not in self._frozen
            and self.blame(metadata, spec) is None
        )

    def _by_version(self, metadata: Object, digests: set[str]) -> Blame | None:
        labelled = self._labelled(metadata)
        if self._of(labelled):
            return Blame(self._of(labelled), f"{labelled} by its labels")
        candidates = set().union(*(self._by_image.get(digest, set()) for digest in digests))
        if labelled in candidates:
            return None
        found = sorted(name for name in candidates if self._of(name))
        if not found:
            return None
        return Blame(self._of(found[0]), f"{found[0]} by its image", sure=len(found) == len(candidates))

    def _labelled(self, metadata: Object) -> str:
        labels = metadata.get("labels") or {}
        model, version = (labels.get(name, "") for name in self._control.labels)
        return f"{model}@{version}"

    def _of(self, name: str) -> str:
        version = self._control.versions.get(name)
        return self._id(version.digest) if version is not None and version.digest in self._revoked else ""

    def _id(self, digest: str) -> str:
        return str(self._revoked[digest].get("id", "")) or "an order without an id"


def _standing(orders: Mapping[str, Mapping[str, Any]], now_ns: int) -> dict[str, Mapping[str, Any]]:
    # As the rules have it: one whose end cannot be read has none.
    return {
        target: order
        for target, order in orders.items()
        if not (isinstance(order.get("expires"), int) and order["expires"] <= now_ns)
    }


def _images(spec: Object) -> Iterator[str]:
    for part in _CONTAINERS:
        for container in spec.get(part) or ():
            yield str(container.get("image", ""))


def _running(status: Object) -> Iterator[str]:
    for part in _STATUSES:
        for container in status.get(part) or ():
            match = _DIGEST.search(str(container.get("imageID", "")))
            if match:
                yield match.group(1)


def _mounted(spec: Object) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        match = _DIGEST.search(str((volume.get("image") or {}).get("reference", "")))
        if match:
            yield match.group(1)


def _supports(image: str, support_images: frozenset[str]) -> bool:
    match = _DIGEST.search(image)
    return match is not None and match.group(1) in support_images
