"""Evidence about a digest, as it lies beside an artifact or image: found and bounded here, verified elsewhere.

Three ways are in use. OCI 1.1 referrers whose artifact type is a Sigstore bundle's (cosign v3, GitHub, Weighbridge) or
a DSSE envelope's; the same listed under the fallback tag; and cosign's older image under the tag `sha256-<hex>.att`,
whose layers are DSSE envelopes. Whoever may push may lie here about everything but digests: a referrer that speaks of
another subject is refused, and whether a signature counts is for the catalogue's trust to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.canonical import parse_json
from weighbridge.catalogue.source import LIMITS as CATALOGUE_LIMITS
from weighbridge.errors import InputError
from weighbridge.evidence.dsse import BUNDLE_TYPE, BUNDLE_TYPES, decode_base64
from weighbridge.oci.documents import EMPTY, MANIFEST_TYPES, ImageManifest, described, manifest_json, read_manifest
from weighbridge.oci.store import Descriptor, MissingError

if TYPE_CHECKING:
    from weighbridge.oci.store import BlobStore

ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
BUNDLE_MEDIA = re.compile(
    r"application/vnd\.dev\.sigstore\.bundle(?:\.v0\.[1-9][0-9]*)?\+json(?:;\s*version=0\.[1-9])?\Z"
)
"""Artifact types under which bundles are attached; which versions are read is decided where they are."""
TITLE = "org.opencontainers.image.title"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.json\Z")
_TOTAL = 256 * 1024**2
_REFERRERS = 1000
_FIX = "Ask whoever pushed it, or fetch from a repository that you trust."


@dataclass(frozen=True)
class FoundEvidence:
    """One bundle or envelope, as it was attached."""

    name: str
    """A file name: as it was called when attached by Weighbridge, else after its own digest."""
    data: bytes
    source: str
    """Digest of the manifest that it came with."""


def fetch_evidence(store: BlobStore, digest: str) -> tuple[FoundEvidence, ...]:
    """All evidence that a store has about a digest, sorted by name; nothing of it is verified but its bytes.

    Args:
        store: a layout or a repository.
        digest: of an image or artifact, `sha256:<hex>`.

    Raises:
        InputError: a referrer that says it is about something else, too much of it, or anything that cannot be read.
    """
    found: dict[str, FoundEvidence] = {}
    total = count = 0
    manifests = [*_referring(store, digest), *_legacy(store, digest)]
    for manifest in manifests:
        for layer in manifest.layers:
            if layer.media_type != ENVELOPE_TYPE and not BUNDLE_MEDIA.match(layer.media_type):
                continue
            total, count = total + layer.size, count + 1
            if count > CATALOGUE_LIMITS.folder or total > _TOTAL:
                message = f"has more than {CATALOGUE_LIMITS.folder} files or {_TOTAL:,} bytes of evidence"
                raise InputError.single(digest, message, _FIX)
            data = store.read(layer, CATALOGUE_LIMITS.evidence)
            name = _name(manifest, data, layer, taken=found)
            if name:
                found[name] = FoundEvidence(name, data, manifest.descriptor.digest)
    return tuple(found[name] for name in sorted(found))


def _referring(store: BlobStore, digest: str) -> list[ImageManifest]:
    manifests = []
    listed = [descriptor for descriptor in store.referrers(digest) if descriptor.media_type in MANIFEST_TYPES]
    if len(listed) > _REFERRERS:
        raise InputError.single(digest, f"has {len(listed):,} referrers, more than {_REFERRERS:,}", _FIX)
    for descriptor in listed:
        # Which type a list gives is not looked at: there are registries that give the config's instead.
        manifest = read_manifest(store, descriptor, f"referrer {descriptor.digest}")
        if not isinstance(manifest, ImageManifest) or not _evidence_type(manifest.artifact_type):
            continue
        subject = manifest.subject.digest if manifest.subject else "nothing"
        if subject != digest:
            message = f"is listed as a referrer of {digest} but refers to {subject}"
            raise InputError.single(f"referrer {descriptor.digest}", message, _FIX)
        manifests.append(manifest)
    return manifests


def _evidence_type(artifact_type: str) -> bool:
    return artifact_type == ENVELOPE_TYPE or BUNDLE_MEDIA.match(artifact_type) is not None


def _legacy(store: BlobStore, digest: str) -> list[ImageManifest]:
    """Cosign's image of attestations: it has no subject, so only what is signed in it says what it is about."""
    try:
        descriptor = store.resolve(f"{digest.replace(':', '-')}.att")
    except MissingError:
        return []
    manifest = read_manifest(store, descriptor, f"attestations of {digest}")
    if not isinstance(manifest, ImageManifest):
        raise InputError.single(f"attestations of {digest}", "are no image manifest", _FIX)
    return [manifest]


def _name(manifest: ImageManifest, data: bytes, layer: Descriptor, taken: dict[str, FoundEvidence]) -> str:
    """The file's name; "" for the very same bytes once more."""
    title = manifest.annotations.get(TITLE, "")
    kind = "dsse" if layer.media_type == ENVELOPE_TYPE else "sigstore"
    plain = f"{layer.digest.removeprefix('sha256:')[:32]}.{kind}.json"
    named = title if _FILE_NAME.match(title) and ".." not in title else plain
    if named in taken and taken[named].data != data:
        named = plain
    same = any(known.data == data for known in taken.values())
    return "" if same else named


def attachment(data: bytes, name: str, subject: Descriptor) -> tuple[bytes, Descriptor]:
    """The manifest that attaches an evidence file to an artifact, and its layer; equal inputs give equal bytes.

    Args:
        data: a Sigstore bundle or a DSSE envelope.
        name: the file's name.
        subject: what it is attached to.

    Raises:
        InputError: neither bundle nor envelope.
    """
    document = parse_json(data, name)
    media_type = _media_type(document, name)
    annotations = {TITLE: name}
    if media_type != ENVELOPE_TYPE:
        annotations["dev.sigstore.bundle.content"] = "dsse-envelope"
    predicate_type = _predicate_type(document)
    if predicate_type and media_type != ENVELOPE_TYPE:
        annotations["dev.sigstore.bundle.predicateType"] = predicate_type
    layer = described(data, media_type)
    manifest = manifest_json(EMPTY, [layer], artifact_type=media_type, subject=subject, annotations=annotations)
    return manifest, layer


def _media_type(document: Any, name: str) -> str:
    if isinstance(document, dict) and isinstance(document.get("dsseEnvelope"), dict):
        given = document.get("mediaType")
        if given in BUNDLE_TYPES:
            # The older types carry the version as a parameter, which no registry takes as an artifact type.
            return BUNDLE_TYPE if given.endswith("0.3") else str(given).partition(";")[0]
    if isinstance(document, dict) and {"payload", "payloadType", "signatures"} <= document.keys():
        return ENVELOPE_TYPE
    raise InputError.single(name, "is neither a Sigstore bundle nor a DSSE envelope", "Attach signed statements only.")


def _predicate_type(document: dict[str, Any]) -> str:
    """What the statement inside is about, for those who list referrers; "" if that cannot be read."""
    try:
        payload = decode_base64(document.get("dsseEnvelope", document)["payload"])
        given = parse_json(payload, "payload")["predicateType"]
    except (InputError, ValueError, TypeError, LookupError, AttributeError):
        return ""
    return given if isinstance(given, str) and len(given) <= 2048 and given.isprintable() else ""
