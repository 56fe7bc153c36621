"""Manifests and indexes: read strictly from verified bytes, written canonically.

Only what Weighbridge uses is read. Docker's own schema 2 types are read as what they are, image manifests and lists:
images on registries still have them.

Source: OCI image spec 1.1, manifest.md and image-index.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import canonical, digest, parse_json
from weighbridge.errors import InputError
from weighbridge.oci.store import MANIFEST_LIMIT, Descriptor, annotations_of, media_type_of, parse_descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.oci.store import BlobStore

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES = frozenset({MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({INDEX, DOCKER_LIST})
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = Descriptor(EMPTY_TYPE, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", 2)
"""The descriptor of `{}`, the config of an artifact that has none."""
MAX_LAYERS = 100_000
"""Most layers of a manifest: one a file of a model."""
MAX_MANIFESTS = 10_000
"""Most entries of an index."""
_WHOLE = "Push it anew with the tool that wrote it."


@dataclass(frozen=True)
class ImageManifest:
    """An image manifest, of an image or of any other artifact."""

    descriptor: Descriptor
    """What it was read by; `media_type` is the one in the bytes."""
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    """As the spec has it: `artifactType`, or the config's media type where that is missing."""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class IndexEntry:
    """One manifest of an index."""

    descriptor: Descriptor
    platform: Mapping[str, str] = field(default_factory=dict, hash=False)
    """`os`, `architecture`, `variant`, as far as given as text."""


@dataclass(frozen=True)
class Index:
    """An image index, such as a multi-platform image or a list of referrers."""

    descriptor: Descriptor
    manifests: tuple[IndexEntry, ...]
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)


def read_manifest(store: BlobStore, descriptor: Descriptor, file: str) -> ImageManifest | Index:
    """The manifest or index behind a descriptor, verified and parsed.

    Args:
        store: where it is.
        descriptor: as resolved, or as another document names it.
        file: what to call it in errors.

    Raises:
        InputError: too large, not what the descriptor says, or of no form that is known.
    """
    return parse_manifest(store.read(descriptor, MANIFEST_LIMIT), descriptor, file)


def parse_manifest(data: bytes, descriptor: Descriptor, file: str) -> ImageManifest | Index:
    """A manifest or index from bytes that somebody has verified.

    Raises:
        InputError: not JSON, of an unknown or another type than its descriptor says, or of the wrong form.
    """
    document = parse_json(data, file)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise InputError.single(file, "is no OCI manifest of schema version 2", _WHOLE)
    kind = _kind(document, descriptor.media_type, file)
    # A document that is both would be read as the one here and as the other elsewhere.
    if kind in INDEX_TYPES and ("layers" in document or "config" in document):
        raise InputError.single(file, "is an index with layers or a config", _WHOLE)
    if kind in MANIFEST_TYPES and "manifests" in document:
        raise InputError.single(file, "is an image manifest with manifests in it", _WHOLE)
    named = Descriptor(kind, descriptor.digest, descriptor.size, descriptor.annotations, descriptor.artifact_type)
    subject = parse_descriptor(document["subject"], file, "subject") if "subject" in document else None
    if kind in INDEX_TYPES:
        return Index(named, _entries(document, file), subject, annotations_of(document, file, ""))
    config = parse_descriptor(document.get("config"), file, "config")
    artifact_type = (
        media_type_of(document, "artifactType", file, "") if document.get("artifactType") else config.media_type
    )
    layers = tuple(
        parse_descriptor(layer, file, f"layers[{index}]")
        for index, layer in enumerate(_listed(document, "layers", MAX_LAYERS, file))
    )
    return ImageManifest(named, config, layers, artifact_type, subject, annotations_of(document, file, ""))


def media_type_in(data: bytes, file: str) -> str:
    """The media type that a manifest's own bytes name, for where nothing else names one.

    Raises:
        InputError: not JSON, or no known type.
    """
    document = parse_json(data, file)
    if not isinstance(document, dict):
        raise InputError.single(file, "is no JSON object", _WHOLE)
    return _kind(document, "", file)


def _kind(document: Mapping[str, Any], expected: str, file: str) -> str:
    # `mediaType` in the bytes is optional in OCI manifests; where it is given it must agree (CVE-2021-41190).
    given = document.get("mediaType", expected)
    if not given:
        given = INDEX if "manifests" in document else MANIFEST
    if not isinstance(given, str) or given not in MANIFEST_TYPES | INDEX_TYPES:
        raise InputError.single(file, f"is of the media type {given!a:.100}, which is not accepted", _WHOLE)
    if expected and given != expected:
        raise InputError.single(file, f"says to be {given}, where {expected:.100} was announced", _WHOLE)
    return given


def _listed(document: Mapping[str, Any], key: str, most: int, file: str) -> list[Any]:
    listed = document.get(key)
    if not isinstance(listed, list) or len(listed) > most:
        raise InputError.single(file, f"is no list, or has more than {most:,} entries", _WHOLE, field=key)
    return listed


def _entries(document: Mapping[str, Any], file: str) -> tuple[IndexEntry, ...]:
    entries = []
    for index, entry in enumerate(_listed(document, "manifests", MAX_MANIFESTS, file)):
        descriptor = parse_descriptor(entry, file, f"manifests[{index}]")
        platform = entry.get("platform")
        given = platform.items() if isinstance(platform, Mapping) else ()
        entries.append(IndexEntry(descriptor, {key: text for key, text in given if isinstance(text, str)}))
    return tuple(entries)


def manifest_json(
    config: Descriptor,
    layers: Sequence[Descriptor],
    *,
    artifact_type: str,
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """The canonical bytes (RFC 8785) of an OCI image manifest: equal content has an equal digest."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact_type,
        "config": config.document(),
        "layers": [layer.document() for layer in layers],
    }
    if subject is not None:
        document["subject"] = Descriptor(subject.media_type, subject.digest, subject.size).document()
    if annotations:
        document["annotations"] = dict(annotations)
    return canonical(document)


def index_json(manifests: Sequence[Mapping[str, Any]]) -> bytes:
    """The canonical bytes of an OCI index; entries are JSON values, so that nothing of a foreign one is lost."""
    return canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)})


def described(data: bytes, media_type: str, annotations: Mapping[str, str] | None = None) -> Descriptor:
    """The descriptor of bytes."""
    return Descriptor(media_type, digest(data), len(data), annotations or {})
