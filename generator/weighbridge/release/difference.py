"""What changed from one version of a model to another, for whoever is to approve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighbridge.catalogue.front_matter import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weighbridge.catalogue.catalogue import ModelVersion

_FIELDS = ("licenses", "formats", "dependencies", "cuda", "cudnn", "driver", "executable", "weights", "ignored")
"""Of the manifest, what is shown beside its files."""


def differences(before: ModelVersion, after: ModelVersion) -> list[dict[str, Any]]:
    """Each difference as `{what, before, after}`, in a fixed order; None where one side has nothing."""
    return [*_files(before, after), *_manifest(before, after), *_card(before, after)]


def _files(before: ModelVersion, after: ModelVersion) -> Iterator[dict[str, Any]]:
    old = {file.path: {"size": file.size, "sha256": file.sha256} for file in before.manifest.files}
    new = {file.path: {"size": file.size, "sha256": file.sha256} for file in after.manifest.files}
    yield from _changed("file ", old, new)


def _manifest(before: ModelVersion, after: ModelVersion) -> Iterator[dict[str, Any]]:
    old = before.manifest.model_dump(mode="json", exclude_none=True)
    new = after.manifest.model_dump(mode="json", exclude_none=True)
    yield from _changed("manifest ", {key: old.get(key) for key in _FIELDS}, {key: new.get(key) for key in _FIELDS})


def _card(before: ModelVersion, after: ModelVersion) -> Iterator[dict[str, Any]]:
    yield from _changed("card ", _flat(before.front_matter), _flat(after.front_matter))


def _flat(front_matter: Mapping[str, Any]) -> dict[str, Any]:
    """The block's own fields beside the hub's, so that each shows by itself."""
    block = front_matter.get(BLOCK)
    rest = {key: value for key, value in front_matter.items() if key != BLOCK}
    return rest | {f"{BLOCK}.{key}": value for key, value in (block if isinstance(block, dict) else {}).items()}


def _changed(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield {"what": f"{what}{key}", "before": old.get(key), "after": new.get(key)}
