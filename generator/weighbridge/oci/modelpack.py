"""The CNCF ModelPack format: what a model's manifest in a registry looks like.

One layer a file, neither archived nor compressed, so that a layer's digest is the file's own SHA-256 and equals the one
in `manifest.json`; owners and times are constant, so equal models have equal digests. Beside the artifact's files stand
the card, `manifest.json` and `artifact.json`, as they would in the model's folder.

Source: modelpack/model-spec v1 (docs/spec.md, docs/annotations.md, docs/config.md, schema/config-schema.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical
from weighbridge.errors import InputError
from weighbridge.oci.documents import ImageManifest, described, manifest_json
from weighbridge.oci.store import MANIFEST_LIMIT, Descriptor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighbridge.packaging.manifest import Manifest, ManifestFile, Role

ARTIFACT_TYPE = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
FILE_PATH = "org.cncf.model.filepath"
FILE_METADATA = "org.cncf.model.file.metadata+json"
UNTESTED = "org.cncf.model.file.mediatype.untested"
ARTIFACT_DIGEST = "dev.weighbridge.artifact-digest"
TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"
_WEIGHTS = "application/vnd.cncf.model.weight.v1.raw"
_CONFIGURATION = "application/vnd.cncf.model.weight.config.v1.raw"
_DOCUMENTATION = "application/vnd.cncf.model.doc.v1.raw"
_CODE = "application/vnd.cncf.model.code.v1.raw"
_DATASET = "application/vnd.cncf.model.dataset.v1.raw"
RAW_TYPES = frozenset({_WEIGHTS, _CONFIGURATION, _DOCUMENTATION, _CODE, _DATASET})
"""Layers that are a file as it is; ModelPack's archives are not read."""
_BY_ROLE: Mapping[Role | None, str] = {
    "weights": _WEIGHTS,
    "tokenizer": _CONFIGURATION,
    "configuration": _CONFIGURATION,
    "documentation": _DOCUMENTATION,
    "license": _DOCUMENTATION,
    "code": _CODE,
}
_SCALES = ((10**15, "q"), (10**12, "t"), (10**9, "b"), (10**6, "m"), (10**3, "k"))
_REGULAR = 48
"""The type flag of a regular file in a tar header: `0`."""


@dataclass(frozen=True)
class ModelPack:
    """A model's manifest in a registry, and what it consists of."""

    data: bytes
    """The manifest's bytes."""
    config: bytes
    layers: tuple[Descriptor, ...]
    """Sorted by path."""


def build(manifest: Manifest, beside: Mapping[str, bytes]) -> ModelPack:
    """The ModelPack manifest of a packaged model; equal inputs give equal bytes.

    Args:
        manifest: the model's `manifest.json`.
        beside: what lies beside the artifact's files, by path: `README.md`, `manifest.json`, `artifact.json`.

    Raises:
        InputError: so many files that no registry must take the manifest.
    """
    tested = {header.path for header in manifest.weights}
    layers = {file.path: _layer(file, tested=file.path in tested) for file in manifest.files}
    for path, data in beside.items():
        described_ = described(data, _DOCUMENTATION)
        layers[path] = _annotated(_DOCUMENTATION, described_.digest, described_.size, path, tested=True)
    ordered = tuple(layers[path] for path in sorted(layers, key=lambda path: path.encode()))
    config = canonical(_config(manifest, ordered))
    annotations = {
        ARTIFACT_DIGEST: manifest.artifact_digest,
        TITLE: f"{manifest.model}@{manifest.version}",
        VERSION: manifest.version,
    }
    data = manifest_json(described(config, CONFIG_TYPE), ordered, artifact_type=ARTIFACT_TYPE, annotations=annotations)
    if len(data) > MANIFEST_LIMIT:
        message = f"make a manifest of {len(data):,} bytes, and registries need to take only {MANIFEST_LIMIT:,}"
        raise InputError.single("manifest.json", f"its {len(ordered):,} files {message}", "Pack small files together.")
    return ModelPack(data, config, ordered)


def _layer(file: ManifestFile, *, tested: bool) -> Descriptor:
    media_type = _BY_ROLE.get(file.role, _CONFIGURATION)
    return _annotated(media_type, f"sha256:{file.sha256}", file.size, file.path, tested=tested)


def _annotated(media_type: str, digest: str, size: int, path: str, *, tested: bool) -> Descriptor:
    metadata = {
        "name": path,
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "size": size,
        "mtime": "1970-01-01T00:00:00Z",
        "typeflag": _REGULAR,
    }
    annotations = {
        FILE_PATH: path,
        FILE_METADATA: canonical(metadata).decode(),
        UNTESTED: "false" if tested else "true",
    }
    return Descriptor(media_type, digest, size, annotations)


def _config(manifest: Manifest, layers: Sequence[Descriptor]) -> dict[str, Any]:
    descriptor: dict[str, Any] = {"name": manifest.model, "version": manifest.version}
    if manifest.licenses:
        descriptor["licenses"] = list(manifest.licenses)
    return {
        "descriptor": descriptor,
        "config": _technical(manifest),
        "modelfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }


def _technical(manifest: Manifest) -> dict[str, str]:
    """Format, size and precision, where the weights' headers leave no doubt."""
    if len(manifest.formats) != 1:  # the same weights in two formats would be counted twice
        return {}
    technical = {"format": manifest.formats[0]}
    counts = [header.parameters for header in manifest.weights]
    if counts and all(count for count in counts):
        technical["paramSize"] = param_size(sum(count or 0 for count in counts))
    dtypes = {dtype.lower() for header in manifest.weights for dtype in header.dtypes}
    if dtypes:
        technical["precision"] = dtypes.pop() if len(dtypes) == 1 else "mixed"
    return technical


def param_size(count: int) -> str:
    """A number of parameters as ModelPack writes it: `22.7m`, `8b`, rounded down to one decimal; `512` as it is."""
    for scale, letter in _SCALES:
        if count >= scale:
            tenths = count * 10 // scale
            return f"{tenths // 10}.{tenths % 10}{letter}" if tenths % 10 else f"{tenths // 10}{letter}"
    return str(count)


def check_type(manifest: ImageManifest, file: str) -> None:
    """Refuse what is no ModelPack artifact of raw files.

    Raises:
        InputError: naming the type that it has.
    """
    fix = "Name a model that `weighbridge push` wrote."
    if manifest.artifact_type != ARTIFACT_TYPE or manifest.config.media_type != CONFIG_TYPE:
        message = f"is of type {manifest.artifact_type} ({manifest.config.media_type}), expected {ARTIFACT_TYPE}"
        raise InputError.single(file, message, fix)
    other = sorted({layer.media_type for layer in manifest.layers} - RAW_TYPES)
    if other:
        raise InputError.single(file, f"has layers of type {other[0]}, where only raw files are read", fix)
