"""An image to profile: its configuration and its layers, from whatever holds it.

Order: a location is opened (a registry or an OCI layout through `weighbridge.oci`, a docker archive, a Docker daemon),
an index is resolved to the platforms that can run, the configuration is read and every layer paired with the `diff_id`
it must have. Layers are opened later, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from weighbridge.canonical import digest, parse_json
from weighbridge.errors import InputError
from weighbridge.image.limits import LIMITS
from weighbridge.oci.documents import Index, read_manifest
from weighbridge.oci.store import DIGEST, MANIFEST_LIMIT, Descriptor, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from weighbridge.oci.documents import ImageManifest, IndexEntry
    from weighbridge.oci.store import BlobStore

_CONFIGS = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})
_LAYERS = frozenset(
    {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
_MAX_PLATFORMS = 64
_KEYS = frozenset(
    {
        "schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "platform", "subject",
        "annotations", "os", "architecture", "variant", "rootfs", "diff_ids", "type", "created",
        "User", "Entrypoint", "Cmd", "Env", "ExposedPorts", "WorkingDir", "Labels", "Volumes",
    }
)  # fmt: skip
"""Keys that decide what an image is or starts."""
_FOLDED = {key.casefold(): key for key in _KEYS}
_OLD_KEYS = frozenset({"container_config", "history"})
"""Parts of a configuration that no runtime looks at."""
_BUILD = "Build or fetch the image again."


@dataclass(frozen=True)
class Layer:
    """One layer of an image, not opened yet."""

    file: str
    """Its name for errors."""
    digest: str
    """Of the blob, `sha256:<hex>`; "" in a docker archive, which knows none."""
    diff_id: str
    """What the configuration says of the uncompressed layer, `sha256:<hex>`."""
    open: Callable[[], AbstractContextManager[BinaryIO]]
    """Gives the blob from its start."""


@dataclass(frozen=True)
class Image:
    """One image for one platform."""

    name: str
    """As people know it."""
    digest: str | None
    """Of its manifest: what a pod pins; None for a docker archive, which has no manifest."""
    config_digest: str
    config: Mapping[str, Any]
    """The image's configuration, as it stands there."""
    layers: tuple[Layer, ...]

    @property
    def platform(self) -> str:
        """`os/architecture[/variant]`, as the configuration says."""
        parts = (self.config.get(key) for key in ("os", "architecture", "variant"))
        return "/".join(part for part in parts if isinstance(part, str) and part)


@dataclass(frozen=True)
class Subject:
    """What a statement is made about, and every image that it stands for."""

    digest: str | None
    """Of the manifest or index that was named; None where there is none."""
    index: str | None
    """The index that the one image was chosen from, if it was; a pod may pin either."""
    images: tuple[Image, ...]
    is_index: bool = False


def open_images(location: str, platform: str | None = None, *, plain_http: bool = False) -> Subject:
    """The images that a registry reference or an OCI layout names.

    An index stands for every platform in it: whoever pins it runs any of them. With a platform, the one image for it.

    Args:
        location: `oci://host/repository:tag|@digest` or `oci-layout:PATH[:tag|@digest]`.
        platform: `os/architecture[/variant]`.
        plain_http: as `open_store`.

    Raises:
        InputError: nothing there, no image, or not for this platform.
    """
    store, reference = open_store(location, plain_http=plain_http)
    descriptor = store.resolve(reference)
    document = _manifest(store, descriptor, location)
    if not isinstance(document, Index):
        image = _image(store, document, location)
        require_platform(image, platform)
        return Subject(descriptor.digest, None, (image,))
    entries = _runnable(document, location)
    if platform is None:
        images = tuple(_entry_image(store, entry, location) for entry in entries)
        return Subject(descriptor.digest, None, images, is_index=True)
    matching = [entry for entry in entries if _matches(_platform(entry.platform), platform)]
    if len(matching) != 1:
        known = ", ".join(sorted(_platform(entry.platform) for entry in entries))
        message = f"has {len(matching)} images for the platform {platform}"
        raise InputError.single(location, message, f"Choose one of: {known}.", field="--platform")
    image = _entry_image(store, matching[0], location)
    require_platform(image, platform)
    return Subject(image.digest, descriptor.digest, (image,))


def _manifest(store: BlobStore, descriptor: Descriptor, file: str) -> ImageManifest | Index:
    document = read_manifest(store, descriptor, file)
    refuse_twins(parse_json(store.read(descriptor, MANIFEST_LIMIT), file), file)
    return document


def refuse_twins(value: Any, file: str) -> None:
    """Refuse keys that are known but for their case: runtimes, being written in Go, read `Layers` as `layers`.

    Raises:
        InputError: there is one.
    """
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            twin = next((key for key in part if key not in _KEYS and key.casefold() in _FOLDED), None)
            if twin is not None:
                message = f"has the key {twin!a:.60}, which some read as {_FOLDED[twin.casefold()]!r} and others do not"
                raise InputError.single(file, message, _BUILD)
            # What stands below these are names of the author's own.
            waiting += [inner for key, inner in part.items() if key not in {"annotations", "Labels", "ExposedPorts"}]


def _runnable(index: Index, location: str) -> list[IndexEntry]:
    """The index's images; what build tools put beside them (`unknown/unknown`: attestations) is never run."""
    entries = [entry for entry in index.manifests if entry.platform.get("os") != "unknown"]
    if not 0 < len(entries) <= _MAX_PLATFORMS:
        message = f"is an index of {len(entries)} images, expected 1 to {_MAX_PLATFORMS}"
        raise InputError.single(location, message, "Name an image.")
    return entries


def _entry_image(store: BlobStore, entry: IndexEntry, location: str) -> Image:
    name = f"{location} ({_platform(entry.platform)})"
    document = _manifest(store, entry.descriptor, name)
    if isinstance(document, Index):
        raise InputError.single(name, "is an index inside an index", "Name the inner one by its digest.")
    image = _image(store, document, name)
    # Runtimes choose by what the index says; what they then get must be that.
    if entry.platform:
        require_platform(image, _platform(entry.platform))
    return image


def _image(store: BlobStore, manifest: ImageManifest, name: str) -> Image:
    if manifest.config.media_type not in _CONFIGS:
        message = f"is no container image: its config is of type {manifest.config.media_type}"
        raise InputError.single(name, message, "Name an image.")
    config = parse_config(store.read(manifest.config, LIMITS.documents), f"{name}: config")
    ids = diff_ids(config, len(manifest.layers), name)
    layers = tuple(
        _layer(store, descriptor, diff_id, f"{name}: layer {number} ({descriptor.digest[:19]})")
        for number, (descriptor, diff_id) in enumerate(zip(manifest.layers, ids, strict=True))
    )
    return Image(name, manifest.descriptor.digest, manifest.config.digest, config, layers)


def _layer(store: BlobStore, descriptor: Descriptor, diff_id: str, file: str) -> Layer:
    if descriptor.media_type not in _LAYERS:
        message = f"is of type {descriptor.media_type}, which is not read"
        raise InputError.single(file, message, "Build the image with plain layers: tar, gzip or zstd.")
    return Layer(file, descriptor.digest, diff_id, lambda: store.open(descriptor))


def parse_config(data: bytes, file: str) -> dict[str, Any]:
    """An image's configuration from verified bytes.

    Raises:
        InputError: no JSON object, not for Linux, or something in it of another kind than specified.
    """
    config = parse_json(data, file)
    if not isinstance(config, dict):
        raise InputError.single(file, "is no JSON object", _BUILD)
    if config.get("os") != "linux":
        message = f"is for the operating system {config.get('os')!a:.40}; only linux is understood"
        raise InputError.single(file, message, "Name another platform with --platform.", field="os")
    refuse_twins({key: config[key] for key in config if key not in _OLD_KEYS}, file)
    inner = config.get("config") or {}
    wrong = [f"config.{key}" for key, kind in _FIELDS.items() if not _is(inner, key, kind)]
    if not isinstance(inner, dict) or wrong:
        raise InputError.single(
            file, "is not of the kind that an image's configuration has", _BUILD, field=", ".join(wrong)
        )
    return config


_FIELDS = {
    "User": str,
    "Entrypoint": list,
    "Cmd": list,
    "Env": list,
    "ExposedPorts": dict,
    "WorkingDir": str,
    "Labels": dict,
}


def _is(inner: Any, key: str, kind: type) -> bool:
    value = inner.get(key) if isinstance(inner, dict) else None
    if value is None:
        return True
    texts = value if isinstance(value, list) else []
    return isinstance(value, kind) and all(isinstance(entry, str) for entry in texts)


def diff_ids(config: Mapping[str, Any], layers: int, file: str) -> list[str]:
    """The `diff_ids` of a configuration.

    Raises:
        InputError: missing, not one a layer, or no SHA-256 digests.
    """
    rootfs = config.get("rootfs")
    ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(ids, list) or not all(isinstance(entry, str) and DIGEST.match(entry) for entry in ids):
        raise InputError.single(file, "has no list of SHA-256 digests", _BUILD, field="rootfs.diff_ids")
    if len(ids) != layers:
        message = f"has {len(ids)} diff_ids for {layers} layers"
        raise InputError.single(file, message, _BUILD, field="rootfs.diff_ids")
    return ids


def config_digest(data: bytes) -> str:
    """The digest of a configuration: what Docker calls the image's id."""
    return digest(data)


def _platform(given: Mapping[str, str]) -> str:
    return "/".join(given[key] for key in ("os", "architecture", "variant") if given.get(key))


def _matches(has: str, wanted: str) -> bool:
    return has == wanted or (wanted.count("/") == 1 and has.startswith(f"{wanted}/"))


def require_platform(image: Image, platform: str | None) -> None:
    """Raise an InputError unless the image is for a platform, if one is named; a variant may be left unsaid by it."""
    if platform is None:
        return
    base = "/".join(platform.split("/")[:2])
    if not _matches(image.platform, base):
        message = f"is an image for {image.platform or 'no platform'}, where {platform} is expected"
        raise InputError.single(
            image.name, message, "Name another platform, or build the image again.", field="--platform"
        )
